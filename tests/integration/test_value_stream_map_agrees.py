"""The map that SQL draws up is the defined one: for any stream, histories, window and instant."""

from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.flow.calendar import Window, day_window, week_window
from app.flow.stage_times import Limits, LimitTerms, StagePresence
from app.flow.times import item_times
from app.flow.value_stream_map import ValueStreamMap, value_stream_map
from app.store import tables, value_streams
from app.store.database import Database
from app.store.finished_paths import finished_paths
from app.store.measurements import Selection
from app.store.parts import gather
from app.store.stage_times import stage_presence
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.stored import Stored, agreement_test, stored, stored_test
from tests.strategies import HORIZON, Population, durations, instants, populations, windows, zones


@st.composite
def windows_seen_at_any_time(draw: st.DrawFn) -> Window:
    """Draw a window as of its last instant, as of somewhat later, or when everything is known."""
    window = draw(windows())
    later = draw(st.one_of(durations().map(lambda wait: window.last + wait), st.just(HORIZON)))
    return replace(window, as_of=later)


async def measured(
    inside: Stored, window: Window, types: list[WorkItemType] | None = None
) -> ValueStreamMap:
    """Let the database draw up the map."""
    selection = Selection(inside.stream.id, window, types)
    parts = await gather(inside.connection, selection)
    presence = await stage_presence(inside.connection, selection, inside.stream, parts)
    paths = finished_paths(parts, inside.stream)
    return ValueStreamMap(window, presence, *paths)


def defined(
    population: Population,
    stream: ValueStream,
    window: Window,
    types: list[WorkItemType] | None = None,
) -> ValueStreamMap:
    """Draw up the map in plain Python; `stream` is the population's, with the ids it was given."""
    told = [each for each in population.histories if types is None or each.type in types]
    items = [item_times(each, stream, window.as_of) for each in told]
    return value_stream_map(items, stream, window)


def assert_same(found: ValueStreamMap, expected: ValueStreamMap) -> None:
    """Hold two maps equal: all that is counted exactly, percentiles to a billionth."""
    assert found.ladder == expected.ladder
    assert found.quality == expected.quality
    assert without_percentiles(found.presence) == without_percentiles(expected.presence)
    for one, other in zip(found.presence.stages, expected.presence.stages, strict=True):
        for p in ("p50", "p85", "p95"):
            wanted = getattr(other.visit_time, p)
            close = wanted if wanted is None else pytest.approx(wanted, rel=1e-9, abs=0)
            assert getattr(one.visit_time, p) == close, (one.stage.name, p)


def without_percentiles(presence: StagePresence) -> StagePresence:
    bare = tuple(
        replace(each, visit_time=replace(each.visit_time, p50=None, p85=None, p95=None))
        for each in presence.stages
    )
    return replace(presence, stages=bare)


async def with_limits(inside: Stored, limits: list[int | None]) -> Stored:
    """Give the stages WIP limits, in order."""
    for stage, limit in zip(inside.stream.stages, limits, strict=False):
        change = update(tables.stages).where(tables.stages.c.id == stage.id)
        await inside.connection.execute(change.values(wip_limit=limit))
    return replace(
        inside, stream=await value_streams.load_by_id(inside.connection, inside.stream.id)
    )


LIMITS = st.lists(st.one_of(st.none(), st.integers(1, 3)), min_size=7, max_size=7)


@agreement_test
@given(populations(), LIMITS, st.lists(windows_seen_at_any_time(), min_size=1, max_size=3))
async def test_the_database_draws_up_the_map_as_defined(
    shared_database: Database,
    population: Population,
    limits: list[int | None],
    asked: list[Window],
) -> None:
    async with stored(shared_database, population) as plain:
        inside = await with_limits(plain, limits)
        for window in asked:
            expected = defined(population, inside.stream, window)
            assert_same(await measured(inside, window), expected)


TERMS = st.lists(st.tuples(instants(), st.one_of(st.none(), st.integers(1, 3))), max_size=3)


async def with_terms(inside: Stored, terms: list[list[tuple[datetime, int | None]]]) -> Limits:
    """Give the stages WIP limits that changed over time; returns them by the stages' names."""
    limits: dict[str, LimitTerms] = {}
    for stage, each in zip(inside.stream.stages, terms, strict=False):
        in_order = dict(sorted(each, key=itemgetter(0)))
        rows = [
            {"stage_id": stage.id, "effective_from": since, "wip_limit": limit}
            for since, limit in in_order.items()
        ]
        if rows:
            await inside.connection.execute(insert(tables.stage_limits), rows)
            limits |= {stage.name: list(in_order.items())}
    return limits


@agreement_test
@given(populations(), st.lists(TERMS, min_size=7, max_size=7), windows_seen_at_any_time())
async def test_a_limit_counts_from_when_it_took_effect(
    shared_database: Database,
    population: Population,
    terms: list[list[tuple[datetime, int | None]]],
    window: Window,
) -> None:
    async with stored(shared_database, population) as inside:
        limits = await with_terms(inside, terms)
        items = [item_times(each, inside.stream, window.as_of) for each in population.histories]
        expected = value_stream_map(items, inside.stream, window, limits)
        assert_same(await measured(inside, window), expected)


@stored_test
@given(populations(), windows_seen_at_any_time(), st.sets(st.sampled_from(WorkItemType)))
async def test_a_part_of_the_types_is_as_defined(
    shared_database: Database,
    population: Population,
    window: Window,
    chosen: set[WorkItemType],
) -> None:
    types = sorted(chosen)
    async with stored(shared_database, population) as inside:
        expected = defined(population, inside.stream, window, types)
        assert_same(await measured(inside, window, types), expected)


@stored_test
@given(populations(), instants(), zones())
async def test_local_days_and_weeks_are_as_defined(
    shared_database: Database, population: Population, instant: datetime, zone: ZoneInfo
) -> None:
    day = instant.astimezone(zone).date()
    async with stored(shared_database, population) as inside:
        for window in (day_window(day, zone, HORIZON), week_window(day, zone, HORIZON)):
            expected = defined(population, inside.stream, window)
            assert_same(await measured(inside, window), expected)


@stored_test
@given(populations(), windows_seen_at_any_time())
async def test_the_occupancies_of_doing_add_up_to_the_wip(
    shared_database: Database, population: Population, window: Window
) -> None:
    """P5: also between two queries, the map's and the summary's."""
    async with stored(shared_database, population) as inside:
        presence = (await measured(inside, window)).presence
        summary = await inside.summary(window)
    doing = [each for each in presence.stages if inside.stream.zone(each.stage) == "doing"]
    assert sum(each.occupancy_us or 0 for each in doing) == summary.wip_us
    assert sum(each.at_end or 0 for each in doing) == summary.wip_at_end
    todo = [each for each in presence.stages if inside.stream.zone(each.stage) == "todo"]
    waiting = presence.unplaced_at_end + sum(each.at_end or 0 for each in todo)
    assert waiting == summary.backlog_items


async def test_the_week_worked_out_by_hand_comes_out_of_the_database(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        week = await measured(inside, F1_WEEK)
    assert [rung.time_us // HOUR_US for rung in week.ladder.rungs] == [54, 24, 144, 84, 12, 0]
    assert (week.ladder.lead_us, week.ladder.unplaced_us) == (318 * HOUR_US, 0)
    assert week.quality.rework_us == 72 * HOUR_US
    assert week.quality.rolled_complete_and_accurate == 0.75
    development, testing = week.presence.stages[2:4]
    assert (development.visit_time.count, development.visit_time.avg_hours) == (5, 33.6)
    assert (testing.visit_time.count, testing.visit_time.avg_hours) == (5, 21.6)


async def test_an_empty_stream_has_an_empty_map(shared_database: Database) -> None:
    async with stored(shared_database, Population(F1_STREAM, ())) as inside:
        week = await measured(inside, F1_WEEK)
        assert_same(week, defined(Population(F1_STREAM, ()), inside.stream, F1_WEEK))
    assert (week.ladder.items, week.ladder.activity_ratio) == (0, None)
