"""`vsm …`: one file per group of commands; `commands.py` brings them together."""

import sys


def main() -> None:
    """Run a command.

    Imports wait until here: workers, which are in this package too, have no commands, and `serve`,
    which becomes a worker at once, starts in half the time without the others.
    """
    if sys.argv[1:2] == ["serve"]:
        from app.cli.application import run  # noqa: PLC0415
    else:
        from app.cli.commands import run  # noqa: PLC0415
    run()
