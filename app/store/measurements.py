"""Numbers computed where the data is: SQL narrows to the window and aggregates there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.domain.work_item import WorkItemType
from app.flow.calendar import Window
from app.store.database import Connection
from app.store.queries import Query

_BEGIN = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_PLAN_FOR_PARAMETERS = Query.of(
    "plan_for_parameters",
    "SELECT clock_timestamp(), set_config('plan_cache_mode', 'force_custom_plan', true)",
)
_PLAN_ONCE = Query.of("plan_once", "SET LOCAL plan_cache_mode = force_generic_plan")
_EXTENT = Query.of(
    "extent",
    """
    SELECT min(effective_created_at),
           (SELECT max(timestamp) FROM stage_transitions
            WHERE value_stream_id = :stream_id AND timestamp <= :as_of AND voided_at IS NULL)
    FROM work_items
    WHERE value_stream_id = :stream_id
    """,
)


@dataclass(frozen=True, slots=True)
class Extent:
    """From when to when a stream has data; None for an empty stream."""

    first_created_at: datetime | None
    last_event_at: datetime | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The items and the time that a number is about: the same parameters for every query.

    `calendar` is the stream whose working time durations count; None for elapsed time.
    """

    stream_id: int
    window: Window
    types: Sequence[WorkItemType] | None = None
    calendar: int | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """What `:stream_id`, `:starts`, `:ends`, `:as_of`, `:types` and `:calendar` stand for."""
        return {
            "stream_id": self.stream_id,
            "starts": self.window.start,
            "ends": self.window.end,
            "as_of": self.window.as_of,
            "types": None if self.types is None else [str(each) for each in self.types],
            "calendar": self.calendar,
        }


async def begin_analysis(connection: Connection) -> datetime:
    """Make this transaction, of which it is the first, one of reading numbers; returns the clock.

    All its queries see one snapshot, so that figures of one answer fit together. Each is planned
    for its own parameters: after a few runs PostgreSQL would plan a prepared query for any window
    at all, which is up to two and a half times slower for one that is short beside the history.
    """
    await connection.execute(_BEGIN)
    now: datetime = (await _PLAN_FOR_PARAMETERS.row(connection))[0]
    return now


@asynccontextmanager
async def planned_once(connection: Connection) -> AsyncIterator[None]:
    """Plan the block's queries once for each connection.

    For queries whose spans of time come in arrays: the planner learns nothing from their
    parameters, and planning them would take longer than running them.
    """
    await _PLAN_ONCE.rows(connection)
    yield
    await _PLAN_FOR_PARAMETERS.rows(connection)


async def extent(connection: Connection, stream_id: int, as_of: datetime) -> Extent:
    """Return when the stream's data begin and when, by `as_of`, the last move in it happened."""
    asked = {"stream_id": stream_id, "as_of": as_of}
    return Extent(*await _EXTENT.row(connection, asked))
