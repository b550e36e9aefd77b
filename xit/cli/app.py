"""The app: every group of commands, and how an error ends a command."""

import sys

import typer

from xit.cli import answers, checkpoints, environment, inspect, run, show, stages, terminal
from xit.core.errors import XitError

app = typer.Typer(
    help="Does English intermediate-task training help zero-shot cross-lingual transfer? `xit reproduce` runs the "
    "whole experiment in the folder of params.yaml, `xit eval` scores one checkpoint; each stage is a command too.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (stages, run, inspect, show, checkpoints, answers):
    app.add_typer(group.app)


def main() -> None:
    """Run the command line; errors that a user can cause are a message and an exit code, without a traceback."""
    environment.prepare()
    terminal.prepare()
    try:
        code = app(prog_name="xit", standalone_mode=False)  # 130 after Ctrl-C: Typer catches it
        if code == 130:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except XitError as error:
        terminal.fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        terminal.fail("stopped. What was finished is kept; run the same command again to go on where it stopped.", 130)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        way = " No partial file was left behind. Fix the path, the permissions or the disk, and run it again."
        way = "" if isinstance(error, FileNotFoundError) else way
        terminal.fail(f"{place}{error.strerror or error}.{way}", 1)
    except typer.Abort:
        terminal.fail("stopped.", 130)
    except Exception as error:
        if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "alloc" in str(error)):  # of torch
            said = f" ({str(error).splitlines()[0]})" if str(error) else ""
            terminal.fail(
                f"out of memory{said}. Less at once: JOBS=1, more micro_batches, a smaller max_length_tokens.", 1
            )
        show = getattr(error, "show", None)  # a wrong argument: click's own message, with the usage
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))
