"""ANLI+: MNLI, SNLI and the three rounds of Adversarial NLI, joined (1,104,934 examples).

Files: only the development file of ANLI's first round; a result from files is one of those 1,000 examples.
"""

from xit.core.task import Files, Hub, Stream, Task

DEV = "anli/anli_v1.0/R1/dev.jsonl"
LETTERS = {"c": "contradiction", "e": "entailment", "n": "neutral"}
MNLI = "nyu-mll/glue@bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
SNLI = "stanfordnlp/snli@cdb5c3d5eed6ead6e5a341c8e56e669bb666725b"
ANLI = "facebook/anli@8e4813d81f46d313dac7892e1c28076917cfcdf9"
PAIR, ORDER = "text_a:premise text_b:hypothesis label", "entailment neutral contradiction"
TRAIN = {"r1": 16_946, "r2": 45_460, "r3": 100_459}
DEV_ROUNDS = {"r1": 1_000, "r2": 1_000, "r3": 1_200}

task = Task(
    title="ANLI+",
    format="classification",
    metric="accuracy",
    languages=("en",),
    labels=("contradiction", "entailment", "neutral"),
    micro="inference",
    streams={
        "train": (Stream("mnli", "inference", 392_702), Stream("anli_plus", "inference", 712_232)),
        "validation": (Stream("mnli", "inference", 9_815), Stream("anli_plus", "inference", 13_042)),
    },
    files={
        "train": (Files("anli", DEV, (0.0, 0.9), {"labels": LETTERS}, count=1_000),),
        "validation": (Files("anli", DEV, (0.9, 1.0), {"labels": LETTERS}, count=1_000),),
    },
    hub={
        "train": (
            Hub("pairs", MNLI, "mnli/train", PAIR, 392_702, ORDER),
            Hub("pairs", SNLI, "plain_text/train", PAIR, 550_152, ORDER),
            *(Hub("pairs", ANLI, f"plain_text/train_{name}", PAIR, count, ORDER) for name, count in TRAIN.items()),
        ),
        "validation": (
            Hub("pairs", MNLI, "mnli/validation_matched", PAIR, 9_815, ORDER),
            Hub("pairs", SNLI, "plain_text/validation", PAIR, 10_000, ORDER),
            *(Hub("pairs", ANLI, f"plain_text/dev_{name}", PAIR, count, ORDER) for name, count in DEV_ROUNDS.items()),
        ),
    },
    published={"train": 1_104_934, "validation": 22_857},
    faults=("SNLI has pairs without a label (-1), which are dropped: 785 of train, 158 of validation, 176 of test.",),
    citation="Nie et al. 2020, arXiv 1910.14599",
    licence="CC BY-NC 4.0",
    record={
        "id": "0",
        "language": "en",
        "text_a": "The tower, built in 1931, is 31 m high.",
        "text_b": "The tower is older than the church.",
        "label": "neutral",
    },
)
