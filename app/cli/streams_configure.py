"""`vsm streams plan`, `apply` and `export`: value streams as code, in a terminal."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.console import err, out
from app.cli.database import database_url
from app.cli.measure import hours
from app.cli.stream_files import read_files
from app.connectors import stream_file
from app.domain.errors import InvalidValue
from app.domain.stream_definition import StreamDefinition
from app.settings import Settings
from app.store.database import Connection, open_database, transaction
from app.usecases import configure, plan_streams
from app.usecases.configure import Applied, AppliedStream
from app.usecases.export_streams import export as export_streams
from app.usecases.plan_streams import PLAN_DAYS, Plan, PlannedStream

if TYPE_CHECKING:
    from app.flow.summary import FlowSummary

TIMEOUT = 3600
"""Seconds that one statement may take: a merge rewrites years of moves."""

CHANGES = 2
"""Exit status of a plan with changes, when asked for."""

Files = Annotated[
    list[Path], typer.Argument(help="Value stream files.", exists=True, dir_okay=False)
]
EffectiveFrom = Annotated[
    str | None,
    typer.Option(help="New WIP limits count from here on: 2026-01-31T00:00:00Z; unsaid: now."),
]
Result = TypeVar("Result")


def plan(
    files: Files,
    effective_from: EffectiveFrom = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 2 when there are changes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Show what applying files would change, and what last quarter's metrics would become.

    Nothing is changed: the files are applied, measured, and taken back.

    **Examples**

        vsm streams plan config/value-stream.yaml

        vsm streams plan streams/*.yaml --exit-code --json
    """
    found = _plan(read_files(files), _instant(effective_from))
    if as_json:
        from app.api.configuration import PlanOut  # noqa: PLC0415 - FastAPI takes long to import

        out.print_json(PlanOut.of(found).model_dump_json())
    else:
        _show_plan(found, out)
    if exit_code and found.changed:
        raise typer.Exit(CHANGES)


def apply(
    files: Files,
    effective_from: EffectiveFrom = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Make value streams what files say: all of it or nothing. Applying again changes nothing.

    Shows the plan and asks first. Streams that no file names stay as they are.

    **Examples**

        vsm streams apply config/value-stream.yaml

        vsm streams apply streams/*.yaml --yes --effective-from 2026-02-01T00:00:00Z
    """
    definitions, since = read_files(files), _instant(effective_from)
    planned = _plan(definitions, since)
    _show_plan(planned, err if as_json else out)
    if planned.changed and not yes:
        typer.confirm("Apply?", abort=True, err=True)
    applied = _on_database(
        lambda connection: configure.apply(connection, definitions, effective_from=since)
    )
    if as_json:
        from app.api.configuration import AppliedOut  # noqa: PLC0415 - FastAPI takes long to import

        out.print_json(AppliedOut.of(applied).model_dump_json())
    elif planned.changed:
        _show_applied(applied)


def export(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="Streams; unsaid: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of YAML.")] = False,
) -> None:
    """Write down the value streams in force, as a file that changes nothing when it is applied.

    **Examples**

        vsm streams export > value-streams.yaml

        vsm streams export payments
    """
    found = _on_database(lambda connection: export_streams(connection, keys or ()))
    if as_json:
        out.print_json(data=stream_file.plain(found))
    else:
        typer.echo(stream_file.write(found), nl=False)


def _plan(definitions: Sequence[StreamDefinition], since: datetime | None) -> Plan:
    return _on_database(
        lambda connection: plan_streams.plan(connection, definitions, effective_from=since)
    )


def _instant(stated: str | None) -> datetime | None:
    """Read an instant as the API does; raises InvalidValue."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - only when asked for

    from app.api.types import Instant  # noqa: PLC0415 - only when asked for

    try:
        return None if stated is None else TypeAdapter(Instant).validate_python(stated)
    except ValidationError as error:
        message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise InvalidValue("effective_from", message) from None


def _on_database(work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Do one transaction's work."""
    with database_url(Settings.read()) as url:
        return asyncio.run(_in_transaction(url, work))


async def _in_transaction(url: str, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    database = open_database(url, pool_size=1, statement_timeout=TIMEOUT)
    try:
        async with transaction(database) as connection:
            return await work(connection)
    finally:
        await database.dispose()


def _show_plan(found: Plan, console: Console) -> None:
    for each in found.streams:
        _show_changes(each.applied, console)
        _show_metrics(each, console)
    if not found.changed:
        console.print("No changes.")


def _show_changes(applied: AppliedStream, console: Console) -> None:
    if not applied.changes:
        return
    stream = applied.stream
    console.print(f"[bold]{escape(stream.key)}[/]  {escape(stream.name)}")
    for change in applied.changes:
        console.print(f"  {escape(str(change))}", soft_wrap=True)


def _show_metrics(planned: PlannedStream, console: Console) -> None:
    """Show what becomes of last quarter's numbers, those that become others in bold."""
    if planned.before is None or planned.after is None:
        return
    table = Table(f"  last {PLAN_DAYS} days", "now", "then", box=None, header_style="dim")
    before, after = (_figures(each.measurement.summary) for each in (planned.before, planned.after))
    for (name, now), (_, then) in zip(before, after, strict=True):
        table.add_row(f"  {name}", now, then if now == then else f"[bold]{then}[/]")
    console.print(table)


def _figures(summary: "FlowSummary") -> list[tuple[str, str]]:
    return [
        ("throughput", str(summary.throughput)),
        ("WIP on average", f"{summary.wip:.1f}"),
        ("WIP at the end", str(summary.wip_at_end)),
        ("backlog", str(summary.backlog_items)),
        ("cycle time p50", hours(summary.cycle_time_p50)),
        ("cycle time p85", hours(summary.cycle_time_p85)),
        ("lead time p50", hours(summary.lead_time_p50)),
        ("lead time p85", hours(summary.lead_time_p85)),
        ("reopened", str(summary.reopened)),
    ]


def _show_applied(applied: Applied) -> None:
    for each in applied.streams:
        if each.changes:
            count = len(each.changes)
            out.print(
                f"{escape(each.stream.key)}: applied {count} change{'s'[: count != 1]}, "
                f"definitions version {each.stream.definitions_version}."
            )
