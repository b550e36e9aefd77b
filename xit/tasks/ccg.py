"""CCG: the supertag of every word, from CCGbank (LDC2005T13), which is licensed: there are no files of it.

The labels are those of the examples, 1,363 in nyu-mll/jiant.
"""

from xit.tasks import Task

task = Task(
    title="CCG",
    format="tagging",
    metric="accuracy",
    languages=("en",),
    micro="supertags",
    published={"train": 38_015, "validation": 5_484},
    faults=("Published counts are from memory, not verified.",),
    citation="Hockenmaier and Steedman 2007, Computational Linguistics 33(3)",
    licence="LDC User Agreement",
    record={"id": "0", "language": "en", "words": ["Lamps", "flicker", "."], "tags": ["N", "S[dcl]\\NP", "."]},
)
