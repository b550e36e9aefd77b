"""The command line: reads arguments, calls a stage, prints what it made. Only this package prints or exits."""

import signal


def main() -> None:
    """Run the command line; while it is being imported, Ctrl-C ends it at once, since nothing is at stake yet."""
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from xit.cli import app

    if hears:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    app.main()
