"""Cycle and lead times of finished items: one by one, as a sample, and counted by hours."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from app.domain.work_item import WorkItemType
from app.flow.histogram import US_PER_HOUR, Duration
from app.flow.runs import merged
from app.flow.scatterplot import Point
from app.flow.slowest import SHOWN, SlowItem
from app.flow.summary import DurationSummary
from app.store.database import Connection
from app.store.flow_summary import summarise_runs
from app.store.measurements import Selection
from app.store.parts import gather_items
from app.store.queries import load_query

_CYCLE_TIMES = load_query("cycle_times")
_SLOWEST = load_query("slowest")


@dataclass(frozen=True, slots=True)
class Finished:
    """What was finished in a window: its cycle times, and the latest items."""

    cycle: DurationSummary
    points: tuple[Point, ...]


async def finished(connection: Connection, selection: Selection, latest: int) -> Finished:
    """Return the cycle times of the selected items and, in order, the latest of the items."""
    items = await gather_items(connection, selection)
    given = {**selection.parameters, "latest": latest}
    row = await _CYCLE_TIMES.row(connection, given)
    columns = (row.ids, row.titles, row.types, row.finished, row.cycles_us)
    points = zip(*(reversed(column or ()) for column in columns), strict=True)
    kinds = {str(kind): kind for kind in WorkItemType}
    return Finished(
        cycle=summarise_runs(
            [run for each in items for run in each.cycles],
            sum(each.finished_n for each in items),
            sum(each.cycle_us for each in items),
        ),
        points=tuple(
            Point(item_id, title, kinds[kind], finished_at, cycle_us)
            for item_id, title, kind, finished_at, cycle_us in points
        ),
    )


async def cycles_us(connection: Connection, selection: Selection) -> list[int]:
    """Return the cycle times of the items finished in the window, ascending."""
    items = await gather_items(connection, selection)
    return merged([run for each in items for run in each.cycles])


async def slowest(
    connection: Connection, selection: Selection, duration: Duration
) -> tuple[SlowItem, ...]:
    """Return the items finished in the window that took longest, the longest first."""
    given = {**selection.parameters, "duration": str(duration), "most": SHOWN}
    return tuple(
        SlowItem(item_id, title, WorkItemType(kind), finished_at, cycle_us, lead_us)
        for item_id, title, kind, finished_at, cycle_us, lead_us in await _SLOWEST.rows(
            connection, given
        )
    )


async def by_hour(
    connection: Connection, selection: Selection, duration: Duration
) -> dict[WorkItemType, Counter[int]]:
    """Count the items finished in the window by type and by the whole hours that they took."""
    found: defaultdict[WorkItemType, Counter[int]] = defaultdict(Counter)
    for each in await gather_items(connection, selection):
        for run in each.cycles if duration is Duration.CYCLE else each.leads:
            found[WorkItemType(each.type)].update([us // US_PER_HOUR for us in run])
    return dict(found)
