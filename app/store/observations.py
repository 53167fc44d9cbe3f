"""What is told of all value streams at once, at a cost that does not grow with their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Connection
from app.store.queries import load_query
from app.store.tables import recent_quantiles, stage_zones, stages

_OBSERVE = load_query("observe")
_OLDEST_STARTED = load_query("oldest_started")
_MEASURE_QUANTILES = text(
    """
    SELECT percentile_cont(CAST(:quantiles AS float8[])) WITHIN GROUP (
        ORDER BY (extract(epoch FROM finished_at - started_at) * 1000000)::bigint::float8 / 1000000)
    FROM value_streams v
    JOIN work_items i ON i.value_stream_id = v.id
    WHERE i.finished_at > now() - make_interval(days => :days)
    """
)
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
_FRESH_FOR = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Count:
    """How much there is of one kind, as the function flow_counts tells it."""

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


async def counts(connection: Connection, negated_bounds: Sequence[float]) -> list[Count]:
    """Return all counts over all time; bounds are in seconds, times -1, ascending."""
    found = await connection.execute(_OBSERVE, {"negated_bounds": list(negated_bounds)})
    return [
        Count(row.series, row.label, row.other, row.bucket, row.n, int(row.sum_us)) for row in found
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


async def broken_rules(connection: Connection) -> dict[tuple[str, int], int]:
    """Return how often each rule was ever broken at each stage, as it is today, by its id.

    Counted from the rows, which are few beside the moves: only those that broke a rule.
    """
    return {(row.rule, row.stage_id): row.n for row in await connection.execute(_BROKEN_RULES)}


async def oldest_started(connection: Connection) -> dict[str, datetime]:
    """Return when the oldest item in each stage was started, of stages in process with items."""
    return {row.stage: row.started_at for row in await connection.execute(_OLDEST_STARTED)}


async def cycle_time_quantiles(
    connection: Connection, quantiles: Sequence[float], days: int
) -> dict[float, float]:
    """Return quantiles, in seconds, of the items finished in the last days; empty without any.

    As they were measured last by `keep_cycle_time_quantiles`, or right now if that is long ago:
    sorting a busy month takes longer than a scrape may.
    """
    columns = recent_quantiles.c
    query = select(columns.quantile, columns.cycle_time_seconds).where(
        columns.days == days, columns.measured_at > func.now() - _FRESH_FOR
    )
    kept = {row.quantile: row.cycle_time_seconds for row in await connection.execute(query)}
    if not set(quantiles) <= kept.keys():
        kept = await _measured(connection, quantiles, days)
    return {each: kept[each] for each in quantiles if kept[each] is not None}


async def keep_cycle_time_quantiles(
    connection: Connection, quantiles: Sequence[float], days: int
) -> None:
    """Measure these quantiles and keep them, for every process to tell the same."""
    measured = await _measured(connection, quantiles, days)
    statement = insert(recent_quantiles).values(
        [
            {"days": days, "quantile": each, "cycle_time_seconds": seconds}
            for each, seconds in measured.items()
        ]
    )
    fresh = {
        "cycle_time_seconds": statement.excluded.cycle_time_seconds,
        "measured_at": func.now(),
    }
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["days", "quantile"], set_=fresh)
    )


async def _measured(
    connection: Connection, quantiles: Sequence[float], days: int
) -> dict[float, float | None]:
    found = await connection.scalar(
        _MEASURE_QUANTILES, {"quantiles": list(quantiles), "days": days}
    )
    return dict(zip(quantiles, found or [None] * len(quantiles), strict=True))
