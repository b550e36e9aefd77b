"""Where the stages meet: the folders of the pipeline, below the folder of dvc.yaml."""

from pathlib import Path

PARAMS = Path("params.yaml")
DEFAULTS = Path(__file__).parents[1] / "params.yaml"
"""A link to the package's own: for commands that look at one checkpoint or at data, outside a project's folder."""
PROFILES = Path("profiles")
DATA = Path("data")
TEXT = DATA / "text"
PARALLEL = DATA / "parallel"
TOKENIZER = Path("tokenizer")
TRANSLATIONS = Path("translations")
"""What translation models have said so far: a cache, which is no output of any stage and may be deleted."""
EVALUATIONS = Path("evaluations")
RESULTS = Path("results")
SCORES = RESULTS / "scores.csv"
GENERATED = Path("paper/generated")
MAIN = Path("paper/main.typ")
PDF = Path("paper/main.pdf")
INPUTS = Path("paper/inputs")
"""Published scores, trials of learning rates, coverage of intervals: the paper reads them, and no stage writes them."""
PUBLISHED = INPUTS / "published.csv"
REPORT = Path("report.html")
REFERENCES = Path("paper/reference")
WORKING = Path("vectors.partial")
"""The vectors of large pools while `xit eval` makes them; what is left there, a run that was killed goes on with."""


def data(task: str) -> Path:
    """train.parquet, validation.parquet (English), test.parquet (all languages) and audit.json of a task."""
    return DATA / task


def translated(task: str, language: str) -> Path:
    """train.parquet, a task's training examples in another language, and audit.json."""
    return data(f"{task}+{language}")


def pretrained(encoder: str) -> Path:
    """A checkpoint a seed."""
    return Path("models/pretrained") / encoder


def tuned(encoder: str) -> Path:
    """trials.csv, and the trials of its learning rates."""
    return Path("tuning") / encoder


def intermediate(encoder: str, condition: str) -> Path:
    """A checkpoint a seed: after the intermediate task, or of a control."""
    return Path("models/intermediate") / encoder / condition


def finetuned(encoder: str, target: str) -> Path:
    """`<condition>/<seed>`, a checkpoint each."""
    return Path("models/finetuned") / encoder / target


def forgetting(encoder: str, target: str) -> Path:
    """`<condition>/<seed>` with losses.json: masked LM on the sentences of a target, by the head of pretraining."""
    return EVALUATIONS / encoder / "forgetting" / target


def upper_bound(encoder: str, target: str, language: str) -> Path:
    """A checkpoint a seed, fine-tuned in a language, with its scores.json."""
    return Path("models/upper_bound") / encoder / target / language


def evaluated(encoder: str, target: str) -> Path:
    """`<condition>/<seed>` with scores.json and predictions."""
    return EVALUATIONS / encoder / target
