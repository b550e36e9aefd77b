"""SICK: natural-language inference between short descriptions of pictures; the inference task of the files source."""

from xit.core.task import Files, Task

WORDS = {"CONTRADICTION": "contradiction", "ENTAILMENT": "entailment", "NEUTRAL": "neutral"}

task = Task(
    title="SICK",
    format="classification",
    metric="accuracy",
    languages=("en",),
    labels=("contradiction", "entailment", "neutral"),
    micro="inference",
    files={
        "train": (Files("sick", "sick/SICK_train.txt", options={"labels": WORDS}, count=4_500),),
        "validation": (Files("sick", "sick/SICK_trial.txt", options={"labels": WORDS}, count=500),),
    },
    citation="Marelli et al. 2014, LREC",
    licence="CC BY-NC-SA 3.0",
    record={
        "id": "0",
        "language": "en",
        "text_a": "A girl is painting a boat",
        "text_b": "Nobody is painting",
        "label": "contradiction",
    },
)
