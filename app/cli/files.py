"""`vsm import`: histories from files, all of them or none."""

import asyncio
import gc
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import typer
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from app.cli.console import err
from app.cli.database import database_url
from app.cli.reports import show_problems, show_reports
from app.connectors.file_texts import Content
from app.connectors.mapping_file import parse_mapping
from app.connectors.reading import FileFormat, ReadOptions
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
    told = [File(str(path), _content(path), chosen) for path in files]
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
    """Import in one transaction, with progress, rate and time left on a terminal."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)  # rows come by the million, and none is part of a cycle
    database = open_database(url, pool_size=1, statement_timeout=TIMEOUT)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    try:
        with bar:
            async with transaction(database) as connection:
                stream = await value_streams.load_to_write(connection, stream_key)
                options = ReadOptions(now=await transitions.clock(connection), **stated)
                return await import_files(
                    connection,
                    stream,
                    files,
                    _with_mapping(options, mapping),
                    check=check,
                    progress=_Steps(bar),
                )
    finally:
        await database.dispose()


class _Rate(ProgressColumn):
    """How much is done, of how much, and how much of it each second."""

    def render(self, task: Task) -> Text:
        """Return the figures."""
        of = "" if task.total is None else f"/{int(task.total):,}"
        rate = f" ({task.speed:,.0f}/s)" if task.speed else ""
        return Text(f"{int(task.completed):,}{of}{rate}")


class _Steps:
    """Shows each step of an import as a bar of its own, in turn."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._shown: tuple[str, TaskID] | None = None

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Show how far a step has come."""
        if self._shown is None or self._shown[0] != step:
            if self._shown is not None:
                self._bar.remove_task(self._shown[1])
            self._shown = (step, self._bar.add_task(step, total=total))
        self._bar.update(self._shown[1], completed=done, total=total)


def _content(path: Path) -> Content:
    """Return how the file is opened, which is done several times; a pipe is read, once."""
    return (lambda: path.open("rb")) if path.is_file() else path.read_bytes()


def _with_mapping(options: ReadOptions, path: Path | None) -> ReadOptions:
    """Add what a mapping file says; options on the command line win."""
    if path is None:
        return options
    found = parse_mapping(path.read_bytes(), str(path))
    if found.problems:
        raise InvalidImport(found.problems)
    return found.under(options)
