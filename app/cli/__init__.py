"""`vsm …`: one file per group of commands; `commands.py` brings them together."""


def main() -> None:
    """Run a command."""
    from app.cli.commands import run  # noqa: PLC0415 - a worker, which is here too, has no commands

    run()
