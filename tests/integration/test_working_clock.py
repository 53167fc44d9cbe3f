"""A stream's working clock in the database is the defined one, and is wound in time."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text, update

from app.domain.errors import ClockNotReady
from app.domain.instants import EARLIEST
from app.domain.value_stream import ValueStream
from app.domain.working_time import WorkingCalendar, from_plain, to_plain
from app.flow.calendar import US_PER_HOUR, elapsed_us
from app.flow.working_time import WorkingClock
from app.jobs import wind_clocks
from app.store import clocks, tables, value_streams
from app.store.database import Connection, Database, transaction
from tests.fixture_f1 import F1_STREAM
from tests.integration.stored import agreement_test, stored, stored_test, wind
from tests.strategies import BASE, SPAN, Population, calendars, instants, zones

LATEST = datetime(2040, 1, 1, tzinfo=UTC)
OFFICE = from_plain(
    {
        "hours": {day: ["09:00-12:30", "13:00-17:30"] for day in ("mon", "tue", "wed", "thu")},
        "holidays": {"country": "DE", "subdivision": "BY"},
        "days_off": ["2025-03-04"],
    }
)
MARCH = date(2025, 3, 1), date(2025, 4, 1)

ELAPSED = text(
    """
    SELECT array_agg(span_us(a, b, NULL) ORDER BY n)
    FROM unnest(CAST(:a AS timestamptz[]), CAST(:b AS timestamptz[])) WITH ORDINALITY AS t (a, b, n)
    """
)
WORKED = text(
    """
    SELECT array_agg(span_us(a, b, CAST(:calendar AS integer)) ORDER BY n)
    FROM unnest(CAST(:a AS timestamptz[]), CAST(:b AS timestamptz[])) WITH ORDINALITY AS t (a, b, n)
    """
)
EDGES = text(
    "SELECT starts FROM working_spans WHERE starts > :since "
    "UNION SELECT ends FROM working_spans WHERE starts > :since LIMIT 20"
)
SPANS = text(
    "SELECT starts, ends, before_us FROM working_spans WHERE value_stream_id = :id ORDER BY starts"
)


async def describe(connection: Connection, calendar: WorkingCalendar | None) -> ValueStream:
    """Say when the default stream works; its clock does not know yet."""
    streams = tables.value_streams
    plain = None if calendar is None else to_plain(calendar)
    await connection.execute(
        update(streams)
        .where(streams.c.is_default)
        .values(working_time=plain, time_zone="Europe/Berlin")
    )
    return await value_streams.load(connection)


async def worked_us(
    connection: Connection, stream: ValueStream, began: datetime, ended: datetime
) -> int:
    given = {"calendar": stream.id, "a": [began], "b": [ended]}
    ((found,),) = await connection.scalars(WORKED, given)
    return int(found)


@agreement_test
@given(
    st.lists(
        st.tuples(*[st.integers(0, elapsed_us(EARLIEST, LATEST))] * 2), min_size=50, max_size=200
    )
)
async def test_an_elapsed_span_is_exact_to_the_microsecond_from_1970_to_2040(
    shared_database: Database, offsets: list[tuple[int, int]]
) -> None:
    pairs = [
        tuple(EARLIEST + timedelta(microseconds=offset) for offset in sorted(pair))
        for pair in offsets
    ]
    async with shared_database.connect() as connection:
        given = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
        found = await connection.scalar(ELAPSED, given)
    assert found == [elapsed_us(a, b) for a, b in pairs]


async def test_the_longest_elapsed_spans_are_exact_microsecond_by_microsecond(
    shared_database: Database,
) -> None:
    ends = [LATEST - timedelta(microseconds=n) for n in range(10_000)]
    async with shared_database.connect() as connection:
        found = await connection.scalar(ELAPSED, {"a": [EARLIEST] * len(ends), "b": ends})
    assert found == [elapsed_us(EARLIEST, end) for end in ends]


@agreement_test
@given(calendars(), zones(), st.lists(instants(), min_size=2, max_size=20))
async def test_the_database_measures_working_time_as_defined(
    shared_database: Database, calendar: WorkingCalendar, zone: ZoneInfo, at: list[datetime]
) -> None:
    async with stored(shared_database, Population(F1_STREAM, ())) as empty:
        inside, clock = await wind(empty, calendar, zone)
        edges = (await inside.connection.scalars(EDGES, {"since": BASE - SPAN})).all()
        pairs = list(pairwise(sorted([*at, *edges])))
        given = {
            "calendar": inside.stream.id,
            "a": [a for a, _ in pairs],
            "b": [b for _, b in pairs],
        }
        found = await inside.connection.scalar(WORKED, given)
    assert found == [clock.between(a, b) for a, b in pairs]


async def test_what_has_not_begun_or_not_ended_has_no_duration_by_either_clock(
    scratch: Connection,
) -> None:
    stream = await describe(scratch, OFFICE)
    await clocks.write(scratch, stream.id, clocks.working_time(stream, *MARCH))
    for calendar in (None, stream.id):
        given = {"calendar": calendar, "a": [None, BASE], "b": [BASE, None]}
        assert await scratch.scalar(WORKED, given) == [None, None]


@stored_test
@given(calendars(), zones(), st.lists(instants(), min_size=2, max_size=6))
async def test_a_clock_read_back_is_the_one_that_was_written(
    shared_database: Database, calendar: WorkingCalendar, zone: ZoneInfo, at: list[datetime]
) -> None:
    since, until = min(at), max(at)
    async with stored(shared_database, Population(F1_STREAM, ())) as empty:
        inside, clock = await wind(empty, calendar, zone)
        try:
            loaded = await clocks.load(inside.connection, inside.stream, since, until)
        except ClockNotReady:
            assert clock.worked_us(BASE + 3 * SPAN) == clock.worked_us(until)  # no work after it
            return
    assert [loaded.between(since, each) for each in at] == [
        clock.between(since, each) for each in at
    ]


async def test_a_clock_reaches_from_the_earliest_instant_to_years_ahead(
    scratch: Connection,
) -> None:
    stream = await describe(scratch, OFFICE)
    await clocks.fill(scratch, stream)
    spans = (await scratch.execute(SPANS, {"id": stream.id})).all()
    assert spans[0].starts < EARLIEST
    assert spans[-1].ends > datetime.now(UTC) + timedelta(days=4.9 * 365)
    assert all(before.ends < after.starts for before, after in pairwise(spans))
    assert spans[0].before_us == 0
    week = [datetime(2025, 3, day, tzinfo=UTC) for day in (3, 10)]  # Tuesday is off
    assert await worked_us(scratch, stream, *week) == 3 * 8 * US_PER_HOUR
    good_friday_week = [datetime(2025, 4, day, tzinfo=UTC) for day in (21, 28)]  # Monday is Easter
    assert await worked_us(scratch, stream, *good_friday_week) == 3 * 8 * US_PER_HOUR
    known = clocks.working_time(stream, date(1971, 1, 1), date(2027, 1, 1))
    pure = WorkingClock(known, datetime(1971, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
    ends = datetime(1971, 2, 1, tzinfo=UTC), datetime(2026, 8, 1, 11, 11, 11, 11, tzinfo=UTC)
    assert await worked_us(scratch, stream, *ends) == pure.between(*ends)


async def test_filling_again_changes_nothing_and_without_a_calendar_nothing_is_left(
    scratch: Connection,
) -> None:
    stream = await describe(scratch, OFFICE)
    await clocks.fill(scratch, stream)
    first = (await scratch.execute(SPANS, {"id": stream.id})).all()
    await clocks.fill(scratch, stream)
    assert (await scratch.execute(SPANS, {"id": stream.id})).all() == first
    without = await describe(scratch, None)
    await clocks.fill(scratch, without)
    assert (await scratch.execute(SPANS, {"id": stream.id})).all() == []


async def test_a_clock_that_does_not_reach_so_far_tells_nothing(scratch: Connection) -> None:
    stream = await describe(scratch, OFFICE)
    with pytest.raises(ClockNotReady):
        await clocks.check_reach(scratch, stream, EARLIEST)
    found = clocks.working_time(stream, date(2025, 3, 3), date(2025, 3, 7))
    await clocks.write(scratch, stream.id, found)
    await clocks.check_reach(scratch, stream, found[-1].ends)
    with pytest.raises(ClockNotReady):
        await clocks.check_reach(scratch, stream, found[-1].ends + timedelta(microseconds=1))
    with pytest.raises(ClockNotReady):
        await clocks.load(scratch, stream, found[0].starts, found[-1].ends + timedelta(days=1))


async def test_the_job_winds_each_clock_that_runs_out_and_leaves_the_others(
    database: Database,
) -> None:
    assert await wind_clocks(database) == 0  # no stream has a calendar
    async with transaction(database) as connection:
        stream = await describe(connection, OFFICE)
        soon = clocks.working_time(stream, date(2025, 1, 1), date(2026, 1, 1))
        await clocks.write(connection, stream.id, soon)
        assert await clocks.running_out(connection) == [stream.id]
    assert await wind_clocks(database) == 1
    assert await wind_clocks(database) == 0
    async with transaction(database) as connection:
        await clocks.check_reach(connection, stream, datetime.now(UTC) + timedelta(days=4 * 365))


async def test_two_that_fill_at_once_take_turns(database: Database) -> None:
    async with transaction(database) as connection:
        await describe(connection, OFFICE)
    async with transaction(database) as connection:
        stream = await value_streams.load(connection)

    async def fill() -> None:
        async with transaction(database) as connection:
            await clocks.fill(connection, stream)

    await asyncio.gather(fill(), fill())
    async with transaction(database) as connection:
        assert await clocks.running_out(connection) == []
