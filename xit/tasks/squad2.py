"""SQuAD 2.0: as SQuAD 1.1, with questions that the paragraph does not answer."""

from xit.tasks import Files, Task

task = Task(
    title="SQuAD 2.0",
    format="span",
    metric="f1",
    languages=("en",),
    has_unanswerable=True,
    micro="questions_or_none",
    files={
        "train": (Files("squad", "squad/train-v2.0.json", options={"allows_none": True}),),
        "validation": (Files("squad", "squad/dev-v2.0.json", options={"allows_none": True}),),
    },
    citation="Rajpurkar et al. 2018, arXiv 1806.03822",
    licence="CC BY-SA 4.0",
    record={
        "id": "0",
        "language": "en",
        "question": "Who bought the boat?",
        "context": "Ida painted the boat green.",
        "answers": [],
        "starts": [],
    },
)
