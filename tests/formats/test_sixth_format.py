"""A further format is two files, and a task of it one more: a copy of the package with them trains and scores it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORMAT = '''
"""Grading: a text gets a whole number. Scored by accuracy, and by how far off the grades are."""

from xit import formats


class Format(formats.Format):
    """Predictions: `list[int]`, a grade for each example. A line is a grade."""

    columns = {"text": "text", "label": "number"}
    text_columns = unique_columns = ("text",)

    def parse(self, file):
        return file.each_line(int, "a whole number")

    @property
    def reported(self):
        return ("accuracy", "nearness")

    def score(self, predictions, gold, language):
        off = sum(abs(p - g) for p, g in zip(predictions, gold, strict=True)) / len(gold)
        return {**super().score(predictions, gold, language), "nearness": 100 / (1 + off)}

    def as_texts(self, predictions, asked, texts):
        return [f"grade {grade}" for grade in predictions]
'''
HEAD = '''
"""Grading: a text in a row, pooled into a vector, of which a layer makes one number."""

import torch
from torch import nn
from torch.nn import functional as F

from xit.heads import EncodedExample, text_rows
from xit.heads._layers import States, pool

RELEASED = None


def encode(examples, options):
    rows = text_rows(options, [e["text"] for e in examples], "longest_first")
    return [EncodedExample(e["id"], (row,), e["label"]) for row, e in zip(rows, examples, strict=True)]


def labels(encoded, length):
    return {"labels": torch.tensor([each.label for each in encoded])}


class Head(nn.Module):
    def __init__(self, kind, dimension, layers):
        super().__init__()
        self.states = States(kind, dimension, layers)
        self.output = nn.Linear(dimension, 1)

    def forward(self, hidden_states, batch):
        return self.output(pool(self.states(hidden_states), batch["pooling_mask"], "mean")).squeeze(-1)

    def loss(self, logits, batch):
        return F.mse_loss(logits, batch["labels"].float())


def head(kind, dimension, layers, task):
    return Head(kind, dimension, layers)


def predict(model, examples, options):
    rows = text_rows(options, [e["text"] for e in examples], "longest_first")
    return [round(float(grade)) for grade in model.logits(rows)]
'''
TASK = '''
"""Marks: how many boats a sentence speaks of."""

from xit.core.task import Files, Task

task = Task(
    title="Marks",
    format="grading",
    metric="accuracy",
    languages=("en", "de"),
    micro="",
    files={
        "train": (Files("examples", "marks/train-{language}.jsonl"),),
        "validation": (Files("examples", "marks/validation-{language}.jsonl"),),
        "test": (Files("examples", "marks/test-{language}.jsonl"),),
    },
    citation="Nobody 2026",
    licence="CC0",
    record={"id": "0", "language": "en", "text": "A boat.", "label": 1},
)
'''
RUN = """
import json, sys
from pathlib import Path

sys.path.insert(0, sys.argv[2])
import tiny
from xit.cli.tasks_page import markdown
from xit.core.errors import DataError
from xit.core.examples import read_examples
from xit.core.plan import Cell, Places
from xit.core.progress import unheard
from xit.core.settings import FilesSettings, RetrievalSettings
from xit.core.task import task_of
from xit.evaluation import buckets
from xit.evaluation.evaluate import EvaluationOptions, report_of
from xit.report._examples import _text
from xit.formats import format_of
from xit.scoring import predictions
from xit.sources import audit, translation
from xit.sources.files import FilesSource
from xit.stages.data import data
from xit.stages.evaluate import evaluate
from xit.stages.finetune import finetune

out = Path(sys.argv[1])
task = task_of("marks")
source = FilesSource(FilesSettings(str(out / "published"), "", 0, "error", "released"))
data("marks", source, ("en", "de"), out / "data/marks")
tiny.write_checkpoint(out / "parents/none/1")
cells = {"none/1": Cell("transformer", "none", "marks", 1)}
plan = tiny.plan("marks", steps=30, validate_every=10, learning_rate=0.01)
places = Places(out / "parents", out / "data", out / "models")
finetune(cells, places, plan, unheard)
evaluate(cells, Places(out / "models", out / "data", out / "evaluations"), ["en", "de"], "files",
         RetrievalSettings(1.0, "mean"), unheard)
folder = next((out / "evaluations").rglob("predictions"))
rows = [row for row in read_examples(out / "data/marks/test.parquet") if row["language"] == "en"]
form = format_of(task)
answers = predictions.read_for(folder, task, "en", form.gold(rows))
try:
    translation.check("marks", task)
    refused = ""
except DataError as error:
    refused = str(error)
options = EvaluationOptions(RetrievalSettings(1.0, "mean"))
found = report_of(str(out / "models/none/1"), ["marks"], None, source, options)
print(json.dumps({
    "outcome": json.loads((out / "models/none/1/outcome.json").read_text()),
    "again": form.score(answers, form.gold(rows), "en"),
    "file": predictions.path(folder, task, "en").read_text(),
    "buckets": [bucket.attribute for bucket in buckets.analyse(folder, "marks", rows, ["en"])],
    "audit": audit.audit(["marks"], source)["tasks"]["marks"]["splits"],
    "page": markdown(),
    "refused": refused,
    "shown": _text(form, rows[0]),
    "evaluated": found["tasks"]["marks"],
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with two files for a format, one for a task of it, and data of one's own."""
    folder = tmp_path_factory.mktemp("sixth")
    shutil.copytree(ROOT / "xit", folder / "xit", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in (("formats/grading", FORMAT), ("heads/grading", HEAD), ("tasks/marks", TASK)):
        path = folder / f"xit/{name}.py"
        assert not path.exists()
        path.write_text(text.lstrip(), encoding="utf-8")
    for split, count in (("train", 24), ("validation", 8), ("test", 8)):
        for language, word in (("en", "boat"), ("de", "Boot")):
            rows = [
                {"id": f"{n}", "text": " ".join([f"Ida {n}:", *[word] * (n % 3)]), "label": n % 3} for n in range(count)
            ]
            path = folder / f"published/marks/{split}-{language}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def run(copy: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    environment = {"PYTHONPATH": str(copy), "PATH": "/usr/bin:/bin", "HOME": str(copy)}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_further_format_is_read_trained_predicted_scored_and_shown(copy: Path) -> None:
    done = run(copy, RUN, str(copy), str(ROOT / "tests"))

    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["outcome"]["steps"] == 30
    assert found["outcome"]["chance"] == 37.5  # 3 of 8 have the commonest grade
    assert [line.lstrip("-").isdigit() for line in found["file"].splitlines()] == [True] * 8
    assert {0 <= value <= 100 for value in found["again"].values()} == {True}
    assert set(found["again"]) == {"accuracy", "nearness"}
    assert found["evaluated"]["languages"]["en"] == found["again"]["accuracy"]
    assert set(found["evaluated"]["languages"]) == {"en", "de"}
    assert {"length", "script"} <= set(found["buckets"])
    assert [(split["split"], split["language"], split["examples"]) for split in found["audit"]] == [
        ("train", "en", 24),
        ("validation", "en", 8),
        ("test", "en", 8),
        ("test", "de", 8),
    ]
    assert "### marks: Marks" in found["page"]
    assert "| format | grading |" in found["page"]
    assert found["refused"].startswith("marks: grading cannot be translated by a model: nobody has said")
    assert found["shown"] == [["text", "Ida 0:"]]


def test_a_line_of_data_that_lacks_a_column_is_told(copy: Path) -> None:
    path = copy / "published/marks/broken-en.jsonl"
    path.write_text('{"id": "0", "text": "Ida"}\n{"id": "1", "text": "Ida", "label": "two"}\n', encoding="utf-8")
    code = (
        "from pathlib import Path; from xit.sources import readers; from xit.formats.grading import Format\n"
        "from xit.sources.reader_context import ReaderContext\n"
        "reader = ReaderContext('train', columns=Format.columns)\n"
        f"print(list(readers.examples(Path({str(path)!r}), reader)), *reader.faults, sep='\\n')"
    )

    lines = run(copy, code).stdout.splitlines()

    assert lines == [
        "[]",
        f"{path}, line 1: label is missing.",
        f"{path}, line 2: label is 'two': Input should be a valid integer.",
    ]


def test_a_format_without_its_head_is_told(copy: Path) -> None:
    done = run(copy, "from xit import heads; heads.load('gradin')")

    assert "ConfigError: gradin: no such head. Did you mean grading? Heads: classification, grading" in done.stderr
