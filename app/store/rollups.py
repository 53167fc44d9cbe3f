"""Kept figures of closed days, weeks and months, and how far they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, delete, exists, func, not_, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.flow.periods import Period, PeriodType
from app.store import kept_parts
from app.store.database import Connection
from app.store.queries import load_query
from app.store.tables import (
    daily_counts,
    flow_metrics,
    recent_measures,
    rollup_invalidations,
    rollup_state,
    total_counts,
    value_streams,
    work_items,
)
from app.store.watching import NAME

KEY = ("value_stream_id", "period_type", "date", "tz", "type_filter")
_NOT_COMPUTED = ("id", "created_at", "recomputed_at")
COMPUTED = tuple(c.name for c in flow_metrics.c if c.name not in _NOT_COMPUTED)
"""The columns of flow_metrics that the queries compute."""


def _upsert(query: str) -> str:
    """Store what a query computes: a row that says the same as before stays as it is."""
    values = [name for name in COMPUTED if name not in KEY]
    columns, fresh = ", ".join(COMPUTED), ", ".join(f"excluded.{name}" for name in values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    stored = ", ".join(f"stored.{name}" for name in values)
    return (
        f"INSERT INTO flow_metrics AS stored ({columns})\n"
        f"SELECT {columns} FROM (\n{load_query(query).text.rstrip().rstrip(';')}\n) AS computed\n"
        f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {changes}, recomputed_at = now()\n"
        f"WHERE ({stored}) IS DISTINCT FROM ({fresh})"
    )


_KEEP_DAYS = text(_upsert("roll_up_days")).execution_options(**{NAME: "roll_up_days"})
_KEEP_PERIODS = text(_upsert("roll_up_periods")).execution_options(**{NAME: "roll_up_periods"})
_COUNT_DAYS = text(
    """
    INSERT INTO daily_counts (value_stream_id, date, series, label, other, bucket, n, sum_us)
    SELECT :stream_id, d.date, c.series, c.label, c.other, c.bucket, c.n, c.sum_us
    FROM unnest(CAST(:dates AS date[]), CAST(:starts AS timestamptz[]),
                CAST(:ends AS timestamptz[])) AS d (date, starts, ends)
    CROSS JOIN LATERAL flow_counts(:stream_id, d.starts, d.ends,
                                   CAST(:negated_bounds AS float8[])) AS c
    """
)
_ADD_UP = text(
    """
    INSERT INTO total_counts (value_stream_id, series, label, other, bucket, n, sum_us)
    SELECT value_stream_id, series, label, other, bucket, sum(n), sum(sum_us)
    FROM daily_counts
    WHERE value_stream_id = :stream_id
    GROUP BY value_stream_id, series, label, other, bucket
    """
)
_LOCK = "hashtext('vsm-service roll-up'), :stream_id"
_TRY_LOCK = text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")
_WAIT_FOR_LOCK = text(f"SELECT pg_advisory_xact_lock({_LOCK})")


@dataclass(frozen=True, slots=True)
class Kept:
    """The time a stream's roll-ups are kept for, `[filled_from, filled_until)`, by which rules.

    `[hours_from, hours_until)` is the time in which the parts of hours are kept, None for none yet.
    `burst_edges` are the bounds of the adjacent pieces that are kept after these.
    """

    filled_from: datetime
    filled_until: datetime
    hours_from: datetime | None
    hours_until: datetime | None
    burst_edges: tuple[datetime, ...]
    tz: str
    definitions_version: int
    parts_version: int
    negated_bounds: tuple[float, ...]


async def stream_ids(connection: Connection) -> list[int]:
    """Return the ids of all streams."""
    found = await connection.execute(select(value_streams.c.id).order_by(value_streams.c.id))
    return list(found.scalars())


async def try_lock(connection: Connection, stream_id: int) -> bool:
    """Take the stream's turn until the transaction ends; False when another process has it."""
    return bool(await connection.scalar(_TRY_LOCK, {"stream_id": stream_id}))


async def lock(connection: Connection, stream_id: int) -> None:
    """Wait for the stream's turn, and take it until the transaction ends."""
    await connection.execute(_WAIT_FOR_LOCK, {"stream_id": stream_id})


async def kept(connection: Connection, stream_id: int) -> Kept | None:
    """Return what is kept of a stream, None for nothing."""
    names = (field for field in Kept.__dataclass_fields__)
    query = select(*(rollup_state.c[name] for name in names)).where(
        rollup_state.c.value_stream_id == stream_id
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    found: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    arrays = ("burst_edges", "negated_bounds")
    return Kept(**found | {name: tuple(found[name]) for name in arrays})


async def first_created(connection: Connection, stream_id: int) -> datetime | None:
    """Return when the stream's data begin."""
    query = select(func.min(work_items.c.effective_created_at)).where(
        work_items.c.value_stream_id == stream_id
    )
    found: datetime | None = await connection.scalar(query)
    return found


async def begin_anew(connection: Connection, stream_id: int) -> None:
    """Keep no counts of the stream any more; the rows for readers stay until they are replaced."""
    for table in (daily_counts, total_counts, rollup_state):
        await connection.execute(delete(table).where(table.c.value_stream_id == stream_id))
    await kept_parts.forget(connection, stream_id)


async def forget(connection: Connection, stream_id: int) -> None:
    """Keep nothing of the stream any more: what it was made from is gone."""
    await begin_anew(connection, stream_id)
    for table in (flow_metrics, recent_measures):
        await connection.execute(delete(table).where(table.c.value_stream_id == stream_id))


async def drop_rows(connection: Connection, stream_id: int, tz: str, before: datetime) -> None:
    """Delete the rows of periods that were over before an instant, or are of another zone."""
    columns = flow_metrics.c
    unwanted = or_(columns.period_end <= before, columns.tz != tz)
    await connection.execute(
        delete(flow_metrics).where(columns.value_stream_id == stream_id, unwanted)
    )


async def keep_days(
    connection: Connection,
    stream: ValueStream,
    days: Sequence[Period],
    negated_bounds: Sequence[float],
) -> None:
    """Compute and store the figures and the counts of adjacent local days."""
    dates = [day.first for day in days]
    await connection.execute(
        _KEEP_DAYS,
        {
            "stream_id": stream.id,
            "tz": str(stream.zone_info),
            "version": stream.definitions_version,
            "dates": dates,
            "edges": [*(day.starts for day in days), days[-1].ends],
            "types": [str(kind) for kind in WorkItemType],
        },
    )
    counts = daily_counts.c
    await connection.execute(
        delete(daily_counts).where(
            counts.value_stream_id == stream.id, counts.date.between(dates[0], dates[-1])
        )
    )
    await connection.execute(
        _COUNT_DAYS,
        {
            "stream_id": stream.id,
            "dates": dates,
            "starts": [day.starts for day in days],
            "ends": [day.ends for day in days],
            "negated_bounds": list(negated_bounds),
        },
    )


async def keep_periods(
    connection: Connection, stream: ValueStream, periods: Sequence[Period]
) -> None:
    """Compute and store the figures of weeks and months, after those of their days."""
    await connection.execute(
        _KEEP_PERIODS,
        {
            "stream_id": stream.id,
            "tz": str(stream.zone_info),
            "version": stream.definitions_version,
            "period_types": [str(period.type) for period in periods],
            "dates": [period.first for period in periods],
            "date_ends": [period.end for period in periods],
            "starts": [period.starts for period in periods],
            "ends": [period.ends for period in periods],
        },
    )


async def forget_counts(connection: Connection, stream_id: int, since: date) -> None:
    """Keep the counts of days from one on no more."""
    counts = daily_counts.c
    await connection.execute(
        delete(daily_counts).where(counts.value_stream_id == stream_id, counts.date >= since)
    )
    await add_up(connection, stream_id)


async def add_up(connection: Connection, stream_id: int) -> None:
    """Make the totals the sums over the days."""
    totals = total_counts.c
    await connection.execute(delete(total_counts).where(totals.value_stream_id == stream_id))
    await connection.execute(_ADD_UP, {"stream_id": stream_id})


async def keep_state(
    connection: Connection, stream_id: int, now_kept: Kept, *, complete: bool, anew: bool = True
) -> None:
    """Store how far the roll-ups are kept.

    The row is another version afterwards, unless it says the same as before and nothing that was
    kept has been kept anew.
    """
    values = {
        "status": "filled" if complete else "filling",
        "filled_from": now_kept.filled_from,
        "filled_until": now_kept.filled_until,
        "hours_from": now_kept.hours_from,
        "hours_until": now_kept.hours_until,
        "burst_edges": list(now_kept.burst_edges),
        "parts_version": now_kept.parts_version,
        "tz": now_kept.tz,
        "definitions_version": now_kept.definitions_version,
        "negated_bounds": list(now_kept.negated_bounds),
        "updated_at": func.now(),
    }
    statement = insert(rollup_state).values(value_stream_id=stream_id, **values)
    said = [name for name in values if name != "updated_at"]
    differs = tuple_(*(rollup_state.c[name] for name in said)).is_distinct_from(
        tuple_(*(statement.excluded[name] for name in said))
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["value_stream_id"], set_=values, where=None if anew else differs
        )
    )


async def rows(
    connection: Connection,
    stream: ValueStream,
    period_type: PeriodType,
    item_type: WorkItemType | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Sequence[Row[tuple[object, ...]]]:
    """Return the kept periods within `[start, end)`, oldest first.

    `stale` tells that something in the period was changed after it was computed.
    """
    columns = flow_metrics.c
    query = _with_staleness().where(
        columns.value_stream_id == stream.id,
        columns.period_type == period_type,
        columns.tz == str(stream.zone_info),
        columns.type_filter == (item_type or ""),
    )
    if start is not None:
        query = query.where(columns.period_start >= start)
    if end is not None:
        query = query.where(columns.period_end <= end)
    return (await connection.execute(query.order_by(columns.date))).all()


def _with_staleness() -> Select[tuple[object, ...]]:
    marks, columns = rollup_invalidations.c, flow_metrics.c
    touched = exists().where(
        marks.value_stream_id == columns.value_stream_id,
        marks.from_instant < columns.period_end,
        or_(marks.through_instant.is_(None), marks.through_instant >= columns.period_start),
    )
    is_current = exists().where(
        rollup_state.c.value_stream_id == columns.value_stream_id,
        rollup_state.c.filled_until >= columns.period_end,
        value_streams.c.id == columns.value_stream_id,
        value_streams.c.definitions_version == columns.definitions_version,
    )
    return select(flow_metrics, or_(touched, not_(is_current)).label("stale"))
