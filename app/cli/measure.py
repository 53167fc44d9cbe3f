"""`vsm metrics` and `vsm items`: numbers and items in a terminal."""

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
from app.domain.working_time import Clock


def metrics(
    days: Days = None,
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
) -> None:
    """Show throughput, WIP, cycle and lead time of a window.

    **Examples**

        vsm metrics --days 30

        vsm metrics --days 90 --group-by type

        vsm metrics --start 2026-01-01T00:00:00Z --end 2026-04-01T00:00:00Z --type bug --json
    """
    query = [
        ("days", days),
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
    answer("/api/v1/metrics", query, _show_metrics, as_json=as_json, as_csv=as_csv)


def items(
    q: Annotated[str | None, typer.Argument(help="Text in the title.")] = None,
    stage: Annotated[str | None, typer.Option(help="Current stage, or the population's.")] = None,
    state: Annotated[
        str | None, typer.Option(help="open, backlog, in_progress, finished, cancelled.")
    ] = None,
    population: Annotated[
        str | None,
        typer.Option(
            help="Those behind a number of the window: throughput, wip_now, blocked_now, reopened, "
            "in_stage … Any other value lists them all."
        ),
    ] = None,
    days: Days = None,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    type: Types = None,  # noqa: A002 - the API's word
    exclude_type: NotTypes = None,
    external_key: Annotated[str | None, typer.Option("--key", help="Key elsewhere.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 20,
    stream: Stream = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List work items, newest first; those behind a number, with the window it is about.

    **Examples**

        vsm items --state in_progress

        vsm items invoice --stage Testing --csv

        vsm items --population throughput --days 30 --exclude-type epic

        vsm items --population blocked_now
    """
    query = [
        ("q", q),
        ("stage", stage),
        ("state", state),
        ("population", population),
        ("days", days),
        ("start", start),
        ("end", end),
        ("as_of", as_of),
        ("type", type),
        ("exclude_types", exclude_type),
        ("external_key", external_key),
        ("limit", limit),
        ("stream", stream),
    ]
    answer("/api/v1/work-items", query, _show_items, as_json=as_json, as_csv=as_csv)


def hours(value: float | None, clock: str = Clock.ELAPSED) -> str:
    """Write a duration as people say it: hours below two days, else days; a dash for none.

    Working time stays in hours, since nobody's working day has 24 of them.
    """
    if value is None:
        return "–"
    in_hours = clock == Clock.WORKING or value < 48  # noqa: PLR2004 - two days
    return f"{value:.1f} h" if in_hours else f"{value / 24:.1f} d"


def tell_clock(found: dict[str, Any]) -> str:
    """Return by which clock an answer's durations are, and say so where it is not the usual one."""
    clock: str = found["definitions"]["clock"]
    if clock == Clock.WORKING:
        out.print("[dim]Durations are working time.[/]")
    return clock


def _show_metrics(found: dict[str, Any]) -> None:
    out.print(
        f"[bold]{found['period_start'][:16]}Z – {found['period_end'][:16]}Z[/] "
        f"[dim]({found['sample_size']} items finished)[/]"
    )
    flow = Table("", "in the window", box=None, padding=(0, 2), header_style="dim")
    per_day = f"{found['throughput_per_day']:.2f} a day"
    flow.add_row("throughput", f"{found['throughput']} [dim]({per_day})[/]")
    flow.add_row("WIP", f"{found['wip']:.1f} on average, {found['wip_at_end']} at the end")
    flow.add_row("backlog", str(found["backlog_items"]))
    flow.add_row("created, started", f"{found['created']}, {found['started']}")
    flow.add_row("cancelled, reopened", f"{found['discarded']}, {found['reopened']}")
    out.print(flow)
    times = Table("", "p50", "p85", "p95", "mean", box=None, padding=(0, 2), header_style="dim")
    clock, statistics = tell_clock(found), ("p50", "p85", "p95", "avg")
    for duration in ("cycle", "lead"):
        figures = (found[f"{duration}_time_{each}"] for each in statistics)
        times.add_row(f"{duration} time", *(hours(figure, clock) for figure in figures))
    out.print(times)
    _show_types(found["groups"] or [], clock)
    left_out = ", ".join(
        f"{count} {reason.replace('_', ' ')}" for reason, count in found["excluded"].items()
    )
    out.print(f"[dim]Not in these times: {left_out}.[/]")
    if found["low_confidence"]:
        shaky = ", ".join(found["low_confidence"])
        out.print(f"[yellow]So few items cannot support {shaky}.[/]")
    start = found["definitions"]["start_stage"]
    out.print(
        f"[dim]Cycle time: from the first entry into {escape(start)} or later to the first "
        "finish.[/]"
    )


def _show_types(groups: list[dict[str, Any]], clock: str) -> None:
    """Show the types beside one another, if they are told apart."""
    if not groups:
        return
    columns = ("", "throughput", "WIP", "cycle p50", "cycle p85", "lead p50", "lead p85")
    table = Table(*columns, box=None, padding=(0, 2), header_style="dim")
    for group in groups:
        durations = (
            hours(group[f"{duration}_time_{each}"], clock)
            for duration in ("cycle", "lead")
            for each in ("p50", "p85")
        )
        table.add_row(group["type"], str(group["throughput"]), f"{group['wip']:.1f}", *durations)
    out.print(table)


def _show_items(found: dict[str, Any]) -> None:
    table = item_table("id", "key", "type", "stage", "since", "title")
    for item in found["items"]:
        stage = "cancelled" if item["cancelled_at"] else item["current_stage"] or "–"
        since = (item["current_stage_since"] or "–")[:10]
        key = escape(item["external_key"] or "")
        cells = (str(item["id"]), key, item["type"], escape(stage), since)
        table.add_row(*cells, escape(item["title"]))
    out.print(table if found["items"] else "No items match.")
    show_blocked(found["items"])
    if found["next_cursor"]:
        out.print("[dim]There are more; ask for them with --limit.[/]")
