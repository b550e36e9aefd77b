"""SQuAD 1.1: questions whose answer is a span of a Wikipedia paragraph."""

from xit.core.task import SQUAD, Files, Task

task = Task(
    title="SQuAD 1.1",
    format="span",
    metric="em_f1",
    languages=("en",),
    micro="questions",
    files={
        "train": (Files("squad", "squad/train-v1.1.json"),),
        "validation": (Files("squad", "squad/dev-v1.1.json"),),
    },
    hub=SQUAD,
    published={"train": 87_599, "validation": 10_570},
    citation="Rajpurkar et al. 2016, arXiv 1606.05250",
    licence="CC BY-SA 4.0",
    record={
        "id": "0",
        "language": "en",
        "question": "What colour is the boat?",
        "context": "Ida painted the boat green.",
        "answers": ["green"],
        "starts": [21],
    },
)
