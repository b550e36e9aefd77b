"""What the figures share: one look at print size, colours that survive colour blindness and grey paper."""

from typing import Any

COLUMN, PAGE = 3.35, 6.95  # widths in print, inches

# Okabe and Ito 2008, Color Universal Design; every series has its own marker too, so that grey print loses nothing.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442", "#999999")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
MOST = 4
"""Panels in a row; of more, nothing would be left between their labels."""


def panels(count: int, width: float, height: float, rows: int = 1, **options: Any) -> tuple[Any, list[Any]]:
    """A figure without a window, and its panels side by side, or in some rows; more than four take further rows.

    Args:
        count: Of panels.
        width: Of the figure.
        height: Of the figure, or of each row where four to a row are too few.
        rows: How many, where the caller has said so.
        options: Of `subplots`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(
        {
            "font.size": 7,
            "axes.titlesize": 8,
            "axes.linewidth": 0.5,
            "xtick.major.width": 0.5,
            "ytick.major.width": 0.5,
            "xtick.major.size": 2,
            "ytick.major.size": 2,
            "legend.frameon": False,
            "pdf.fonttype": 42,
            "svg.hashsalt": "xit",
            "svg.fonttype": "path",
        }
    )
    if rows == 1 and count > MOST:
        rows = -(-count // MOST)
        height *= rows
    figure = Figure(figsize=(width, height), layout="constrained")
    made = list(figure.subplots(rows, -(-count // rows), squeeze=False, **options).flat)
    for left_over in made[count:]:
        left_over.remove()
    return figure, made[:count]
