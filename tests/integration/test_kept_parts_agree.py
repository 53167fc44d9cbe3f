"""What is kept of closed days and hours gives the same numbers as the log, at every moment."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, select, text

from app.domain.work_item import WorkItemType
from app.flow.buckets import BucketSize
from app.flow.buckets import cut as buckets_of
from app.flow.calendar import Window
from app.flow.littles_law import LittlesLaw
from app.flow.queues import Observation, full_day_bounds
from app.flow.stage_times import StagePresence
from app.flow.summary import FlowSummary
from app.flow.value_stream_map import Ladder
from app.store import aging, bottleneck, value_streams
from app.store.cumulative_flow import cumulative_flow
from app.store.database import Database
from app.store.finished_paths import finished_paths
from app.store.flow_summary import summary_of
from app.store.littles_law import littles_law
from app.store.measurements import Selection
from app.store.parts import gather
from app.store.series import series
from app.store.spans import (
    Phase,
    Piece,
    Span,
    cut,
    cut_by_what_is_kept,
    kept_days,
    kept_hours,
    time_since,
)
from app.store.stage_times import stage_presence
from app.store.tables import kept_levels, kept_moves
from app.telemetry import BUCKET_HOURS
from app.usecases.recent_hours import LONG
from app.usecases.roll_up import roll_up
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK
from tests.integration.stored import Stored, stored, stored_test
from tests.integration.test_rollups_agree import (
    CLOSED,
    Changed,
    apply,
    changes,
    in_zone,
    roll_up_all,
)
from tests.strategies import BASE, HORIZON, Population, histories, instants, populations, zones

Numbers = tuple[FlowSummary, StagePresence, Ladder, Any, Any, Any, Any, LittlesLaw, Observation]


async def numbers(inside: Stored, window: Window, types: list[WorkItemType] | None) -> Numbers:
    """Measure everything that rests on parts."""
    selection = Selection(inside.stream.id, window, types)
    parts = await gather(inside.connection, selection)
    presence = await stage_presence(inside.connection, selection, inside.stream, parts)
    pace = await aging.pace(inside.connection, selection, inside.stream)
    buckets = buckets_of(window, BucketSize.DAY, inside.stream.zone_info)
    points = await series(inside.connection, selection, buckets)
    lines = await cumulative_flow(inside.connection, inside.stream, selection, buckets)
    paths = finished_paths(parts, inside.stream)
    law = await littles_law(inside.connection, selection)
    bounds = full_day_bounds(window, inside.stream.zone_info)
    queues = await bottleneck.observe(inside.connection, selection, inside.stream, bounds)
    queues = replace(queues, times_us=tuple(sorted(queues.times_us)))
    return (summary_of(parts), presence, *paths, pace, points, lines, law, queues)


async def from_the_log(inside: Stored, window: Window, types: list[WorkItemType] | None) -> Numbers:
    """Measure the same where nothing is kept."""
    savepoint = await inside.connection.begin_nested()
    await inside.connection.execute(text("DELETE FROM rollup_state"))
    found = await numbers(inside, window, types)
    await savepoint.rollback()
    return found


async def with_changing_limits(inside: Stored, since: datetime) -> Stored:
    """Limit every stage, from an instant on by one less."""
    await inside.connection.execute(
        text(
            """
            WITH limited AS (
                UPDATE stages SET wip_limit = 2 WHERE value_stream_id = :id RETURNING id
            )
            INSERT INTO stage_limits (stage_id, effective_from, wip_limit)
            SELECT id, CAST('1970-01-01T00:00:00Z' AS timestamptz), 3 FROM limited
            UNION ALL
            SELECT id, CAST(:since AS timestamptz), 2 FROM limited
            """
        ),
        {"id": inside.stream.id, "since": since},
    )
    stream = await value_streams.load(inside.connection, inside.stream.key)
    return replace(inside, stream=stream)


async def kept_pieces(inside: Stored, table: Table) -> set[tuple[datetime, datetime]]:
    """Return the pieces of which a table keeps anything."""
    rows = await inside.connection.execute(
        select(table.c.starts, table.c.ends)
        .where(table.c.value_stream_id == inside.stream.id)
        .distinct()
    )
    return {(row.starts, row.ends) for row in rows}


async def usable_pieces(inside: Stored) -> set[tuple[datetime, datetime]]:
    """Return the pieces that could be read if nothing had been changed."""
    savepoint = await inside.connection.begin_nested()
    await inside.connection.execute(text("DELETE FROM rollup_invalidations"))
    asked = (inside.connection, inside.stream.id)
    ever = [Span(0, BASE - timedelta(days=30), HORIZON + timedelta(days=3650), HORIZON)]
    found = [*await kept_days(*asked, ever[0].starts), *await kept_hours(*asked, ever)]
    await savepoint.rollback()
    return {(each.starts, each.ends) for each in found}


@st.composite
def long_windows(draw: st.DrawFn) -> Window:
    """Draw a window of mostly more than a day, as of some instant not before its end."""
    start, other, third = sorted(draw(st.tuples(instants(), instants(), instants())))
    end = max(other, start + timedelta(microseconds=1))
    return Window(start, end, draw(st.sampled_from([max(third, end), HORIZON])))


@stored_test
@given(populations(), zones(), st.data())
async def test_kept_days_and_the_log_give_the_same_numbers_to_the_bit(
    shared_database: Database, population: Population, tz: ZoneInfo, data: st.DataObject
) -> None:
    """P14: while days are closed, corrected and closed again, for any window and any types."""
    types = st.one_of(st.none(), st.lists(st.sampled_from(WorkItemType), unique=True))
    busy = data.draw(st.sampled_from([1, 2, 5]))
    long = data.draw(st.sampled_from([LONG, timedelta(days=2)]))
    windows = data.draw(st.lists(long_windows(), min_size=1, max_size=2))
    async with stored(shared_database, population) as first:
        inside = await with_changing_limits(await in_zone(first, tz), data.draw(instants()))
        for settled in sorted(data.draw(st.lists(instants(), min_size=1, max_size=4))):
            while await roll_up(
                inside.connection, inside.stream.id, BUCKET_HOURS, settled, busy=busy, long=long
            ):
                if long < LONG and data.draw(st.integers(0, 2)) == 0:  # while it is at it
                    for meanwhile in data.draw(changes(population)):
                        await apply(inside, meanwhile)
                    asked = (data.draw(st.sampled_from(windows)), data.draw(types))
                    assert await numbers(inside, *asked) == await from_the_log(inside, *asked)
            assert await kept_pieces(inside, kept_moves) <= await usable_pieces(inside)
            for change in [None, *data.draw(changes(population))]:
                if change is not None:
                    await apply(inside, change)
                asked = (data.draw(st.sampled_from(windows)), data.draw(types))
                assert await numbers(inside, *asked) == await from_the_log(inside, *asked)
                # what is asked again is remembered
                assert await numbers(inside, *asked) == await from_the_log(inside, *asked)
        await inside.merge(data.draw(st.lists(histories(population.stream), max_size=2)))
        await roll_up_all(inside)
        asked = (data.draw(long_windows()), None)
        assert await numbers(inside, *asked) == await from_the_log(inside, *asked)


async def test_a_closed_week_is_read_from_its_days_alone(shared_database: Database) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        await roll_up_all(inside, CLOSED)
        days = await kept_days(inside.connection, inside.stream.id, F1_WEEK.start)
        whole = cut(time_since(F1_WEEK), days)
        assert [each.phase for each in whole.kept][:8] == [Phase.INSIDE] * 7 + [Phase.LATER]
        assert whole.inside().counted == []
        summary, *_ = await numbers(inside, F1_WEEK, None)
    assert (summary.throughput, summary.wip_now, summary.cycle_time_p50) == (4, 1, 60)


async def test_a_day_in_which_something_was_changed_is_counted_from_the_log(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        await roll_up_all(inside, CLOSED)
        before = await kept_days(inside.connection, inside.stream.id, F1_WEEK.start)
        await apply(inside, ("late", 5, "Analysis", F1_WEEK.start + timedelta(days=4, hours=3)))
        after = await kept_days(inside.connection, inside.stream.id, F1_WEEK.start)
    gone = {day.starts.date().isoformat() for day in set(before) - set(after)}
    assert "2025-03-07" in gone
    assert "2025-03-06" not in gone


async def test_where_no_whole_day_fits_the_closed_hours_are_read(shared_database: Database) -> None:
    """Only the minutes that are no whole hour are counted from the log."""
    start, end = (F1_WEEK.start + timedelta(days=1, hours=5, minutes=each) for each in (20, 200))
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        await roll_up_all(inside, F1_WEEK.start + timedelta(days=1, hours=7, minutes=30))
        found = await cut_by_what_is_kept(
            inside.connection, inside.stream.id, time_since(Window(start, end, end))
        )
    counted = found.inside().counted
    assert [each.starts.hour for each in found.inside().kept] == [6]
    assert [(each.starts, each.ends) for each in counted] == [
        (start, start.replace(hour=6, minute=0)),
        (start.replace(hour=7, minute=0), end),
    ]


async def test_of_a_long_history_the_newest_hours_are_kept_first(shared_database: Database) -> None:
    """While no day is closed yet, the end of the week is read from its hours."""
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        asked = (inside.connection, inside.stream.id, BUCKET_HOURS, CLOSED)
        long, starts = timedelta(days=4), list[datetime]()
        while len(starts) < 3:
            await roll_up(*asked, long=long)
            pieces = await usable_pieces(inside)
            assert all(ends - begins == timedelta(hours=1) for begins, ends in pieces)
            assert max(pieces)[1] == CLOSED.replace(minute=0, second=0, microsecond=0)
            starts.append(min(pieces)[0])
        assert [one - other for one, other in pairwise(starts)] == [long / 2, long / 2]
        await roll_up_all(inside)
        assert await numbers(inside, F1_WEEK, None) == await from_the_log(inside, F1_WEEK, None)


async def test_after_a_change_that_reaches_far_back_the_newest_hours_are_kept_first_as_well(
    shared_database: Database,
) -> None:
    """What lay before the change stays closed; the rest is a long history again."""
    changed = F1_WEEK.start + timedelta(days=1, hours=3)
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        asked = (inside.connection, inside.stream.id, BUCKET_HOURS, CLOSED)
        long = timedelta(days=4)
        while await roll_up(*asked, long=long):
            pass
        await Changed(inside).mark(changed, None)
        before = await numbers(inside, F1_WEEK, None)
        await roll_up(*asked, long=long)
        pieces = await usable_pieces(inside)
        days = {starts for starts, ends in pieces if ends - starts == timedelta(days=1)}
        assert max(days) == F1_WEEK.start  # the day before the change
        hours = {starts for starts, ends in pieces if ends - starts == timedelta(hours=1)}
        newest = {each for each in hours if each >= CLOSED - long / 2}
        assert len(newest) == long / 2 / timedelta(hours=1)
        assert await numbers(inside, F1_WEEK, None) == before
        while await roll_up(*asked, long=long):
            assert await numbers(inside, F1_WEEK, None) == before
        assert await kept_pieces(inside, kept_moves) <= await usable_pieces(inside)
        assert max(await usable_pieces(inside))[1] == CLOSED


BUSY_NOON = F1_WEEK.start + timedelta(days=1, hours=12)


async def test_much_that_has_just_happened_is_kept_before_its_hour_is_over(
    shared_database: Database,
) -> None:
    """Only what came after it is counted from the log."""
    settled = BUSY_NOON + timedelta(minutes=47, seconds=12)
    end = settled + timedelta(minutes=1)
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        await roll_up_all(inside, BUSY_NOON)
        await roll_up(inside.connection, inside.stream.id, BUCKET_HOURS, settled, busy=1)
        found = await cut_by_what_is_kept(
            inside.connection, inside.stream.id, time_since(Window(BUSY_NOON, end, end))
        )
    assert [(each.starts, each.ends) for each in found.inside().counted] == [(settled, end)]
    assert [each.starts.minute for each in found.inside().kept] == [0, 45]


async def test_little_that_has_happened_waits_for_the_end_of_its_hour(
    shared_database: Database,
) -> None:
    settled = BUSY_NOON + timedelta(minutes=47)
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        await roll_up_all(inside, BUSY_NOON)
        await roll_up(inside.connection, inside.stream.id, BUCKET_HOURS, settled, busy=1000)
        assert max(await usable_pieces(inside))[1] == BUSY_NOON


async def test_parts_of_another_version_are_counted_until_they_are_kept_anew(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as first:
        inside = await with_changing_limits(first, BUSY_NOON)
        await roll_up_all(inside, CLOSED)
        right = await numbers(inside, F1_WEEK, None)
        await inside.connection.execute(text("DELETE FROM kept_levels"))
        assert await numbers(inside, F1_WEEK, None) == right
        await inside.connection.execute(text("UPDATE rollup_state SET parts_version = 1"))
        await roll_up_all(inside, CLOSED)
        assert await kept_pieces(inside, kept_levels) == await usable_pieces(inside)


def _day(number: int) -> Piece:
    starts = BASE + timedelta(days=number)
    return Piece(starts, starts + timedelta(days=1))


@pytest.mark.parametrize(
    ("start", "end", "inside", "spans"),
    [
        pytest.param(0.0, 3.0, [0, 1, 2], [], id="whole days"),
        pytest.param(0.5, 3.0, [1, 2], [(0.5, 1.0)], id="a part of the first"),
        pytest.param(0.0, 2.5, [0, 1], [(2.0, 2.5)], id="a part of the last"),
        pytest.param(0.2, 0.7, [], [(0.2, 0.7)], id="within a day"),
        pytest.param(3.0, 6.0, [3], [(4.0, 6.0)], id="beyond what is kept"),
    ],
)
def test_a_window_is_its_whole_days_and_the_rest(
    start: float, end: float, inside: list[int], spans: list[tuple[float, float]]
) -> None:
    def at(days: float) -> datetime:
        return BASE + timedelta(days=days)

    time = time_since(Window(at(start), at(end), HORIZON))
    found = cut(time, [_day(n) for n in range(4)]).inside()
    assert [Piece(each.starts, each.ends) for each in found.kept] == [_day(n) for n in inside]
    assert [(each.starts, each.ends) for each in found.counted] == [
        (at(one), at(other)) for one, other in spans
    ]
