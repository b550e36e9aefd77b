"""Single checkpoints, yours or ours: scored, written as a submission, converted."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from xit.cli import environment, terminal
from xit.cli.options import (
    LOOKING,
    Benchmark,
    DataFolder,
    Json,
    Language,
    Most,
    NewFolder,
    SourceName,
    chosen_source,
    configure_hub,
    load_config_or_defaults,
)
from xit.pipeline import paths

LabelsOption = Annotated[
    list[str] | None,
    typer.Option(help="What the outputs of a head of transformers mean: labels of a task in their order, with commas."),
]
OwnPooling = Annotated[
    bool, typer.Option("--own-pooling", help="Make vectors as the checkpoint's modules.json says, where it has one.")
]

app = typer.Typer()
importing = typer.Typer(help="Convert a released encoder to an xit checkpoint.", no_args_is_help=True)
app.add_typer(importing, name="import", rich_help_panel=LOOKING)


@app.command(name="eval", rich_help_panel=LOOKING)
def evaluate_checkpoint(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint folder, made here or by transformers; or a Hub id.")],
    task: Annotated[list[str] | None, typer.Option(help="A task; again for more. Else the checkpoint's own.")] = None,
    language: Language = None,
    source: SourceName = None,
    data: DataFolder = None,
    most: Most = None,
    as_json: Json = None,
    predictions: Annotated[
        Path | None, typer.Option(file_okay=False, help="Write predictions into this folder, in submission layout.")
    ] = None,
    xcopa_questions: Annotated[
        Literal["released", "repaired"] | None, typer.Option(help="XCOPA's questions; else as in params.yaml.")
    ] = None,
    labels: LabelsOption = None,
    own_pooling: OwnPooling = False,
) -> None:
    """Score one checkpoint, yours or ours: zero-shot, in every language of its task.

    A fine-tuned checkpoint is scored on its own task, or on those that its head answers (a head of transformers names
    its labels, not its task); a bare encoder on the retrieval tasks that need no training.

    Example: `xit eval FacebookAI/xlm-roberta-base --task tatoeba --source files --data folder`.
    """
    config = environment.computing(load_config_or_defaults(), [checkpoint])
    from xit.cli import tables
    from xit.evaluation.evaluate import EvaluationOptions, report_of
    from xit.modeling.released_heads import parse_labels
    from xit.sources import with_settings

    chosen = chosen_source(config, source, data, language, most)
    if xcopa_questions and chosen.name != "micro":
        chosen = with_settings(chosen, xcopa_questions=xcopa_questions)
    with terminal.progress() as report:
        options = EvaluationOptions(
            config.retrieval,
            parse_labels(labels or ()),
            own_pooling,
            predictions=predictions,
            working=paths.WORKING,
            report=report,
        )
        found = report_of(checkpoint, task, language, chosen, options)
    if not terminal.print_json(found, as_json):
        terminal.show(tables.evaluation(found, chosen.name))


@app.command(rich_help_panel=LOOKING)
def score(
    predictions: Annotated[Path, typer.Argument(help="A folder of predictions, `<task>/test-<language>.<extension>`.")],
    gold: Annotated[Path, typer.Argument(help="A folder of right answers, in the same layout.")],
    benchmark: Benchmark,
    as_json: Json = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Score the tasks and languages that are there; name those that are not.")
    ] = False,
) -> None:
    """Score a submission to XTREME-R or XTREME as its evaluator does: by language, task, group, and overall.

    Example: `xit score predictions/ gold/ --benchmark xtreme-r --partial`.
    """
    from xit.cli import tables
    from xit.scoring import evaluator

    found = evaluator.score(predictions, gold, benchmark, partial)
    if not terminal.print_json(found, as_json):
        terminal.show(tables.submission(found))


@app.command(rich_help_panel=LOOKING)
def submit(
    checkpoint: Annotated[
        list[str], typer.Argument(help="Fine-tuned checkpoints, one a task, or TASK=CHECKPOINT; one bare encoder.")
    ],
    benchmark: Benchmark,
    out: Annotated[Path, typer.Option(help="The folder to write, in submission layout.")],
    gold: Annotated[Path | None, typer.Option(help="Also write the right answers of the same examples here.")] = None,
    language: Language = None,
    source: SourceName = None,
    data: DataFolder = None,
    most: Most = None,
    labels: LabelsOption = None,
    own_pooling: OwnPooling = False,
    as_json: Json = None,
) -> None:
    """Write the folder of predictions that a benchmark asks for, and score it.

    What the benchmark asks for beside is named.

    Example: `xit submit models/finetuned/lstm/*/none/1 --benchmark xtreme-r --out submission`.
    """
    config = environment.computing(load_config_or_defaults(), [one.rpartition("=")[2] for one in checkpoint])
    from xit.cli import tables
    from xit.evaluation.evaluate import EvaluationOptions
    from xit.evaluation.submit import submit as write
    from xit.modeling.released_heads import parse_labels

    chosen = chosen_source(config, source, data, language, most)
    with terminal.progress() as report:
        options = EvaluationOptions(config.retrieval, parse_labels(labels or ()), own_pooling, gold=gold, report=report)
        found = write(checkpoint, benchmark, out, language, chosen, options)
    if not terminal.print_json(found, as_json):
        terminal.show(tables.submission(found))


@app.command(rich_help_panel=LOOKING)
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint folder of models/.")],
    out: NewFolder,
    scores: Annotated[Path, typer.Option(dir_okay=False, help="The scores of the run that made it.")] = paths.SCORES,
) -> None:
    """Copy a checkpoint with a model card, so that the folder can be shared, on the Hugging Face Hub or elsewhere.

    Its README.md says what it was trained on, by which settings, what it scores, and where its limits are.

    Example: `xit export models/finetuned/lstm/xnli/none/1 --out lstm-xnli`.
    """
    from xit.report import card

    terminal.print_lines(card.export(checkpoint, scores, out))


@importing.command("released")
def import_released(
    source: Annotated[str, typer.Argument(help="A folder, or owner/name or owner/name@commit of the Hub.")],
    out: NewFolder,
    direction: Annotated[
        str | None, typer.Option(help="How a causal model is read: causal, echo (twice) or two-way. Kept.")
    ] = None,
) -> None:
    """Convert a released encoder, one that transformers loads, with its tokenizer.

    Example: `xit import released FacebookAI/xlm-roberta-base --out xlmr`.
    """
    from xit.modeling import convert as make

    configure_hub()
    terminal.print_lines(make.released(source, direction, out))


@importing.command("laser2")
def import_laser2(
    weights: Annotated[Path, typer.Option(help="laser2.pt")],
    sentencepiece: Annotated[Path, typer.Option(help="laser2.spm")],
    vocabulary: Annotated[Path, typer.Option(help="laser2.cvocab")],
    out: NewFolder,
) -> None:
    """Convert LASER2, the released BiLSTM, from its three files.

    Example: `xit import laser2 --weights laser2.pt --sentencepiece laser2.spm --vocabulary laser2.cvocab --out laser2`.
    """
    from xit.modeling.convert_laser2 import laser2

    terminal.print_lines(laser2(weights, sentencepiece, vocabulary, out))
