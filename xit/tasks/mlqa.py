"""MLQA: questions whose answer is a span of a Wikipedia paragraph, question and paragraph of one language.

Files: the development files test.
Differs from the benchmark, which trains on SQuAD 1.1: trains on the English part of TyDiQA-GoldP.
"""

from xit.core.task import SQUAD, SQUAD_STREAMS, Files, Hub, Task

TYDIQA = "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json"

FIELDS = "id question context answers"
COUNTS = {"en": 11_590, "ar": 5_335, "de": 4_517, "es": 5_253, "hi": 4_918, "vi": 5_495, "zh": 5_137}
ZIP = "https://dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip!MLQA_V1/dev/dev-context-{language}-question-{language}.json"
XTREME = "google/xtreme@ec5f1f46e9af79639a90684a7a70a956c4998f04"
MLQA = Hub("squad", "facebook/mlqa", "mlqa.{language}.{language}/test", FIELDS, COUNTS)

task = Task(
    title="MLQA",
    format="span",
    metric="em_f1",
    languages=("en", "es", "de", "ar", "hi", "vi", "zh"),
    group="qa",
    answer_rules="mlqa",
    micro="questions",
    streams=SQUAD_STREAMS,
    files={
        "train": (Files("squad", TYDIQA, (0.0, 0.95), {"has_own_ids": False}),),
        "validation": (Files("squad", TYDIQA, (0.95, 1.0), {"has_own_ids": False}),),
        "test": (Files("squad", "mlqa/MLQA_V1/dev/dev-context-{language}-question-{language}.json", url=ZIP),),
    },
    hub={
        **SQUAD,
        "test": (Hub("squad", XTREME, "MLQA.{language}.{language}/test", FIELDS, COUNTS, fallbacks=(MLQA,)),),
    },
    published={
        "train": 87_599,
        "validation": 10_570,
        "test": COUNTS,
    },
    faults=(
        "google/xtreme stripped contexts without moving offsets: misplaced answers (huggingface/datasets, issue 2585).",
    ),
    citation="Lewis et al. 2020, arXiv 1910.07475",
    licence="CC BY-SA 3.0",
    record={
        "id": "0",
        "language": "en",
        "question": "Who built the bridge?",
        "context": "The bridge was built by Ida Holm.",
        "answers": ["Ida Holm"],
        "starts": [24],
    },
)
