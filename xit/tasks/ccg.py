"""CCG: the supertag of every word, from CCGbank (LDC2005T13), which is licensed: its files are yours to bring.

Sections 02 to 21 train, 00 validates, 23 tests. The labels are those of the examples, 1,363 in nyu-mll/jiant.
"""

from xit.core.task import Files, Task

task = Task(
    title="CCG",
    format="tagging",
    metric="accuracy",
    languages=("en",),
    micro="supertags",
    files={
        "train": (Files("supertags", "ccg/ccg.train"),),
        "validation": (Files("supertags", "ccg/ccg.dev"),),
        "test": (Files("supertags", "ccg/ccg.test"),),
    },
    published={"train": 38_015, "validation": 5_484},
    faults=("Published counts are from memory, not verified.",),
    citation="Hockenmaier and Steedman 2007, Computational Linguistics 33(3)",
    licence="LDC User Agreement",
    record={"id": "0", "language": "en", "words": ["Lamps", "flicker", "."], "tags": ["N", "S[dcl]\\NP", "."]},
)
