"""`vsm map` and `vsm aging`: where work waits, and which work has waited too long."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from app.cli.answers import answer, item_table, show_blocked
from app.cli.console import out
from app.cli.filters import (
    AsCsv,
    AsJson,
    AsOf,
    ByClock,
    Days,
    End,
    GroupedBy,
    NotTypes,
    Start,
    Stream,
    Types,
    Zone,
)
from app.cli.measure import hours, tell_clock
from app.cli.service import get

MAP, AGING = "/api/v1/value-stream-map", "/api/v1/metrics/aging"


def map_(
    days: Days = 30,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    tz: Zone = None,
    type: Types = None,  # noqa: A002 - the API's word
    exclude_type: NotTypes = None,
    stream: Stream = None,
    clock: ByClock = None,
    group_by: GroupedBy = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    svg: Annotated[bool, typer.Option("--svg", help="Print the drawing as SVG.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print it as Mermaid.")] = False,
) -> None:
    """Show the measured value stream map: process time, wait time, %C&A and WIP per stage.

    **Examples**

        vsm map --days 90

        vsm map --days 90 --svg > map.svg

        vsm map --days 90 --group-by type --csv

        vsm map --stream platform --clock working
    """
    query = [
        ("days", None if start else days),
        ("start", start),
        ("end", end),
        ("as_of", as_of),
        ("tz", tz),
        ("type", type),
        ("exclude_types", exclude_type),
        ("stream", stream),
        ("clock", clock),
        ("group_by", group_by),
    ]
    if svg or mermaid:
        typer.echo(get(MAP, [*query, ("format", "svg" if svg else "mermaid")]), nl=False)
        return
    answer(MAP, query, _show_map, as_json=as_json, as_csv=as_csv)


def aging(
    days: Days = 90,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    tz: Zone = None,
    type: Types = None,  # noqa: A002 - the API's word
    exclude_type: NotTypes = None,
    stream: Stream = None,
    clock: ByClock = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the work in process, oldest first, and how likely it still is to finish on time.

    What was finished in the window tells how old work was when it had come as far; the work in
    process is that of now, or of `--as-of`.

    **Examples**

        vsm aging

        vsm aging --type bug --csv

        vsm aging --start 2026-01-01T00:00:00Z --end 2026-04-01T00:00:00Z --tz Europe/Berlin
    """
    query = [
        ("days", None if start else days),
        ("start", start),
        ("end", end),
        ("as_of", as_of),
        ("tz", tz),
        ("type", type),
        ("exclude_types", exclude_type),
        ("stream", stream),
        ("clock", clock),
    ]
    answer(AGING, query, _show_aging, as_json=as_json, as_csv=as_csv)


def _show_map(found: dict[str, Any]) -> None:
    totals = found["totals"]
    out.print(
        f"[bold]{found['period_start'][:10]} – {found['period_end'][:10]}[/] "
        f"[dim]({totals['items_finished']} items finished)[/]"
    )
    clock = tell_clock(found)
    _show_stages(found, clock)
    for group in found["groups"] or []:
        out.print(f"[bold]{group['type']}[/] [dim]({group['sample_size']} items finished)[/]")
        _show_stages(group, clock)
    out.print(
        f"Lead time {hours(totals['lead_time'], clock)}, activity ratio "
        f"{_share(totals['activity_ratio'])}, first time through "
        f"{_share(totals['first_time_through'])}."
    )
    for loop in found["rework_loops"]:
        left, entered = escape(loop["from_stage"]), escape(loop["to_stage"])
        out.print(f"Sent back from {left} to {entered}: {loop['moves']} times.")
    for caveat in found["caveats"]:
        out.print(f"[dim]{escape(caveat)}[/]")


def _show_stages(found: dict[str, Any], clock: str) -> None:
    """Show the stages of a map, and their totals."""
    totals = found["totals"]
    columns = ("stage", "process", "wait", "%C&A", "WIP", "waiting", "visits")
    table = Table(*columns, box=None, header_style="dim")
    for stage in found["stages"]:
        table.add_row(
            escape(stage["name"]),
            hours(stage["process_time"], clock),
            hours(stage["wait_time"], clock),
            _share(stage["pct_ca"]),
            _number(stage["wip"]),
            _number(stage["items_waiting"]),
            str(stage["visits"]),
        )
    table.add_row(
        "[bold]in all[/]",
        hours(totals["process_time"], clock),
        hours(totals["wait_time"], clock),
        _share(totals["rolled_ca"]),
        _number(totals["wip"]),
        _number(totals["items_waiting"]),
        "",
    )
    out.print(table)


def _show_aging(found: dict[str, Any]) -> None:
    clock = tell_clock(found)
    table = item_table("id", "age", "stage", "in stage", "on time", "title")
    for item in found["items"]:
        table.add_row(
            str(item["id"]),
            hours(item["age"], clock),
            escape(item["stage"]),
            hours(item["time_in_stage"], clock),
            _share(item["on_time_probability"]),
            escape(item["title"]),
        )
    out.print(table if found["items"] else "Nothing is in process.")
    show_blocked(found["items"])
    if found["wip_older_than_p85"] is not None:
        out.print(
            f"{found['wip_older_than_p85']} of {found['wip']} are older than 85 % of finished "
            f"items were ({hours(found['cycle_time_p85'], clock)})."
        )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _number(value: int | None) -> str:
    return "–" if value is None else str(value)
