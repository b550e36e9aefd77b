"""MNLI: natural-language inference in ten genres."""

from xit.tasks import Task

task = Task(
    title="MNLI",
    format="classification",
    metric="accuracy",
    languages=("en",),
    labels=("contradiction", "entailment", "neutral"),
    micro="inference",
    citation="Williams et al. 2018, arXiv 1704.05426",
    licence="per genre: OANC and others",
    record={
        "id": "0",
        "language": "en",
        "text_a": "Nobody has opened the shop today.",
        "text_b": "The shop is open.",
        "label": "contradiction",
    },
)
