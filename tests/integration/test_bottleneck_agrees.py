"""The evidence that the database gathers is the defined one, to the microsecond."""

from dataclasses import replace
from datetime import timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.flow.calendar import Window
from app.flow.queues import Observation, full_day_bounds, observe
from app.flow.resampling import MAX_UNITS
from app.flow.times import item_times
from app.store import bottleneck as store
from app.store import value_streams
from app.store.database import Database
from app.store.measurements import Selection
from tests.fixture_f1 import F1_STREAM, F1_WEEK, FORWARD, SKIP_AND_REWORK
from tests.integration.stored import Stored, agreement_test, stored
from tests.strategies import Population, durations, populations, windows, zones


@st.composite
def windows_seen_at_any_time(draw: st.DrawFn) -> Window:
    """Draw a window as of its last instant, as of somewhat later, or when everything is known."""
    window = draw(windows())
    later = draw(st.one_of(st.just(timedelta()), durations(), st.none()))
    return window if later is None else replace(window, as_of=window.last + later)


async def with_limits(inside: Stored, limit: int) -> ValueStream:
    """Limit every stage."""
    statement = text("UPDATE stages SET wip_limit = :limit WHERE value_stream_id = :id")
    await inside.connection.execute(statement, {"limit": limit, "id": inside.stream.id})
    return await value_streams.load(inside.connection, inside.stream.key)


def in_any_order(seen: Observation) -> Observation:
    """Put the rows of times in order: which item is which does not matter; all are integers."""
    counts = [
        (*each.arrivals, *each.departures, each.empty_us, each.at_end) for each in seen.queues
    ]
    assert {type(number) for row in (*counts, *seen.times_us) for number in row} <= {int}
    return replace(seen, times_us=tuple(sorted(seen.times_us)))


@agreement_test
@given(populations(), windows_seen_at_any_time(), zones(), st.integers(1, 3))
async def test_the_database_observes_as_defined(
    shared_database: Database, population: Population, window: Window, tz: tzinfo, limit: int
) -> None:
    bounds = full_day_bounds(window, tz)
    async with stored(shared_database, population) as inside:
        stream = await with_limits(inside, limit)
        selection = Selection(stream.id, window)
        seen = await store.observe(inside.connection, selection, stream, bounds)
    items = [item_times(told, stream, window.as_of) for told in population.histories]
    expected = observe(items, stream, window, bounds)
    assert in_any_order(seen) == in_any_order(expected)


@agreement_test
@given(populations(), windows_seen_at_any_time(), st.sets(st.sampled_from(WorkItemType)))
async def test_a_selection_of_types_is_observed_without_limits(
    shared_database: Database, population: Population, window: Window, types: set[WorkItemType]
) -> None:
    bounds = full_day_bounds(window, population.stream.zone_info)
    async with stored(shared_database, population) as inside:
        stream = await with_limits(inside, 1)
        selection = Selection(stream.id, window, sorted(types))
        seen = await store.observe(inside.connection, selection, stream, bounds)
    chosen = (told for told in population.histories if told.type in types)
    items = [item_times(told, stream, window.as_of) for told in chosen]
    expected = observe(items, stream, window, bounds, with_limits=False)
    assert in_any_order(seen) == in_any_order(expected)


@pytest.mark.parametrize("copies", [MAX_UNITS // 2, MAX_UNITS // 2 + 7])
async def test_many_items_are_taken_together_by_the_day_of_their_finish(
    shared_database: Database, copies: int
) -> None:
    items = (FORWARD, SKIP_AND_REWORK) * copies
    bounds = full_day_bounds(F1_WEEK, F1_STREAM.zone_info)
    async with stored(shared_database, Population(F1_STREAM, items)) as inside:
        selection = Selection(inside.stream.id, F1_WEEK)
        seen = await store.observe(inside.connection, selection, inside.stream, bounds)
    expected = observe([item_times(told, F1_STREAM) for told in items], F1_STREAM, F1_WEEK, bounds)
    assert (seen.finished, sorted(seen.times_us)) == (len(items), sorted(expected.times_us))
    assert len(seen.times_us) == (len(items) if len(items) <= MAX_UNITS else len(bounds) - 1)
