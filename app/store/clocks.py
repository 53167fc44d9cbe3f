"""Working clocks: for each stream with a calendar a table of the spans in which it works.

A clock reaches from before the earliest instant that the service takes, the start of 1970, until
some years ahead. So whenever work was done, and whatever history is still to be imported, its
durations are known. A job winds a clock on long before it runs out.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, or_, select, text

from app.domain.errors import ClockNotReady
from app.domain.instants import EARLIEST
from app.domain.value_stream import ValueStream
from app.flow.working_time import WorkingClock, WorkSpan, spans, worked_before
from app.store import transitions
from app.store.database import Connection
from app.store.public_holidays import public_holidays
from app.store.tables import value_streams, working_spans

FIRST_DAY = EARLIEST.date() - timedelta(days=1)
"""In the west it was still the day before."""

YEARS_AHEAD = 5
_ENOUGH = timedelta(days=4 * 365)
"""A clock that reaches this far needs no winding: it is wound about once a year."""

_INSERT = text(
    """
    INSERT INTO working_spans (value_stream_id, starts, ends, before_us)
    SELECT :stream_id, s.starts, s.ends, s.before_us
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
                CAST(:before_us AS bigint[])) AS s (starts, ends, before_us)
    """
)


async def fill(connection: Connection, stream: ValueStream) -> None:
    """Make the working clock of a stream anew, or take it away where there is no calendar.

    To be called in the transaction that changes calendar or time zone. Two at once take turns.
    Raises InvalidValue for a country whose holidays are not known.
    """
    lock = select(value_streams.c.id).where(value_streams.c.id == stream.id)
    await connection.execute(lock.with_for_update(key_share=True))
    now = await transitions.clock(connection)
    end = date(now.year + YEARS_AHEAD + 1, 1, 1)
    # twenty thousand days and more take a second or two, in which others are to be answered
    found = await asyncio.to_thread(working_time, stream, FIRST_DAY, end)
    await write(connection, stream.id, found)


async def write(connection: Connection, stream_id: int, found: Sequence[WorkSpan]) -> None:
    """Let a stream's clock run in these spans, ascending and apart, and in no others."""
    await connection.execute(
        delete(working_spans).where(working_spans.c.value_stream_id == stream_id)
    )
    given = {
        "stream_id": stream_id,
        "starts": [span.starts for span in found],
        "ends": [span.ends for span in found],
        "before_us": list(worked_before(found)),
    }
    await connection.execute(_INSERT, given)


def working_time(stream: ValueStream, first: date, end: date) -> list[WorkSpan]:
    """Return when a stream works on the local days `[first, end)`; never without a calendar."""
    calendar = stream.calendar
    if calendar is None:
        return []
    holidays: frozenset[date] = frozenset()
    if calendar.country is not None:
        years = range(first.year, end.year + 1)
        holidays = public_holidays(calendar.country, calendar.subdivision, years)
    return spans(calendar, stream.zone_info, holidays, first, end)


async def running_out(connection: Connection) -> Sequence[int]:
    """Return the streams with a calendar whose clocks do not reach far enough ahead."""
    now = await transitions.clock(connection)
    reach = (
        select(func.max(working_spans.c.ends))
        .where(working_spans.c.value_stream_id == value_streams.c.id)
        .scalar_subquery()
    )
    query = (
        select(value_streams.c.id)
        .where(value_streams.c.working_time.is_not(None))
        .where(or_(reach.is_(None), reach < now + _ENOUGH))
        .order_by(value_streams.c.id)
    )
    return (await connection.execute(query)).scalars().all()


async def check_reach(connection: Connection, stream: ValueStream, until: datetime) -> None:
    """Raise ClockNotReady where a stream's clock does not tell the working time until then."""
    last = (
        select(working_spans.c.ends)
        .where(working_spans.c.value_stream_id == stream.id)
        .order_by(working_spans.c.starts.desc())
        .limit(1)
    )
    reach = await connection.scalar(last)
    if reach is None or reach < until:
        raise ClockNotReady


async def load(
    connection: Connection, stream: ValueStream, since: datetime, until: datetime
) -> WorkingClock:
    """Return a stream's clock for durations within `[since, until]`. Raises ClockNotReady."""
    await check_reach(connection, stream, until)
    columns = working_spans.c
    query = (
        select(columns.starts, columns.ends)
        .where(columns.value_stream_id == stream.id)
        .where(columns.ends > since, columns.starts < until)
        .order_by(columns.starts)
    )
    found = [WorkSpan(*row) for row in await connection.execute(query)]
    return WorkingClock(found, since, until)
