"""SQuAD 2.0: as SQuAD 1.1, with questions that the paragraph does not answer."""

from xit.core.task import Files, Hub, Task

SQUAD2 = "rajpurkar/squad_v2@3ffb306f725f7d2ce8394bc1873b24868140c412"
FIELDS = "id question context answers"

task = Task(
    title="SQuAD 2.0",
    format="span",
    metric="em_f1",
    languages=("en",),
    has_unanswerable=True,
    micro="questions_or_none",
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
