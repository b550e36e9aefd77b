"""Mewsli-X: for a mention in its sentence, the description of the entity, in any language.

Its text has to be rebuilt from news archives, so there are no files of it.
"""

from xit.tasks import Task

task = Task(
    title="Mewsli-X",
    format="retrieval",
    metric="mrr_at_20",
    languages=("en", "ar", "de", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk"),
    group="retrieval",
    pool="all",
    micro="linking",
    citation="Ruder et al. 2021, arXiv 2104.07412",
    licence="CC BY-SA 3.0 (Wikipedia), CC BY 2.5 (Wikinews)",
    record={"id": "0", "language": "en", "role": "query", "text": "She left { Turin } by train.", "gold": ["Q495"]},
)
