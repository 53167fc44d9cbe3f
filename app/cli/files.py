"""`vsm import`: histories from files, all of them or none."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.console import err
from app.cli.database import database_url
from app.cli.reports import show_problems, show_reports
from app.connectors.detect import FileFormat
from app.connectors.mapping_file import parse_mapping
from app.connectors.reading import ReadOptions
from app.domain.errors import InvalidImport, InvalidValue
from app.settings import Settings
from app.store import transitions, value_streams
from app.store.database import open_database, transaction
from app.usecases.import_files import File, ImportReport, import_files, stated_pairs

TIMEOUT = 3600
"""Seconds that one statement of an import may take."""


class Format(StrEnum):
    """What the files are."""

    AUTO = "auto"
    JIRA = FileFormat.JIRA
    CSV = FileFormat.CSV
    JSONL = FileFormat.JSONL
    STAGE_DATES = FileFormat.STAGE_DATES


def _file(help_text: str) -> Any:
    return typer.Option(help=help_text, exists=True, dir_okay=False)


def import_(
    format: Annotated[Format, typer.Argument(help="What the files are.")],  # noqa: A002
    files: Annotated[list[Path], typer.Argument(help="Files.", exists=True, dir_okay=False)],
    check: Annotated[bool, typer.Option("--check", help="Only tell what would happen.")] = False,
    map: Annotated[  # noqa: A002
        list[str] | None,
        typer.Option(help="`status=stage`; repeatable. Also `=cancelled`, `=ignore`."),
    ] = None,
    mapping: Annotated[Path | None, _file("YAML or JSON file of mappings.")] = None,
    type: Annotated[  # noqa: A002
        list[str] | None, typer.Option(help="`their type=ours`; repeatable.")
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help="`field=header`; repeatable.")] = None,
    blocked_label: Annotated[
        list[str] | None, typer.Option(help="Label that means blocked; repeatable.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Column separator.")] = None,
    date_format: Annotated[
        str | None, typer.Option(help="`dmy`, `mdy` or a strptime pattern.")
    ] = None,
    tz: Annotated[str, typer.Option(help="Zone of instants without an offset.")] = "UTC",
    source: Annotated[str | None, typer.Option(help="Which tracker the keys are of.")] = None,
    stream: Annotated[str | None, typer.Option(help="Value stream; unsaid: the default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import work items with their histories. Importing a file again changes nothing.

    Everything is imported or nothing: each problem is told with file, line and column. `--check`
    shows which stage every status was taken for, and what would happen.

    **Examples**

        vsm import jira search-result.json --check

        vsm import jira search-result.json --map "In Review=Testing"

        vsm import csv moves.csv --column to_stage=Status --tz Europe/Berlin

        vsm import stage-dates done-items.csv --date-format mdy
    """
    if tz not in available_timezones():
        raise InvalidValue("tz", f"expected an IANA time zone such as Europe/Berlin, got {tz!r}")
    stated = {
        "tz": ZoneInfo(tz),
        "delimiter": delimiter,
        "date_format": date_format,
        "columns": stated_pairs("column", column or []),
        "mapping": stated_pairs("map", map or []),
        "types": stated_pairs("type", type or []),
        "source": source,
        "blocked_labels": tuple(blocked_label or ()),
    }
    chosen = None if format is Format.AUTO else FileFormat(format)
    told = [File(str(path), path.read_bytes(), chosen) for path in files]
    try:
        with database_url(Settings.read()) as url:
            reports = asyncio.run(_import(url, told, stated, mapping, stream, check))
    except InvalidImport as error:
        show_problems(error)
        raise typer.Exit(1) from None
    show_reports(reports, as_json=as_json)


async def _import(
    url: str,
    files: list[File],
    stated: dict[str, Any],
    mapping: Path | None,
    stream_key: str | None,
    check: bool,
) -> list[ImportReport]:
    """Import in one transaction, with a progress bar on a terminal."""
    database = open_database(url, pool_size=1, statement_timeout=TIMEOUT)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    try:
        with bar:
            task = bar.add_task("Checking" if check else "Importing", total=None)
            async with transaction(database) as connection:
                stream = await value_streams.load_to_write(connection, stream_key)
                options = ReadOptions(now=await transitions.clock(connection), **stated)
                return await import_files(
                    connection,
                    stream,
                    files,
                    _with_mapping(options, mapping),
                    check=check,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
    finally:
        await database.dispose()


def _with_mapping(options: ReadOptions, path: Path | None) -> ReadOptions:
    """Add what a mapping file says; options on the command line win."""
    if path is None:
        return options
    found = parse_mapping(path.read_bytes(), str(path))
    if found.problems:
        raise InvalidImport(found.problems)
    return found.under(options)
