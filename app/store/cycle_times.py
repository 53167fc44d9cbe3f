"""Cycle and lead times of finished items: one by one, as a sample, and counted by hours."""

from dataclasses import dataclass

from app.domain.work_item import WorkItemType
from app.flow.histogram import Duration
from app.flow.scatterplot import Point
from app.flow.summary import DurationSummary
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_CYCLE_TIMES = load_query("cycle_times")
_CYCLE_SAMPLE = load_query("cycle_sample")
_DURATIONS = load_query("durations")


@dataclass(frozen=True, slots=True)
class Finished:
    """What was finished in a window: its cycle times, the latest items, and what was given up."""

    cycle: DurationSummary
    points: tuple[Point, ...]
    discarded: int


async def finished(connection: Connection, selection: Selection, latest: int) -> Finished:
    """Return the cycle times of the selected items and, in order, the latest of the items."""
    given = {**selection.parameters, "latest": latest}
    row = (await connection.execute(_CYCLE_TIMES, given)).one()
    columns = (row.ids, row.titles, row.types, row.finished, row.cycles_us)
    points = zip(*(reversed(column or ()) for column in columns), strict=True)
    kinds = {str(kind): kind for kind in WorkItemType}
    return Finished(
        cycle=DurationSummary(row.n, int(row.sum_us), row.p50, row.p85, row.p95),
        points=tuple(
            Point(item_id, title, kinds[kind], finished_at, cycle_us)
            for item_id, title, kind, finished_at, cycle_us in points
        ),
        discarded=row.discarded,
    )


async def cycles_us(connection: Connection, selection: Selection) -> list[int]:
    """Return the cycle times of the items finished in the window, ascending."""
    found: list[int] | None = await connection.scalar(_CYCLE_SAMPLE, selection.parameters)
    return found or []


async def by_hour(
    connection: Connection, selection: Selection, duration: Duration
) -> dict[int, int]:
    """Count the items finished in the window by the whole hours that they took."""
    rows = await connection.execute(_DURATIONS, {**selection.parameters, "duration": str(duration)})
    return {row.hours: row.items for row in rows}
