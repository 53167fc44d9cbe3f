"""Roll up closed days, weeks and months, a batch at a time, so that it may stop anywhere."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo

from app.domain.value_stream import ValueStream
from app.flow.calendar import day_start, local_day
from app.flow.periods import days, weeks_and_months
from app.store import invalidations, rollups, value_streams
from app.store.database import Connection
from app.store.invalidations import Mark
from app.store.rollups import Kept

BATCH_DAYS = 31
"""Days computed in one transaction: few enough for one to take seconds, whatever the history."""


ONE_DAY = timedelta(days=1)


def negated(bounds_hours: Sequence[int]) -> tuple[float, ...]:
    """Return bounds of durations as the database takes them: seconds times -1, ascending."""
    return tuple(sorted(-3600.0 * hours for hours in bounds_hours))


async def roll_up(
    connection: Connection,
    stream_id: int,
    bounds_hours: Sequence[int],
    settled: datetime | None = None,
) -> bool:
    """Roll up the next batch of one stream's days; returns whether there was any to do.

    First what has been changed since it was rolled up, then what has been closed since. The caller
    commits. Does nothing while another process is at it. `settled`: before when nothing changes
    any more; unsaid: as the database tells.
    """
    if not await rollups.try_lock(connection, stream_id):
        return False
    return await next_batch(connection, stream_id, bounds_hours, settled) is not None


async def next_batch(
    connection: Connection,
    stream_id: int,
    bounds_hours: Sequence[int],
    settled: datetime | None = None,
) -> date | None:
    """Do what `roll_up` does, for whoever holds the lock; returns the day up to which it came."""
    stream = await value_streams.load_by_id(connection, stream_id)
    tz = stream.zone_info
    today = local_day(settled or await invalidations.settled(connection), tz)
    marks = await invalidations.pending(connection, stream_id)
    kept = await _kept_or_begun(connection, stream, negated(bounds_hours))
    batch = None if kept is None else _next_days(kept, marks, today, tz)
    if kept is None or batch is None:
        await invalidations.forget(connection, marks)  # nothing is kept of the time they are about
        if kept is not None:
            await rollups.keep_state(connection, stream_id, kept, complete=True)
        return None
    first, end = batch
    until = day_start(end, tz)
    kept = replace(kept, filled_until=max(kept.filled_until, until))
    found = days(first, end, tz)
    if found:
        await rollups.keep_days(connection, stream, found, kept.negated_bounds)
        periods = weeks_and_months(first, end, local_day(kept.filled_until, tz), tz)
        await rollups.keep_periods(connection, stream, periods)
        await rollups.add_up(connection, stream_id)
    await invalidations.consume(connection, marks, until)
    await rollups.keep_state(connection, stream_id, kept, complete=False)
    return end


async def _kept_or_begun(
    connection: Connection, stream: ValueStream, bounds: tuple[float, ...]
) -> Kept | None:
    """Return what is kept; a new beginning where that is of other rules; None without data."""
    created = await rollups.first_created(connection, stream.id)
    if created is None:
        return None
    first = local_day(created, stream.zone_info)
    begin = day_start(first, stream.zone_info)
    begun = Kept(begin, begin, str(stream.zone_info), stream.definitions_version, bounds)
    kept = await rollups.kept(connection, stream.id)
    if kept is not None and replace(kept, filled_until=begin) == begun:
        return kept
    await rollups.begin_anew(connection, stream.id)
    await rollups.drop_rows(connection, stream.id, begun.tz, before=begin)
    return begun


def _next_days(
    kept: Kept, marks: Sequence[Mark], today: date, tz: tzinfo
) -> tuple[date, date] | None:
    """Return the next days to compute, `[first, end)`: changed ones before new ones."""
    filled = local_day(kept.filled_until, tz)
    changed = [mark for mark in marks if _touches(mark, kept)]
    if changed:
        first = local_day(max(kept.filled_from, min(m.from_instant for m in changed)), tz)
        through = [mark.through for mark in changed if mark.through is not None]
        ends = local_day(max(through), tz) + ONE_DAY if len(through) == len(changed) else filled
        end = min(ends, filled)
    else:
        first, end = filled, today
    return (first, min(end, first + BATCH_DAYS * ONE_DAY)) if first < end else None


def _touches(mark: Mark, kept: Kept) -> bool:
    """Tell whether a change concerns the time that is kept."""
    if kept.filled_from == kept.filled_until or mark.from_instant >= kept.filled_until:
        return False
    return mark.through is None or mark.through >= kept.filled_from
