"""BUCC 2018: which sentences of two texts, one of them English, are translations of each other; by the bare encoder.

XTREME only, whose test set is the training set of the shared task. Most sentences have no translation, so pairs are
mined and scored as a set; which language is the source matters to the order of a pair only.

Files: the sample set validates; the training set, whose pairs are public, tests.
"""

from xit.core.task import Files, Task

task = Task(
    title="BUCC 2018",
    format="retrieval",
    metric="f1",
    languages=("de", "fr", "ru", "zh"),
    group="retrieval",
    is_trained=False,
    micro="mined",
    files={
        "validation": (Files("comparable", "bucc2018/{language}-en/{language}-en.sample.{language}"),),
        "test": (Files("comparable", "bucc2018/{language}-en/{language}-en.training.{language}"),),
    },
    citation="Zweigenbaum et al. 2018, LREC workshop on Building and Using Comparable Corpora",
    licence="research use (Wikipedia, News Commentary)",
    record={"id": "de-1", "language": "de", "role": "query", "text": "Die Lampe ist grün.", "gold": ["en-7"]},
)
