"""Mewsli-X: for a mention in its sentence, the description of the entity, in any language.

Its text has to be rebuilt from news archives, so there are no files of it.
"""

from xit.tasks import Task

LANGUAGES = ("en", "ar", "de", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk")
COUNTS = (1_490, 1_501, 1_551, 1_552, 458, 1_519, 1_562, 672, 1_567, 1_215, 1_537)

task = Task(
    title="Mewsli-X",
    format="retrieval",
    metric="mrr_at_20",
    languages=LANGUAGES,
    group="retrieval",
    pool="all",
    micro="linking",
    published={
        "train": 167_719,
        "validation": 14_051,
        "test": dict(zip(LANGUAGES, COUNTS, strict=True)),
    },
    faults=("Counts are of release 20220518; the paper's numbers are of another and not comparable.",),
    citation="Ruder et al. 2021, arXiv 2104.07412",
    licence="CC BY-SA 3.0 (Wikipedia), CC BY 2.5 (Wikinews)",
    record={"id": "0", "language": "en", "role": "query", "text": "She left { Turin } by train.", "gold": ["Q495"]},
)
