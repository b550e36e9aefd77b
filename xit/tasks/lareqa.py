"""LAReQA (XQuAD-R): for a question, the sentences that answer it, among those of all languages.

Differs from the benchmark: it trains on SQuAD 1.1, its negatives are the 4 examples of a batch; here on TyDiQA-GoldP
English, with batches of the size that params.yaml gives.
"""

import dataclasses

from xit.core.task import SQUAD, Files, Hub, Task

TYDIQA = "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json"
XQUAD_R = (
    "https://raw.githubusercontent.com/google-research-datasets/lareqa/5405d2a77e83d5ccb47623a3f9e5604c3f103193/"
    "xquad-r/{language}.json"
)

task = Task(
    title="LAReQA",
    format="retrieval",
    metric="map_at_20",
    languages=("en", "ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"),
    group="retrieval",
    pool="all",
    micro="answers",
    files={
        "train": (Files("squad_answers", TYDIQA, (0.0, 0.95)),),
        "validation": (Files("squad_answers", TYDIQA, (0.95, 1.0)),),
        "test": (Files("squad_sentences", "lareqa/xquad-r/{language}.json", url=XQUAD_R),),
    },
    hub={
        **{
            split: tuple(dataclasses.replace(s, reader="squad_answers") for s in found)
            for split, found in SQUAD.items()
        },
        "test": (Hub("squad_sentences", XQUAD_R, count=1_190),),
    },
    published={"train": 87_599, "test": 1_190},
    faults=("The benchmark's evaluator has an empty list of languages for it, and so no overall score.",),
    citation="Roy et al. 2020, arXiv 2004.05484",
    licence="CC BY-SA 4.0",
    record={
        "id": "0",
        "language": "en",
        "role": "query",
        "text": "Who built the bridge?",
        "gold": ["en-0-1", "de-0-1"],
    },
)
