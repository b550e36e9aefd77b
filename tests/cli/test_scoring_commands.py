"""`xit eval`, `xit submit` and `xit score`, on checkpoints of ours and of transformers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny
import tokenizers
import torch
import yaml
from command_line import LANGUAGES, ROOT, TEST, Xit, assert_one_line, shown

from xit.formats import _metrics as metrics
from xit.modeling import tokenization
from xit.pipeline import config
from xit.scoring import predictions
from xit.sources.micro import MicroSource


def questions(task_id: str, parameters: dict[str, Any], language: str) -> list[dict[str, Any]]:
    """The micro test examples of a task and language."""
    settings = config.check(parameters, "").micro
    settings = type(settings)(**{**vars(settings), "languages": LANGUAGES})
    return list(MicroSource(settings).examples(tiny.task_of(task_id), "test", language))


def scored_again(task_id: str, folder: Path, examples: list[dict[str, Any]], language: str) -> float:
    """The main metric of predictions in submission layout, by the metrics and the gold answers alone."""
    task = tiny.task_of(task_id)
    found: Any = predictions.read(folder, task, language)
    if task.format in ("classification", "multiple_choice"):
        return metrics.accuracy(found, [e["label"] for e in examples])
    if task.format == "tagging":
        return metrics.span_overlap(found, [e["tags"] for e in examples], metrics.entity_spans).f1
    if task.format == "span":
        both = metrics.squad(found, {e["id"]: e["answers"] for e in examples})
        return (both.exact_match + both.f1) / 2
    queries = [e for e in examples if e["role"] == "query"]
    if task_id == "tatoeba":
        rows = [e["id"] for e in examples if e["role"] == "candidate"]
        return metrics.accuracy([rows[row] for row in found], [e["gold"][0] for e in queries])
    return metrics.average_precision(found, {f"{e['id']}_{language}": e["gold"] for e in queries})


def test_a_checkpoint_is_scored_outside_the_project_too_by_the_settings_of_the_package(xit: Xit) -> None:
    tiny.write_checkpoint(Path("checkpoint"))
    tiny.write_head(Path("checkpoint"), "xcopa", "matching")
    look = "eval", "checkpoint", "--language", "et", "--json", "-"
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    inside = xit(*look)
    Path("params.yaml").unlink()

    outside = xit(*look)

    assert (outside.code, outside.out) == (inside.code, inside.out) == (0, outside.out)
    assert outside.err == "There is no params.yaml in this folder, so the package's own settings are taken.\n"


@pytest.mark.parametrize("task_id", sorted(tiny.TASKS.values()))
def test_a_fine_tuned_checkpoint_is_scored_on_its_task(task_id: str, xit: Xit, parameters: dict[str, Any]) -> None:
    tiny.write_checkpoint(Path("checkpoint"))
    tiny.write_head(Path("checkpoint"), task_id, "matching")
    Path("checkpoint/lineage.json").write_text('{"parameters": {"encoder": "lstm", "condition": "mnli", "seed": 2}}')
    task = tiny.task_of(task_id)

    done = xit("eval", "checkpoint", "--json", "scores.json", "--predictions", "predictions")

    assert (done.code, done.err) == (0, "")
    found = json.loads(Path("scores.json").read_text())
    assert set(found) == {"checkpoint", "direction", "notes", "scores", "tasks"}
    assert found["direction"] == "bidirectional"
    assert (found["checkpoint"], list(found["tasks"])) == ("checkpoint", [task_id])
    of_task = found["tasks"][task_id]
    assert set(of_task) == {"mean", "metric", "languages", "examples"}
    assert of_task["examples"] == dict.fromkeys(LANGUAGES, TEST)
    assert of_task["metric"] == task.metric
    assert set(of_task["languages"]) == set(LANGUAGES)
    assert of_task["mean"] == pytest.approx(sum(of_task["languages"].values()) / 3)
    for language, value in of_task["languages"].items():
        assert scored_again(task_id, Path("predictions"), questions(task_id, parameters, language), language) == value
        (score,) = [s for s in found["scores"] if (s["language"], s["metric"]) == (language, task.metric)]
        assert score == {
            "encoder": "lstm",
            "condition": "mnli",
            "target": task_id,
            "language": language,
            "split": "test",
            "source": "micro",
            "metric": task.metric,
            "seed": 2,
            "value": value,
            "examples": TEST,
        }
    assert f"{task_id} (micro source)" in done.out
    rows = [cells for line in done.out.splitlines() if len(cells := re.findall(r"[^│\s]+(?: gap)?", line)) in (2, 3)]
    assert [cells[2] for cells in rows if cells[0] in LANGUAGES] == ["6", "6", "6"]
    assert [row[0] for row in rows if row[0] in (*LANGUAGES, "mean", "transfer gap")] == [
        "en",
        "de",
        "zh",
        "mean",
        "transfer gap",
    ]


def test_a_submission_is_written_and_scored_again(xit: Xit) -> None:
    tiny.write_checkpoint(Path("checkpoint"))
    tiny.write_head(Path("checkpoint"), "xquad", "matching")
    arguments = ("--benchmark", "xtreme", "--json", "scores.json")

    written = xit("submit", "checkpoint", "--out", "out", "--gold", "gold", *arguments)
    first = json.loads(Path("scores.json").read_text())
    scored = xit("score", "out", "gold", "--partial", *arguments)

    assert (written.code, written.err, scored.code, scored.err) == (0, "", 0, "")
    assert json.loads(Path("scores.json").read_text())["tasks"] == first["tasks"]
    assert set(first["tasks"]["xquad"]["languages"]) == set(LANGUAGES)
    for done in (written, scored):
        assert re.search(r"xquad +│ em_f1 +│ +\d+\.\d │ +3 of 11", done.out)
        assert "Missing: xquad in es, el, ru, tr, ar, vi, th, hi." in done.out
        assert "Overall: the plain mean over the nine tasks" in done.out
    assert "The examples are those of the micro source." in written.out


def test_all_faults_of_a_submission_are_shown_and_nothing_is_written(xit: Xit) -> None:
    for side in ("out", "gold"):
        Path(side, "xnli").mkdir(parents=True)
        for code in ("de", "en"):
            Path(side, "xnli", f"test-{code}.tsv").write_text("neutral\nentailment\n")
    Path("out/xnli/test-de.tsv").write_text("neutral\n")
    Path("out/xnli/test-en.tsv").write_text("neutral\nentailmnt\n")

    done = xit("score", "out", "gold", "--benchmark", "xtreme-r", "--partial", "--json", "scores.json")

    assert (done.code, done.out) == (1, "")
    english, german = done.err.splitlines()
    assert german == "xit: out/xnli/test-de.tsv: 1 line; the gold has 2."
    assert english.startswith(
        "xit: out/xnli/test-en.tsv, line 2: label 'entailmnt' is unknown. Did you mean entailment?"
    )
    assert not Path("scores.json").exists()


def test_the_limit_of_the_grid_cuts_no_evaluation_and_no_submission_unless_asked(
    xit: Xit, parameters: dict[str, Any]
) -> None:
    tiny.write_checkpoint(Path("checkpoint"))
    Path("data/tatoeba").mkdir(parents=True)
    lines = dict.fromkeys(tiny.texts())
    for side in ("deu", "eng"):
        Path(f"data/tatoeba/tatoeba.deu-eng.{side}").write_text("".join(f"{line}\n" for line in lines))
    limited = {**parameters, "files": {**parameters["files"], "most_test": 5}}
    Path("params.yaml").write_text(yaml.safe_dump(limited))
    source = ("--source", "files", "--data", "data", "--language", "de", "--json", "-")

    whole = json.loads(xit("eval", "checkpoint", *source, "--predictions", "all").out)
    first = json.loads(xit("eval", "checkpoint", *source, "--predictions", "first", "--most", "7").out)
    submitted = json.loads(xit("submit", "checkpoint", "--benchmark", "xtreme-r", "--out", "out", *source).out)
    few = json.loads(xit("submit", "checkpoint", "--benchmark", "xtreme-r", "--out", "7", "--most", "7", *source).out)

    assert len(lines) > 50
    assert [score["examples"] for score in whole["scores"] + first["scores"]] == [len(lines), 7]
    assert (whole["tasks"]["tatoeba"]["examples"], first["tasks"]["tatoeba"]["examples"]) == (
        {"de": len(lines)},
        {"de": 7},
    )
    assert Path("out/tatoeba/test-de.tsv").read_text() == Path("all/tatoeba/test-de.tsv").read_text()
    assert [found["tasks"]["tatoeba"]["examples"] for found in (submitted, few)] == [{"de": len(lines)}, {"de": 7}]
    assert few["notes"][0] == "The examples are those of the files source, of each task and language the first 7."
    analysed = ("--task", "tatoeba", "--source", "files", "--data", "data")
    assert_one_line(xit("analyse", "first", *analysed), 1, r".*7 lines; the gold has .* are analysed with --most\.")
    assert xit("analyse", "first", *analysed, "--most", "7").code == 0
    assert_one_line(
        xit("eval", "checkpoint", "--source", "micro", "--most", "7"), 2, r"--most: the micro source makes as many"
    )


def released(kind: str, folder: Path) -> None:
    """A tiny encoder of transformers with random weights, and a fast tokenizer that transformers has written."""
    import transformers

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(0)
    if kind == "bert":
        signs = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
        pieces = {sign: number for number, sign in enumerate([*signs, *(f"##{sign}" for sign in signs[5:])])}
        backend = tokenizers.Tokenizer(tokenizers.models.WordPiece(pieces, unk_token="[UNK]"))
        backend.normalizer = tokenizers.normalizers.BertNormalizer(strip_accents=True)
        backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
        backend.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), signs, strict=False))
        config = transformers.BertConfig(vocab_size=len(pieces), max_position_embeddings=64, **sizes)
        model: Any = transformers.BertModel(config)
    else:
        backend, names = tiny.tokenizer().backend, dict(tokenization.ROLES)
        config = transformers.XLMRobertaConfig(
            vocab_size=backend.get_vocab_size(), max_position_embeddings=66, pad_token_id=0, **sizes
        )
        model = transformers.XLMRobertaModel(config)
    model.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **names).save_pretrained(folder)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_a_released_encoder_is_scored_on_retrieval_without_training(
    kind: str, xit: Xit, parameters: dict[str, Any]
) -> None:
    released(kind, Path("released"))

    languages = ("--language", "de", "--language", "zh")
    done = xit("eval", "released", "--task", "tatoeba", "--json", "-", "--predictions", "predictions", *languages)

    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert list(found["tasks"]) == ["tatoeba"]
    assert list(found["tasks"]["tatoeba"]["languages"]) == ["de", "zh"]
    for language, value in found["tasks"]["tatoeba"]["languages"].items():
        examples = questions("tatoeba", parameters, language)
        assert scored_again("tatoeba", Path("predictions"), examples, language) == value
    assert {(s["encoder"], s["condition"], s["seed"]) for s in found["scores"]} == {("released", "unknown", 0)}


def test_pairs_are_mined_with_a_bare_encoder(xit: Xit, parameters: dict[str, Any]) -> None:
    tiny.write_checkpoint(Path("checkpoint"))

    done = xit("eval", "checkpoint", "--task", "bucc2018", "--predictions", "predictions", "--json", "-")

    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)["tasks"]["bucc2018"]
    assert found["metric"] == "f1"
    for language, value in found["languages"].items():
        rows = questions("bucc2018", parameters, language)
        gold = {(row["id"], name) for row in rows if row["role"] == "query" for name in row["gold"]}
        lines = Path(f"predictions/bucc2018/test-{language}.tsv").read_text().splitlines()
        pairs = [tuple(line.split("\t")) for line in lines]
        for side in (0, 1):
            assert len({pair[side] for pair in pairs}) == len(pairs)
        assert value == pytest.approx(200 * len(gold & set(pairs)) / (len(gold) + len(pairs)))
    assert not Path("vectors.partial").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--task", "xnli"), 1, r"checkpoint: a bare encoder, without a head for xnli. Fine-tune it first, .*tatoeba"),
        (("--language", "ht"), 2, r".*ht"),
        (("--source", "macro"), 2, r"--source: macro: no such source. Did you mean micro\?"),
    ],
    ids=shown,
)
def test_what_cannot_be_scored_says_what_to_do(arguments: tuple[str, ...], code: int, message: str, xit: Xit) -> None:
    tiny.write_checkpoint(Path("checkpoint"))

    done = xit("eval", "checkpoint", *arguments, "--json", "scores.json")

    assert_one_line(done, code, message)
    assert not Path("scores.json").exists()
