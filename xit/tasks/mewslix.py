"""Mewsli-X: for a mention in its sentence, the description of the entity, in any language.

The release lacks the text of its news, which has to be rebuilt from archives. Files: those of the Hub's izhx/mewsli-x,
which has it, in its folders, its .tar.gz files unpacked to the paths below. The fields that are read are those that the
training code of its author reads (izhx/nlu-evals); that its mentions are marked as in `record` was not verified.
"""

from xit.tasks import Files, Task

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
    files={
        "train": (Files("linked", "mewslix/wikipedia_pairs/train.jsonl"),),
        "validation": (Files("linked", "mewslix/wikipedia_pairs/dev.jsonl"),),
        "test": (Files("mentions", "mewslix/wikinews_mentions/{language}/test.jsonl"),),
    },
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
