"""BUCC 2018: which sentences of two texts, one of them English, are translations of each other; by the bare encoder.

XTREME only, whose test set is the training set of the shared task. Most sentences have no translation, so pairs are
mined and scored as a set; which language is the source matters to the order of a pair only.

Files: the sample set validates; the training set, whose pairs are public, tests.
"""

from xit.core.task import Files, Task

SAMPLE, TRAINING = (f"bucc2018/{{language}}-en/{{language}}-en.{name}." for name in ("sample", "training"))

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
    citation="Zweigenbaum et al. 2018, LREC workshop on Building and Using Comparable Corpora",
    licence="research use (Wikipedia, News Commentary)",
    record={"id": "de-1", "language": "de", "role": "query", "text": "Die Lampe ist grün.", "gold": ["en-7"]},
)
