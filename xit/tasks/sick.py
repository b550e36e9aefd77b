"""SICK: natural-language inference between short descriptions of pictures; the inference task of the files source.

Hub: its counts and how it writes labels are not known; numbers are read as labels only where the file names them.
"""

from xit.core.task import Files, Hub, Task

WORDS = {"CONTRADICTION": "contradiction", "ENTAILMENT": "entailment", "NEUTRAL": "neutral"}
PLACE = "tasksource/sick@533a4bd3ef2fa6ee2ef285f3e3ec633f949af9aa"
PAIR = "text_a:sentence_A text_b:sentence_B label"

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
    hub={
        "train": (Hub("pairs", PLACE, "default/train", PAIR, labels="-"),),
        "validation": (Hub("pairs", PLACE, "default/validation", PAIR, labels="-"),),
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
