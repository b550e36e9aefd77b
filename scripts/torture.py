#!/usr/bin/env python
"""Kills every stage of the tiny experiment at random moments, and runs it again until the bits are those undisturbed.

    python scripts/torture.py                  # 200 kills, a few minutes on one core
    python scripts/torture.py --kills 20 --seed 7

Each round starts a stage instance with its outputs absent or of an earlier run, kills it with SIGKILL once to three
times at moments drawn from its measured duration, looks for anything that looks finished and is not, lets it run to its
end, and compares every byte with an undisturbed run's. A kill counts where the process was still at work. Exits with 1
where a round was lost. Instances are forked from a process that has imported what they import, so that a kill is cheap
and falls into the stage's work, not into its imports.
"""

# ruff: noqa: T201
import argparse
import dataclasses
import functools
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from xit import cli
from xit.pipeline import overlay

PROJECT = Path(__file__).parent.parent
ENCODER, RECIPE = "lstm", "mnli+mlm"
MOST_IN_A_ROW = 3
Files = dict[str, bytes]


class Instance(NamedTuple):
    """A stage instance: its arguments, what it makes, and the folders below that appear whole or not at all."""

    name: str
    arguments: tuple[str, ...]
    outs: tuple[str, ...]


def instances(root: Path) -> Iterator[Instance]:
    """Those of dvc.yaml, in its order."""
    parameters = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    for stage, facts in yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"].items():
        axes = {
            axis: functools.reduce(dict.__getitem__, source.strip("${}").split("."), parameters)
            for axis, source in facts.get("matrix", {}).items()
        }
        paths = [entry if isinstance(entry, str) else next(iter(entry)) for entry in facts["outs"]]
        for values in itertools.product(*axes.values()):
            texts = [facts["cmd"], *paths]
            for axis, value in zip(axes, values, strict=True):
                texts = [text.replace(f"${{item.{axis}}}", value) for text in texts]
            yield Instance(
                "@".join([stage, *(["-".join(values)] if values else [])]),
                tuple(texts[0].split()[1:]),
                tuple(texts[1:]),
            )


def start(instance: Instance, root: Path) -> int:
    """Run an instance in a process of its own, as the command line does; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.chdir(root)
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ["xit", *instance.arguments]
        cli.main()
    except SystemExit as left:
        os._exit(int(left.code or 0))
    finally:
        os._exit(70)


def finish(instance: Instance, root: Path) -> float:
    """Run an instance to its end; its seconds."""
    started = time.monotonic()
    _, status = os.waitpid(start(instance, root), 0)
    if status:
        said = (root / "log").read_text(encoding="utf-8", errors="replace")
        sys.exit(f"{instance.name}: ended with {os.waitstatus_to_exitcode(status)}: {said}")
    return time.monotonic() - started


def kill(instance: Instance, root: Path, seconds: float) -> bool:
    """Run an instance and kill it after so many seconds; whether it was still at work."""
    pid = start(instance, root)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        said = (root / "log").read_text(encoding="utf-8", errors="replace")
        sys.exit(f"{instance.name}: ended with {os.WEXITSTATUS(status)} before it was killed: {said}")
    return os.WIFSIGNALED(status)


def files(root: Path, outs: Sequence[str]) -> Files:
    """Everything under the outputs and beside them but what says that it is not finished."""
    paths = [path for out in outs for path in ([root / out] if (root / out).is_file() else (root / out).rglob("*"))]
    names = {path: path.relative_to(root).as_posix() for path in paths if path.is_file()}
    return {name: path.read_bytes() for path, name in names.items() if ".partial" not in name}


def leftovers(root: Path) -> list[str]:
    """What a finished run has no business to leave."""
    return [
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if ".partial" in path.name or ".replaced" in path.name
    ]


def units(expected: Files, outs: Sequence[str]) -> dict[str, set[str]]:
    """Files by what appears whole or not at all: a checkpoint or a cell (by its lineage), an output folder, a file."""
    roots = {name.removesuffix("/lineage.json") for name in expected if name.endswith("/lineage.json")} or set(outs)
    return {root: {name for name in expected if name == root or name.startswith(f"{root}/")} for root in roots}


def faults(found: Files, before: Files, expected: Files, outs: Sequence[str]) -> list[str]:
    """What looks finished after a kill and is neither what an undisturbed run makes nor what was there before."""
    lost = [f"{name}: no undisturbed run makes it" for name in sorted(set(found) - set(expected) - set(before))]
    for unit, names in units(expected, outs).items():
        here = {name: found[name] for name in names if name in found}
        allowed = [{name: content[name] for name in names if name in content} for content in (expected, before)]
        if here and here not in allowed:
            lost.append(f"{unit}: looks finished, with {len(here)} of {len(names)} files")
    return lost


def of_an_earlier_run(root: Path, expected: Files) -> Files:
    """Write outputs as an experiment with other parameters has left them: whole, and of another lineage."""
    for name, content in expected.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(
            content.replace(b"{", b'{"earlier": true, ', 1) if name.endswith(".json") else content
        )
    return files(root, sorted(expected))


def clear(root: Path, outs: Sequence[str]) -> None:
    for out in outs:
        shutil.rmtree(root / out, ignore_errors=True) if (root / out).is_dir() else (root / out).unlink(missing_ok=True)


def main() -> None:
    """Prepare, run undisturbed, then kill; print what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=15, help="Stop then, with what was done.")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="xit-torture-") as folder:
        root = prepared(Path(folder))
        warm(root)
        chain = list(instances(root))
        clock = time.monotonic()
        seconds, expected = {}, {}
        for instance in chain:
            seconds[instance.name] = finish(instance, root)
            expected[instance.name] = files(root, instance.outs)
            if instance.name != "parallel":  # tiny reads no pairs, and so it makes none
                assert expected[instance.name], f"{instance.name} made nothing"
        print(f"{len(chain)} stage instances, undisturbed in {time.monotonic() - clock:.0f} s")
        kills = recovered = 0
        lost: list[str] = []
        by_stage: dict[str, int] = {}
        until = time.monotonic() + 60 * arguments.minutes
        for number in itertools.count():
            instance = chain[number % len(chain)]
            if kills >= arguments.kills or time.monotonic() > until:
                break
            made = expected[instance.name]
            clear(root, instance.outs)
            before = of_an_earlier_run(root, made) if chance.random() < 0.5 else {}
            fell = 0
            for _ in range(chance.randint(1, MOST_IN_A_ROW)):
                fell += kill(instance, root, chance.uniform(0, seconds[instance.name]))
                lost += [
                    f"{instance.name}: {fault}"
                    for fault in faults(files(root, instance.outs), before, made, instance.outs)
                ]
            finish(instance, root)
            ends_alike = files(root, instance.outs) == made and not leftovers(root)
            if not ends_alike:
                lost.append(f"{instance.name}: resumed to other bits, or left {leftovers(root)}")
            kills += fell
            recovered += fell if ends_alike else 0
            by_stage[instance.name.partition("@")[0]] = by_stage.get(instance.name.partition("@")[0], 0) + fell
    print(f"{kills} kills in {time.monotonic() - clock:.0f} s: {json.dumps(by_stage)}")
    print(f"{recovered} recovered to the same bits, {kills - recovered} lost")
    print(*lost, sep="\n", end="\n" if lost else "")
    sys.exit(1 if lost or kills < arguments.kills else 0)


def prepared(root: Path) -> Path:
    """A folder with the tiny experiment, of one encoder and with a recipe, so that it has every stage."""
    root.mkdir(exist_ok=True)
    for name in (".dvcignore", "params.yaml", "dvc.yaml", "profiles", "xit", "paper"):
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "generated", "*.pdf"))
        else:
            shutil.copyfile(source, root / name)
    merged = overlay.parameters(root, "tiny")
    conditions = [*merged["grid"]["conditions"], RECIPE]
    merged["grid"] |= {"encoders": [ENCODER], "recipes": [RECIPE], "conditions": conditions}
    (root / "params.yaml").write_text(yaml.safe_dump(merged, sort_keys=False), encoding="utf-8")
    return root


def warm(root: Path) -> None:
    """Import what stages import, and read the names that CLDR has: what each process would do before it works."""
    import pandas
    import pyarrow.parquet
    import torch._dynamo  # what optimizers import at their first step

    from xit.core import registry
    from xit.pipeline import config
    from xit.sources.micro import MicroSource

    for folder in ("stages", "tasks", "heads", "tables"):
        for name in registry.names(folder):
            registry.load(folder, name)
    registry.load("encoders", ENCODER)
    assert {pandas, pyarrow.parquet, torch._dynamo} <= set(sys.modules.values())
    loaded = config.load(root / "params.yaml")
    settings = dataclasses.replace(loaded.micro, languages=loaded.languages.pretraining)
    for language in settings.languages:
        list(MicroSource(settings).text(language))


if __name__ == "__main__":
    main()
