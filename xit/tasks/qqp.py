"""QQP: whether two questions put to a forum ask the same."""

from xit.tasks import Task

task = Task(
    title="QQP",
    format="classification",
    metric="accuracy",
    languages=("en",),
    labels=("not_duplicate", "duplicate"),
    micro="paraphrase",
    citation="Iyer et al. 2017; Wang et al. 2018, arXiv 1804.07461",
    licence="Quora's terms, non-commercial",
    record={
        "id": "0",
        "language": "en",
        "text_a": "How do I clean a lamp?",
        "text_b": "What is the way to clean a lamp?",
        "label": "duplicate",
    },
)
