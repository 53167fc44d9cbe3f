"""What is told of every value stream at a cost that does not grow with its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text

from app.store.database import Connection
from app.store.queries import load_query
from app.store.tables import stage_zones, stages

_OBSERVE = load_query("observe")
_OLDEST_STARTED = load_query("oldest_started")
_STREAM_STATES = load_query("stream_states")
_BROKEN_RULES = text(
    """
    SELECT b.rule, coalesce(s.merged_into, s.id) AS stage_id, sum(b.n)::bigint AS n
    FROM (SELECT rule, stage_id, count(*) AS n
          FROM broken_rules
          WHERE voided_at IS NULL
          GROUP BY rule, stage_id) b
    JOIN stages s ON s.id = b.stage_id
    GROUP BY 1, 2
    """
)
_BLOCKED = text(
    """
    SELECT i.current_stage_id AS stage_id, count(DISTINCT i.id) AS n
    FROM value_streams v
    JOIN item_blocks b ON b.value_stream_id = v.id
    JOIN work_items i ON i.id = b.work_item_id
    WHERE b.ended_at IS NULL AND b.voided_at IS NULL AND i.cancelled_at IS NULL
    GROUP BY i.current_stage_id
    """
)

_CLOSED_AFTER = timedelta(minutes=20)
"""How long after its end a day is rolled up at the latest: a few turns of the job later."""


@dataclass(frozen=True, slots=True)
class Count:
    """How much there is of one kind in a stream, as the function flow_counts tells it."""

    stream_id: int
    series: str
    label: str
    other: str
    bucket: int
    n: int
    sum_us: int


@dataclass(frozen=True, slots=True)
class StageZone:
    """A stage of some stream, with its zone and its WIP limit."""

    id: int
    stream_id: int
    name: str
    zone: str
    wip_limit: int | None


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream, when its latest move happened, and how many seconds its roll-ups are behind."""

    id: int
    key: str
    last_event: datetime | None
    rollup_lag: float


async def counts(connection: Connection, negated_bounds: Sequence[float]) -> list[Count]:
    """Return all counts over all time; bounds are in seconds, times -1, ascending."""
    found = await _OBSERVE.rows(connection, {"negated_bounds": list(negated_bounds)})
    return [
        Count(row.stream_id, row.series, row.label, row.other, row.bucket, row.n, int(row.sum_us))
        for row in found
    ]


async def stage_list(connection: Connection) -> list[StageZone]:
    """Return the stages of all streams, in order."""
    columns = stage_zones.c
    query = (
        select(
            columns.stage_id,
            columns.value_stream_id,
            columns.name,
            columns.zone,
            stages.c.wip_limit,
        )
        .join_from(stage_zones, stages, stages.c.id == columns.stage_id)
        .order_by(columns.value_stream_id, columns.order)
    )
    return [StageZone(*row) for row in await connection.execute(query)]


async def stream_states(connection: Connection) -> list[StreamState]:
    """Return all streams, in order."""
    found = await _STREAM_STATES.rows(connection, {"grace": _CLOSED_AFTER})
    return [StreamState(*row) for row in found]


async def broken_rules(connection: Connection) -> dict[tuple[str, int], int]:
    """Return how often each rule was ever broken at each stage, as it is today, by its id.

    Counted from the rows, which are few beside the moves: only those that broke a rule.
    """
    return {(row.rule, row.stage_id): row.n for row in await connection.execute(_BROKEN_RULES)}


async def blocked_items(connection: Connection) -> dict[int, int]:
    """Return how many items are blocked now in each stage that has any, by its id."""
    return {row.stage_id: row.n for row in await connection.execute(_BLOCKED)}


async def oldest_started(connection: Connection) -> dict[int, datetime]:
    """Return when the oldest item in each stage was started, of stages in process with items."""
    return {row.stage_id: row.started_at for row in await _OLDEST_STARTED.rows(connection)}
