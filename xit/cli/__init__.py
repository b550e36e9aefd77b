"""The command line: reads arguments, calls a stage, prints what it made. Only this package prints or exits."""


def main() -> None:
    """Run the command line."""
    from xit.cli import app

    app.main()
