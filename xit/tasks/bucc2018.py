"""BUCC 2018: which sentences of two texts, one of them English, are translations of each other; by the bare encoder.

XTREME only, whose test set is the training set of the shared task. Most sentences have no translation, so pairs are
mined and scored as a set; which language is the source matters to the order of a pair only.

Files: the sample set validates; the training set, whose pairs are public, tests.
Hub: differs from the benchmark, since the sample set is not there: a tenth of the training set validates.
"""

from xit.core.task import Files, Hub, Task

SAMPLE, TRAINING = (f"bucc2018/{{language}}-en/{{language}}-en.{name}." for name in ("sample", "training"))
MTEB = "mteb/BUCC@414572247440f0ccacf7eb0bb70a31533a0e5443"
FIELDS = "foreign:sentence1 english:sentence2 gold"
PAIRS = {"de": 9_580, "fr": 9_086, "ru": 14_435, "zh": 1_899}

task = Task(
    title="BUCC 2018",
    format="retrieval",
    metric="f1",
    languages=("de", "fr", "ru", "zh"),
    group="retrieval",
    is_trained=False,
    micro="mined",
    files={
        "validation": (Files("comparable", f"{SAMPLE}{{language}}", beside=(f"{SAMPLE}en", f"{SAMPLE}gold")),),
        "test": (Files("comparable", f"{TRAINING}{{language}}", beside=(f"{TRAINING}en", f"{TRAINING}gold")),),
    },
    hub={
        "validation": (Hub("comparable", MTEB, "{language}-en/test", FIELDS, PAIRS, counted="gold"),),
        "test": (Hub("comparable", MTEB, "{language}-en/test", FIELDS, PAIRS, counted="gold"),),
    },
    faults=(
        "On the Hub mteb/bucc-bitext-mining and google/xtreme have the gold pairs alone, without other sentences.",
    ),
    citation="Zweigenbaum et al. 2018, LREC workshop on Building and Using Comparable Corpora",
    licence="research use (Wikipedia, News Commentary)",
    record={"id": "de-1", "language": "de", "role": "query", "text": "Die Lampe ist grün.", "gold": ["en-7"]},
)
