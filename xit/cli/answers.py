"""Answers, from the scores: what they say of published claims, how gains grow, and whether they can be had again."""

from pathlib import Path
from typing import Annotated

import typer

from xit.cli import terminal
from xit.cli.options import ANSWERS, Condition, Encoder, Json, Target, in_a_folder, parameters
from xit.pipeline import paths

app = typer.Typer()


@app.command(rich_help_panel=ANSWERS)
def claims(as_json: Json = None) -> None:
    """Judge each published claim by our scores, for each encoder: estimate, interval, verdict.

    Example: `xit claims --json -`.
    """
    from xit.cli import tables
    from xit.core.scores import read_scores
    from xit.paper.inputs import COLUMNS, SOURCES, read_rows, study_of, training_beside
    from xit.statistics.claims import entries

    study = study_of(read_scores(paths.SCORES), parameters(), training_beside(paths.SCORES))
    found = entries(study, read_rows(paths.PUBLISHED, COLUMNS["published"]))
    if not terminal.print_json(found, as_json):
        terminal.show(tables.claims(SOURCES[study.source], found))


@app.command(rich_help_panel=ANSWERS)
def scaling(
    scores: Annotated[
        Path | None,
        typer.Argument(
            help="A table of scores, with audit.csv beside it, and params.yaml there or a folder above; else that of "
            "this experiment."
        ),
    ] = None,
    as_json: Json = None,
) -> None:
    """Tell whether gains grow with the examples of the intermediate task: verdict, slope and prediction of each pair.

    Example: `xit scaling workspaces/scaling/results/scores.csv`.
    """
    from xit.cli import tables
    from xit.core.scores import read_scores
    from xit.paper.inputs import COLUMNS, rows_if_there, study_beside
    from xit.pipeline import config
    from xit.statistics.scaling import AHEAD, entries

    place = scores or paths.SCORES
    files = [folder / paths.PARAMS for folder in place.resolve().parents[:2]] if scores else []
    file = next((one for one in files if one.is_file()), Path(paths.PARAMS))
    values = config.read(file) if file in files else parameters()
    if scores is not None and file not in files:  # its steps are not known, and every example counts as seen
        values = {**values, "intermediate": {}}
    rows = rows_if_there(place.parent / "audit.csv", COLUMNS["audit"])
    found = entries(study_beside(place, read_scores(place), file, values), rows, values)
    if not terminal.print_json(found, as_json):
        terminal.show(tables.scaling(found, AHEAD))


@app.command(rich_help_panel=ANSWERS)
def gains(encoder: Encoder, condition: Condition, target: Target) -> None:
    """Show the gain of one condition in each language and seed, paired over examples.

    The interval is that of these two models on more examples like these.

    Example: `xit gains lstm mnli xnli`.
    """
    from xit.cli import tables
    from xit.core.scores import read_scores
    from xit.scoring.rescore import example_scores
    from xit.statistics.paired import example_gain

    scores = read_scores(paths.SCORES)
    cells = example_scores(scores, encoder, condition, target, paths.EVALUATIONS, paths.data(""))
    found = {cell: example_gain(before, after) for cell, (before, after) in cells.items()}
    terminal.show(tables.gains(f"{target}: the {encoder} encoder after {condition}, minus none", found))


@app.command(rich_help_panel=ANSWERS)
def report(
    out: Annotated[
        Path, typer.Option(help="The HTML file to write.", dir_okay=False, callback=in_a_folder)
    ] = paths.REPORT,
) -> None:
    """Write one HTML file to explore experiments in a browser, without a network.

    It shows gains with intervals, differences between encoders, every language and seed, and predictions. It has the
    run in results/, where there is one, and each reference in paper/reference with its params.yaml: before anything is
    run, the references alone. Open the file and choose an experiment, then a cell; the address of the page names both.

    Example: `xit report`.
    """
    from xit.report import report as write

    terminal.print_lines(write(paths.SCORES, paths.EVALUATIONS, paths.data(""), parameters(), paths.REFERENCES, out))


@app.command(rich_help_panel=ANSWERS)
def verify(
    reference: Annotated[
        Path | None, typer.Option(help="A folder as --write makes it; else paper/reference/SOURCE.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Write these results as such a folder, if they agree.")] = None,
) -> None:
    """Compute scores from predictions and tables from scores again, and compare both with a reference.

    Bits are compared where they can be equal; elsewhere means over languages and seeds, within what fresh seeds would
    change, and no sentence of the answer may say the opposite.

    Example: `xit verify`.
    """
    from xit.paper import verify

    found = verify.verify(Path(), parameters(), reference, write)
    terminal.print_lines(
        [*found.notes, *map(str, found.comparisons), *(f"  {line}" for line in found.differences), found.verdict]
    )
    if write is not None:
        end = f"{write}: not written, since these results differ" if found.differences else f"wrote {write}"
        terminal.print_lines([end])
    if found.differences:
        raise typer.Exit(1)
