"""How fast encoders from scratch read: tokens a second, forward and in training, beside the speed of matrix products.

    python benchmarks/encoders.py --csv encoders.csv --markdown encoders.md --figure encoders.png

Encoders of params.yaml, which have equally many parameters, on random tokens without padding. They take short turns,
one after another, in an order that changes from round to round, so that all meet the same load. A speed is the median
over rounds; beside it is the median of its ratio to the first encoder in the same round, which the load of the machine
moves less. A training turn is a forward and a backward pass and a step of AdamW. The last figure is the share of the
speed of a 1024-square matrix product, in the same rounds, that the encoder's own products reach: 2 (forward) or 6
(training) operations for each token and parameter outside the embedding; attention's own products are left out.
"""

import argparse
import csv
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from xit.modeling import encoders
from xit.modeling.encoder import Encoder
from xit.pipeline import config, paths

LENGTHS = (32, 64, 128, 256, 512)
BATCHES = (1, 8, 64)
SQUARE = 1024
LEAST_SECONDS = 0.05
"""Of a turn."""
COLUMNS = ("encoder", "work", "length", "batch", "tokens_per_second", "ratio", "of_peak")
Seconds = dict[tuple[str, str], list[float]]
Row = tuple[str, str, int, int, float, float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", action="append", help="again for more; else all of params.yaml")
    parser.add_argument("--length", action="append", type=int, help="again for more; else 32 to 512")
    parser.add_argument("--batch", action="append", type=int, help="again for more; else 1, 8, 64")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    for kind in ("csv", "markdown", "figure"):
        parser.add_argument(f"--{kind}", type=Path)
    arguments = parser.parse_args()
    values = config.load(paths.PARAMS)
    torch.set_num_threads(values.compute.threads)
    made = {}
    sizes = {name: one.size for name, one in values.encoders.items() if one.size is not None}
    for name in arguments.encoder or sizes:
        torch.manual_seed(0)
        made[name] = encoders.build(name, sizes[name], values.tokenizer.vocabulary).to(arguments.device)
    dtype = getattr(torch, arguments.precision)
    shapes = list(itertools.product(arguments.length or LENGTHS, arguments.batch or BATCHES))
    rows, peak = [], 0.0
    for length, batch in track(shapes, description="shapes"):
        measured, product = measure(made, length, batch, arguments.rounds, dtype)
        peak = max(peak, product)
        rows += in_words(made, measured, length, batch, product)
    Console().print(table(rows, f"{arguments.device}, {arguments.precision}, peak {peak / 1e9:.0f} GFLOP/s"))
    if arguments.csv:
        with arguments.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    if arguments.markdown:
        arguments.markdown.write_text(markdown(rows), encoding="utf-8")
    if arguments.figure:
        draw(rows, arguments.figure)


def measure(
    made: dict[str, Encoder], length: int, batch: int, rounds: int, dtype: torch.dtype
) -> tuple[Seconds, float]:
    """Seconds of each round by encoder and work, and operations a second of a square matrix product."""
    device = next(iter(made.values())).embedding.weight.device
    input_ids = torch.randint(5, 1000, (batch, length), device=device)
    attention_mask = torch.ones_like(input_ids)
    square = torch.randn(SQUARE, SQUARE, device=device, dtype=dtype)
    works: dict[tuple[str, str], Callable[[], object]] = {("", "product"): lambda: square @ square}
    for name, encoder in made.items():
        optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-4, fused=True)

        def forward(encoder: Encoder = encoder) -> None:
            with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                encoder(input_ids, attention_mask)

        def train(encoder: Encoder = encoder, optimizer: torch.optim.Optimizer = optimizer) -> None:
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                output = encoder(input_ids, attention_mask)[-1]
            output[..., 0].float().square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

        works |= {(name, "forward"): forward, (name, "training"): train}
    seconds: Seconds = {key: [] for key in works}
    keys = list(works)
    for turn in range(rounds + 1):
        for key in keys[turn % len(keys) :] + keys[: turn % len(keys)]:
            begin, passes = clock(device), 0
            while passes == 0 or clock(device) - begin < LEAST_SECONDS:
                works[key]()
                passes += 1
            seconds[key].append((clock(device) - begin) / passes)
    seconds = {key: times[1:] for key, times in seconds.items()}  # the first turn warms up
    return seconds, 2 * SQUARE**3 / statistics.median(seconds.pop(("", "product")))


def clock(device: torch.device) -> float:
    """Seconds, when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def in_words(made: dict[str, Encoder], measured: Seconds, length: int, batch: int, product: float) -> list[Row]:
    """A row a measurement."""
    first = next(iter(made))
    rows: list[Row] = []
    for (name, work), times in measured.items():
        seconds = statistics.median(times)
        ratio = statistics.median(a / b for a, b in zip(measured[first, work], times, strict=True))
        operations = (2 if work == "forward" else 6) * encoders.parameters(made[name]).body * length * batch
        share = operations / seconds / product
        rows.append((name, work, length, batch, round(length * batch / seconds, 1), round(ratio, 3), round(share, 4)))
    return rows


def cells(rows: list[Row]) -> tuple[list[str], list[list[str]]]:
    """A line a shape and work, a column an encoder."""
    names = list(dict.fromkeys(row[0] for row in rows))
    lines: dict[tuple[str, int, int], list[str]] = {}
    for _, work, length, batch, speed, ratio, share in rows:
        lines.setdefault((work, length, batch), []).append(f"{speed / 1000:.1f} ×{ratio:.2f} {share:.0%}")
    heads = ["work", "length", "batch", *names]
    return heads, [[key[0], str(key[1]), str(key[2]), *lines[key]] for key in sorted(lines)]


def table(rows: list[Row], title: str) -> Table:
    """For the terminal."""
    heads, lines = cells(rows)
    title = f"Thousand tokens a second, ratio to the first, share of peak: {title}"
    found = Table(*heads, title=title, box=None, padding=(0, 1, 0, 0))
    for line in lines:
        found.add_row(*line)
    return found


def markdown(rows: list[Row]) -> str:
    """The same table."""
    heads, lines = cells(rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in (heads, ["---"] * len(heads), *lines))


def draw(rows: list[Row], path: Path) -> None:
    """Tokens a second over length: columns are batch sizes, rows the work, lines the encoders."""
    from matplotlib.figure import Figure

    works, lengths, batches = (list(dict.fromkeys(row[place] for row in rows)) for place in (1, 2, 3))
    figure = Figure(figsize=(2.3 * len(batches), 2.2 * len(works)), layout="constrained")
    axes = figure.subplots(len(works), len(batches), squeeze=False, sharex=True)
    for (i, work), (j, batch) in itertools.product(enumerate(works), enumerate(batches)):
        for name in dict.fromkeys(row[0] for row in rows):
            points = [(row[2], row[4]) for row in rows if (row[0], row[1], row[3]) == (name, work, batch)]
            axes[i, j].plot(*zip(*points, strict=True), marker=".", label=name)
        axes[i, j].set(xscale="log", yscale="log", title=f"{work}, batch {batch}")
        axes[i, j].set_xticks(lengths, map(str, lengths), minor=False)
        axes[i, j].xaxis.minorticks_off()
    figure.supxlabel("tokens a row")
    figure.supylabel("tokens a second")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
