"""Numbers computed where the data is: SQL narrows to the window and aggregates there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from app.domain.work_item import WorkItemType
from app.flow.calendar import Window
from app.flow.summary import DurationSummary, FlowSummary
from app.store.database import Connection
from app.store.queries import load_query
from app.store.tables import stage_transitions, work_items

_FLOW_SUMMARY = load_query("flow_summary")


@dataclass(frozen=True, slots=True)
class Extent:
    """From when to when a stream has data; None for an empty stream."""

    first_created_at: datetime | None
    last_event_at: datetime | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The items and the time that a number is about: the same parameters for every query.

    `calendar` is the stream by whose working time durations are measured; None for elapsed time.
    """

    stream_id: int
    window: Window
    types: Sequence[WorkItemType] | None = None
    calendar: int | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """What `:stream_id`, `:starts`, `:ends`, `:as_of`, `:types`, `:calendar` stand for."""
        return {
            "stream_id": self.stream_id,
            "starts": self.window.start,
            "ends": self.window.end,
            "as_of": self.window.as_of,
            "types": None if self.types is None else [str(each) for each in self.types],
            "calendar": self.calendar,
        }


async def begin_analysis(connection: Connection) -> None:
    """Make this transaction, of which it is the first statement, one of reading numbers.

    All its queries see one snapshot, so that figures of one answer fit together. Each is planned
    for its own parameters: after a few runs PostgreSQL would plan a prepared query for any window
    at all, which is up to two and a half times slower for one that is short beside the history.
    """
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    await connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


async def flow_summary(connection: Connection, selection: Selection) -> FlowSummary:
    """Return what `flow.summary.summarise` defines, for the selected items."""
    row = (await connection.execute(_FLOW_SUMMARY, selection.parameters)).one()
    durations = {
        clock: DurationSummary(
            count=row.throughput,
            sum_us=int(getattr(row, f"{clock}_sum_us")),
            p50=getattr(row, f"{clock}_p50"),
            p85=getattr(row, f"{clock}_p85"),
            p95=getattr(row, f"{clock}_p95"),
        )
        for clock in ("cycle", "lead")
    }
    return FlowSummary(
        throughput=row.throughput,
        started=row.started,
        created=row.created,
        discarded=row.discarded,
        discarded_started=row.discarded_started,
        reopened=row.reopened,
        recompleted=row.recompleted,
        decommits=row.decommits,
        wip_us=int(row.wip_us),
        window_us=selection.window.length_us,
        wip_now=int(row.wip_now),
        wip_at_end=int(row.wip_at_end),
        open_items=row.open_items,
        backlog_items=int(row.backlog_items),
        parked_us=int(row.parked_us),
        **durations,
    )


async def extent(connection: Connection, stream_id: int, as_of: datetime) -> Extent:
    """Return when the stream's data begin and when, by `as_of`, the last move in it happened."""
    first = select(func.min(work_items.c.effective_created_at)).where(
        work_items.c.value_stream_id == stream_id
    )
    last = select(func.max(stage_transitions.c.timestamp)).where(
        stage_transitions.c.value_stream_id == stream_id,
        stage_transitions.c.timestamp <= as_of,
        stage_transitions.c.voided_at.is_(None),
    )
    row = (await connection.execute(select(first.scalar_subquery(), last.scalar_subquery()))).one()
    return Extent(*row)
