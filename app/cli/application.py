"""`vsm` itself, with the one command that a worker begins with; `commands.py` adds the others."""

import sys

import typer

from app import __version__
from app.cli.console import fail
from app.cli.serve import serve
from app.domain.errors import VsmError
from app.settings import SettingError

application = typer.Typer(
    name="vsm",
    help="Value stream mapping from live events: how work flows, and why it waits.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
application.command("serve")(serve)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vsm-service {__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Show the version.", callback=_version, is_eager=True
    ),
) -> None:
    """Options of `vsm` itself."""


def run() -> None:
    """Run a command; what a user can put right is one clear line, never a traceback."""
    try:
        application()
    except (VsmError, SettingError) as error:
        fail(str(error))
        sys.exit(1)
