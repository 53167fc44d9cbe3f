"""`vsm streams …`: value streams as code."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from app.cli import streams_configure
from app.cli.answers import answer
from app.cli.console import out
from app.cli.filters import AsJson
from app.cli.stream_files import read_files
from app.connectors.stream_schema import reference
from app.connectors.stream_schema import schema as schema_of_files
from app.domain.stream_definition import StreamDefinition

group = typer.Typer(
    help="Value streams as code: stages, limits, moves and clocks in a file that you keep in git.",
    no_args_is_help=True,
)
for _command in (streams_configure.plan, streams_configure.apply, streams_configure.export):
    group.command()(_command)


@group.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the value streams that there are, the default one first.

    **Examples**

        vsm streams list

        vsm streams list --json
    """
    answer("/api/v1/value-streams", [], _show_streams, as_json=as_json)


def _show_streams(found: list[dict[str, Any]]) -> None:
    table = Table("key", "name", "stages", "time zone", box=None, header_style="dim")
    for stream in found:
        default = " [dim](default)[/]" if stream["is_default"] else ""
        name, zone = escape(stream["name"]), stream["time_zone"]
        table.add_row(escape(stream["key"]) + default, name, str(stream["stages"]), zone)
    out.print(table)


@group.command()
def validate(
    files: Annotated[
        list[Path], typer.Argument(help="Value stream files.", exists=True, dir_okay=False)
    ],
) -> None:
    """Check value stream files without a database, and tell what is in them.

    Every mistake is one line, `file:line:column (field): what was expected`, and the exit status
    is 1. Files that are checked together may not describe the same stream twice.

    **Examples**

        vsm streams validate config/value-stream.yaml

        vsm streams validate streams/*.yaml
    """
    for definition in read_files(files, console=out):
        out.print(escape(_told(definition)), soft_wrap=True, highlight=False)


@group.command()
def schema(
    as_table: Annotated[
        bool, typer.Option("--reference", help="Print the fields as Markdown tables instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of value stream files, by which editors complete and check them.

    **Examples**

        vsm streams schema > config/value-stream.schema.json
    """
    text = reference() if as_table else schema_text()
    typer.echo(text, nl=False)


def schema_text() -> str:
    """Return the schema as it is kept in `config/`."""
    return json.dumps(schema_of_files(), indent=2, ensure_ascii=False) + "\n"


def _told(definition: StreamDefinition) -> str:
    """Describe a stream in one line."""
    stream = definition.stream
    limited = [stage for stage in stream.stages if stage.wip_limit is not None]
    said = [
        f"{len(stream.stages)} stages from {stream.first_stage.name} to {stream.stages[-1].name}",
        f"work starts at {stream.start_stage.name}",
        f"{len(limited)} with a WIP limit" if limited else "no WIP limits",
        f"moves {stream.moves.policy}",
        f"time zone {stream.zone_info}",
        "elapsed and working time" if stream.calendar else "elapsed time only",
    ]
    return f"{stream.key}: {', '.join(said)}"
