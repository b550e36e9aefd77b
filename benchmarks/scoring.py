"""How long `xit score` takes on a submission to XTREME-R of full size.

    python benchmarks/scoring.py         # a minute or two; prints a line a task

Gold and predictions are random, half of the predictions right, in the benchmark's numbers of examples, in a temporary
folder. What is not exact: UD-POS has 3,000 sentences in every language, WikiANN 10,000 or, in the smaller languages,
1,000; sentences have 16 and 8 words, answers 3, made of random letters.
"""

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from xit.core.task import Task, task_of
from xit.formats import format_of
from xit.scoring import benchmarks, evaluator, predictions

MLQA = {"en": 11_590, "ar": 5_335, "de": 4_517, "es": 5_253, "hi": 4_918, "vi": 5_495, "zh": 5_137}
TYDIQA = {"en": 440, "ar": 921, "bn": 113, "fi": 782, "id": 565, "ko": 276, "ru": 812, "sw": 499, "te": 669}
MEWSLIX = {"ar": 1501, "de": 1551, "en": 1490, "es": 1552, "fa": 458, "ja": 1519, "pl": 1562, "ro": 672, "ta": 1567}
MEWSLIX |= {"tr": 1215, "uk": 1537}
PANX = dict.fromkeys("af az bn gu hi jv kk ml mr ms my pa qu sw ta te tl ur yo".split(), 1_000)  # noqa: SIM905
TATOEBA = {"jv": 205, "ka": 746, "kk": 575, "ml": 687, "sw": 390, "ta": 307, "te": 234, "th": 548}
SIZES: Mapping[str, tuple[int, Mapping[str, int]]] = {
    "xnli": (5_010, {}),
    "xcopa": (500, {}),
    "udpos": (3_000, {}),
    "panx": (10_000, PANX),
    "xquad": (1_190, {}),
    "mlqa": (0, MLQA),
    "tydiqa": (0, TYDIQA),
    "tatoeba": (1_000, TATOEBA),
    "mewslix": (0, MEWSLIX),
    "lareqa": (1_190, {}),
}
"""Examples of each language, and those of the languages that have another number."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def example(number: int, task: Task, language: str, chance: random.Random) -> dict[str, Any]:
    """A random example, as far as gold is made of it."""
    row: dict[str, Any] = {"id": f"{language}-{number}", "language": language}
    match task.format:
        case "classification":
            return {**row, "label": chance.choice(task.labels)}
        case "multiple_choice":
            return {**row, "label": chance.randrange(2)}
        case "tagging":
            return {**row, "tags": chance.choices(task.labels, k=8 if "O" in task.labels else 16)}
        case "span":
            answers = [" ".join("".join(chance.choices(LETTERS, k=6)) for _ in range(3))]
            return {**row, "context": answers[0], "question": "", "answers": answers, "starts": [0]}
        case _:
            count = 11 if task.metric == "map_at_20" else 1
            return {**row, "role": "query", "gold": [f"c{chance.randrange(1_000_000)}" for _ in range(count)]}


def prediction(task: Task, right: Any, other: Any, chance: random.Random) -> Any:
    """The right answer or another; of a ranking, twenty candidates with the right ones among them."""
    if isinstance(right, list) and task.format == "retrieval":
        found = dict.fromkeys([*right, *(f"x{chance.randrange(1_000_000)}" for _ in range(20))])
        return chance.sample([*found], len(found))[:20]
    return right if chance.random() < 0.5 else other


def write(out: Path, gold: Path, task_id: str, language: str, count: int, chance: random.Random) -> None:
    """A file of gold and one of predictions."""
    task = task_of(task_id)
    rows = [example(number, task, language, chance) for number in range(count)]
    if task.is_aligned:
        rows = [{**row, "gold": [row["id"]]} for row in rows]
        rows += [{"id": row["id"], "role": "candidate"} for row in rows]
    predictions.write_gold(gold, task, language, rows)
    right = format_of(task).gold(rows)
    has_ids = format_of(task).extension == "json"
    pairs = dict(right) if has_ids else dict(enumerate(right))
    answers = [value[0] if task.format == "span" else value for value in pairs.values()]
    said = [prediction(task, value, chance.choice(answers), chance) for value in answers]
    predictions.write(out, task, language, dict(zip(pairs, said, strict=True)) if has_ids else said)


def timed(work: Callable[[], Any]) -> tuple[tuple[str, str], Any]:
    """Seconds on the clock, seconds of the processor, and what the work gave."""
    clock, processor = time.perf_counter(), time.process_time()
    found = work()
    return (f"{time.perf_counter() - clock:.2f}", f"{time.process_time() - processor:.2f}"), found


def main() -> None:
    """Write, score and show."""
    chance = random.Random(0)
    benchmark = benchmarks.load("xtreme-r")
    table = Table("task", *(Column(name, justify="right") for name in ("examples", "seconds", "processor", "score")))
    total = 0
    with TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        for task_id in benchmark.tasks:
            usual, others = SIZES[task_id]
            sizes = {code: others.get(code, usual) for code in benchmark.languages(task_id)}
            for code, count in sizes.items():
                write(whole / "out", whole / "gold", task_id, code, count, chance)
            alone = Path(folder, task_id)
            for side in ("out", "gold"):
                (alone / side).mkdir(parents=True)
                (alone / side / task_id).symlink_to(whole / side / task_id)
            seconds, found = timed(lambda alone=alone: evaluator.score(alone / "out", alone / "gold", "xtreme-r", True))
            total += sum(sizes.values())
            table.add_row(task_id, f"{sum(sizes.values()):,}", *seconds, f"{found['tasks'][task_id]['score']:.1f}")
        seconds, found = timed(lambda: evaluator.score(whole / "out", whole / "gold", "xtreme-r"))
    table.add_section()
    table.add_row("all at once", f"{total:,}", *seconds, f"{found['overall']:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
