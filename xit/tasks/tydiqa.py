"""TyDiQA-GoldP: questions asked in each language without translation, each on one paragraph.

Files: XTREME blanks the answers of the test files, so the English training file is cut into three; contexts that occur
more than once stay together. Its question ids are not unique, so rows are numbered.
"""

from xit.tasks import Files, Task

TRAIN = "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{language}.train.json"

task = Task(
    title="TyDiQA",
    format="span",
    metric="f1",
    languages=("en", "ar", "bn", "fi", "id", "ko", "ru", "sw", "te"),
    group="qa",
    micro="questions",
    files={
        "train": (Files("squad", TRAIN, (0.0, 0.8), {"has_own_ids": False}),),
        "validation": (Files("squad", TRAIN, (0.8, 0.85), {"has_own_ids": False}),),
        "test": (Files("squad", TRAIN, (0.85, 1.0), {"has_own_ids": False}),),
    },
    citation="Clark et al. 2020, arXiv 2003.05002",
    licence="Apache-2.0",
    record={
        "id": "0",
        "language": "en",
        "question": "How high is the tower?",
        "context": "The tower is 31 m high.",
        "answers": ["31 m"],
        "starts": [13],
    },
)
