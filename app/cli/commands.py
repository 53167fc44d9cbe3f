"""The commands of `vsm`."""

import sys

import typer

from app import __version__
from app.cli import backup, data, demo, files, flow, measure, rebuild, serve, streams
from app.cli.console import fail
from app.domain.errors import VsmError
from app.settings import SettingError


def _openapi() -> None:
    """Print the OpenAPI document of this version. Needs no database.

    **Example**

        vsm openapi > openapi.json
    """
    from app.main import openapi_text  # noqa: PLC0415 - FastAPI takes long to import

    typer.echo(openapi_text())


application = typer.Typer(
    name="vsm",
    help="Value stream mapping from live events: how work flows, and why it waits.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
application.command("serve")(serve.serve)
application.command("migrate")(data.migrate)
application.command("import")(files.import_)
application.command("demo")(demo.demo)
application.command("metrics")(measure.metrics)
application.command("items")(measure.items)
application.command("map")(flow.map_)
application.command("aging")(flow.aging)
application.command("rebuild")(rebuild.rebuild)
application.command("backup")(backup.backup)
application.command("restore")(backup.restore)
application.command("openapi")(_openapi)
application.add_typer(data.group, name="data")
application.add_typer(streams.group, name="streams")


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
