"""SQuAD 2.0: the questions of SQuAD 1.1, and others that the paragraph does not answer."""

from xit.core.task import Files, Hub, Stream, Task

SQUAD2 = "rajpurkar/squad_v2@3ffb306f725f7d2ce8394bc1873b24868140c412"
DEV = (Stream("squad", "questions", 5_928), Stream("squad2", "unanswerable", 5_945))
FIELDS = "id question context answers"

task = Task(
    title="SQuAD 2.0",
    format="span",
    metric="em_f1",
    languages=("en",),
    has_unanswerable=True,
    micro="unanswerable",
    streams={
        "train": (Stream("squad", "questions", 86_821), Stream("squad2", "unanswerable", 43_498)),
        "validation": DEV,
        "test": DEV,
    },
    files={
        "train": (Files("squad", "squad/train-v2.0.json", options={"allows_none": True}),),
        "validation": (Files("squad", "squad/dev-v2.0.json", options={"allows_none": True}),),
    },
    hub={
        "train": (Hub("squad", SQUAD2, "squad_v2/train", FIELDS, 130_319, options={"allows_none": True}),),
        "validation": (Hub("squad", SQUAD2, "squad_v2/validation", FIELDS, 11_873, options={"allows_none": True}),),
    },
    published={"train": 130_319, "validation": 11_873},
    faults=("Published counts are from memory, not verified.",),
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
