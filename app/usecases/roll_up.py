"""Roll up closed days, weeks and months, a batch at a time, so that it may stop anywhere.

What has happened since the last closed day is rolled up by hours, and where much has happened since
the last closed hour, that too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from app.domain.value_stream import ValueStream
from app.flow.bursts import grown
from app.flow.calendar import day_start, hour_start, hours_between, local_day
from app.flow.periods import Period, days, weeks_and_months
from app.store import bursts, invalidations, kept_parts, rollups, searches, value_streams
from app.store.database import Connection
from app.store.invalidations import Mark
from app.store.rollups import Kept
from app.store.spans import Piece
from app.usecases.recent_hours import LONG, keep_hours, next_hours, pieces_of, set_back

BATCH_DAYS = 31
"""Days computed in one transaction: few enough for one to take seconds, whatever the history."""

MORE_PIECES = 400
"""Pieces that are searched afterwards in one transaction, where a version before kept them."""

HOURS_FOR_DAYS = 100
"""So long the hours of closed days are kept as well: windows that end now begin within them."""

LATE = timedelta(minutes=15)
"""Days and hours are closed so much after their end, by when most late events have been told."""

BUSY = 5_000
"""So many moves make a piece of their own: counting them would take longer than a reader waits."""

ONE_DAY = timedelta(days=1)
ONE_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Done:
    """A batch: the day up to which it came, and whether it left nothing of what it had seen.

    Where changes keep coming there is always more to do, but not at once.
    """

    until: date
    everything: bool


def negated(bounds_hours: Sequence[int]) -> tuple[float, ...]:
    """Return bounds of durations as the database takes them: seconds times -1, ascending."""
    return tuple(sorted(-3600.0 * hours for hours in bounds_hours))


async def roll_up(
    connection: Connection,
    stream_id: int,
    bounds_hours: Sequence[int],
    settled: datetime | None = None,
    *,
    busy: int = BUSY,
    long: timedelta = LONG,
) -> Done | None:
    """Roll up the next batch of one stream's days; returns what was done, None for nothing.

    First what has been changed since it was rolled up, then what has been closed since. The caller
    commits. Does nothing while another process is at it. `settled`: before when nothing changes
    any more; unsaid: as the database tells. `busy`: so many moves since the last closed hour are
    rolled up without waiting for its end. `long`: where more than this is still to be rolled up,
    its last hours come first.
    """
    if not await rollups.try_lock(connection, stream_id):
        return None
    return await next_batch(connection, stream_id, bounds_hours, settled, busy, long)


async def next_batch(
    connection: Connection,
    stream_id: int,
    bounds_hours: Sequence[int],
    settled: datetime | None = None,
    busy: int = BUSY,
    long: timedelta = LONG,
) -> Done | None:
    """Do what `roll_up` does, for whoever holds the lock."""
    stream = await value_streams.load_by_id(connection, stream_id)
    tz = stream.zone_info
    until = settled or await invalidations.settled(connection)
    settled = settled or until - LATE
    today = local_day(settled, tz)
    marks = await invalidations.pending(connection, stream_id)
    kept = await _kept_or_begun(connection, stream, negated(bounds_hours))
    if kept is None:
        await invalidations.forget(connection, marks)
        return None
    kept = await set_back(connection, stream_id, kept, marks, tz, long)
    since = _hours_since(today, tz)
    if hours := next_hours(kept, since, settled, tz, long):
        kept = await keep_hours(connection, stream_id, kept, marks, hours)
        await rollups.keep_state(connection, stream_id, kept, complete=False)
        return Done(local_day(kept.filled_until, tz), everything=False)
    batch = _next_days(kept, marks, today, tz)
    if batch is not None:
        kept = await _keep_days(connection, stream, kept, batch, today)
        marks = await invalidations.consume(connection, marks, day_start(batch[1], tz))
        if _next_days(kept, marks, today, tz) is not None:
            await rollups.keep_state(connection, stream_id, kept, complete=False)
            return Done(batch[1], everything=False)
    kept = await _keep_hours_of_today(connection, stream, kept, marks, settled)
    kept = await _keep_bursts(connection, stream, kept, marks, until, busy)
    anew = batch is not None or bool(marks)
    await rollups.keep_state(connection, stream_id, kept, complete=True, anew=anew)
    await searches.search_more(connection, stream_id, MORE_PIECES)
    await invalidations.forget(connection, marks)  # what they are about has been counted anew
    return None if batch is None else Done(batch[1], everything=True)


async def _keep_days(
    connection: Connection, stream: ValueStream, kept: Kept, batch: tuple[date, date], today: date
) -> Kept:
    """Keep adjacent days, `[first, end)`, with their weeks and months."""
    (first, end), tz = batch, stream.zone_info
    kept = replace(kept, filled_until=max(kept.filled_until, day_start(end, tz)))
    found = days(first, end, tz)
    if found:
        await rollups.keep_days(connection, stream, found, kept.negated_bounds)
        kept = await _keep_parts(connection, stream, kept, found, today)
        periods = weeks_and_months(first, end, local_day(kept.filled_until, tz), tz)
        await rollups.keep_periods(connection, stream, periods)
        await rollups.add_up(connection, stream.id)
    return kept


async def _keep_parts(
    connection: Connection, stream: ValueStream, kept: Kept, found: Sequence[Period], today: date
) -> Kept:
    """Keep the parts of adjacent days, and of their hours where these are not long ago."""
    since = _hours_since(today, stream.zone_info)
    first, last = max(hour_start(found[0].starts), since), hour_start(found[-1].ends)
    if kept.hours_until is not None and last < kept.hours_until:
        last += ONE_HOUR  # an hour of which the days' last minutes are a part
    hours = hours_between(first, last)
    for pieces in ([(day.starts, day.ends) for day in found], hours):
        await kept_parts.keep(connection, stream.id, [Piece(*each) for each in pieces])
    await kept_parts.drop_hours(connection, stream.id, before=since)
    if not hours:
        return kept
    # days are closed in ascending order and without gaps
    kept = replace(
        kept,
        hours_from=max(kept.hours_from or first, since),
        hours_until=max(kept.hours_until or last, last),
    )
    return await _without_old_bursts(connection, stream, kept)


def _hours_since(today: date, tz: tzinfo) -> datetime:
    """Return from when on hours are kept."""
    return hour_start(day_start(today - HOURS_FOR_DAYS * ONE_DAY, tz))


async def _keep_hours_of_today(
    connection: Connection,
    stream: ValueStream,
    kept: Kept,
    marks: Sequence[Mark],
    settled: datetime,
) -> Kept:
    """Keep the parts of the hours that were closed, or changed, since the last closed day."""
    if kept.hours_until is None:
        return kept
    changed = [m.from_instant for m in marks if m.from_instant >= kept.filled_until]
    hours = hours_between(hour_start(min([kept.hours_until, *changed])), hour_start(settled))
    if not hours:
        return kept
    await kept_parts.keep(connection, stream.id, [Piece(*each) for each in hours])
    return await _without_old_bursts(connection, stream, replace(kept, hours_until=hours[-1][1]))


async def _keep_bursts(
    connection: Connection,
    stream: ValueStream,
    kept: Kept,
    marks: Sequence[Mark],
    until: datetime,
    busy: int,
) -> Kept:
    """Keep the parts of what has happened since the last closed hour, if that is much.

    And those of what had been kept of it and was changed.
    """
    if kept.hours_until is None:
        return kept
    known = list(kept.burst_edges or (kept.hours_until,))
    edges = known
    if until > known[-1] and await bursts.is_busy(connection, stream.id, known[-1], until, busy):
        edges = grown(known, until)
    before, pieces = pieces_of(known), pieces_of(edges)
    await kept_parts.drop(connection, stream.id, set(before) - set(pieces))
    changed = [
        each
        for each in pieces
        if each not in before or any(mark.touches(each.starts, each.ends) for mark in marks)
    ]
    await kept_parts.keep(connection, stream.id, changed)
    return replace(kept, burst_edges=tuple(edges) if pieces else ())


async def _without_old_bursts(connection: Connection, stream: ValueStream, kept: Kept) -> Kept:
    """Keep no pieces of hours that are closed by now."""
    until = kept.hours_until
    if until is None or not kept.burst_edges:
        return kept
    pieces = (each for each in pieces_of(kept.burst_edges) if each.ends <= until)
    # one that is just an hour long is that hour
    old = [each for each in pieces if each.ends - each.starts < ONE_HOUR]
    await kept_parts.drop(connection, stream.id, old)
    left = tuple(each for each in kept.burst_edges if each >= until)
    return replace(kept, burst_edges=left if len(left) > 1 else ())


async def _kept_or_begun(
    connection: Connection, stream: ValueStream, bounds: tuple[float, ...]
) -> Kept | None:
    """Return what is kept; a new beginning where that is of other rules; None without data."""
    created = await rollups.first_created(connection, stream.id)
    if created is None:
        return None
    first = local_day(created, stream.zone_info)
    begin = day_start(first, stream.zone_info)
    begun = Kept(
        filled_from=begin,
        filled_until=begin,
        hours_from=None,
        hours_until=None,
        burst_edges=(),
        tz=str(stream.zone_info),
        definitions_version=stream.definitions_version,
        parts_version=kept_parts.PARTS_VERSION,
        negated_bounds=bounds,
    )
    kept = await rollups.kept(connection, stream.id)
    if kept is not None and begun == replace(
        kept, filled_until=begin, hours_from=None, hours_until=None, burst_edges=()
    ):
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
