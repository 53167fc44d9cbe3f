"""The database tells the work in process, its ages, and the pace of finished work as defined."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import WorkItemType
from app.flow.aging import Pace, pace, standing
from app.flow.calendar import Window
from app.flow.times import ItemTimes, item_times
from app.store import aging
from app.store.database import Database
from app.store.measurements import Selection
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.stored import agreement_test, stored
from tests.strategies import (
    BASE,
    HORIZON,
    Population,
    durations,
    instants,
    populations,
    windows,
)

fewer_examples = settings(agreement_test, max_examples=60)


def windows_with_much_in_them() -> st.SearchStrategy[Window]:
    """Draw a window that holds all finishes since some instant, so that there are samples."""
    starts = st.one_of(st.just(BASE), instants())
    return starts.map(lambda start: Window(start, HORIZON, as_of=HORIZON))


@st.composite
def windows_seen_at_any_time(draw: st.DrawFn) -> Window:
    """Draw a window as of its last instant, as of somewhat later, or when everything is known."""
    window = draw(windows())
    later = draw(st.one_of(st.just(timedelta()), durations(), st.none()))
    return window if later is None else replace(window, as_of=window.last + later)


def known(population: Population, window: Window) -> list[ItemTimes]:
    return [item_times(told, population.stream, window.as_of) for told in population.histories]


def unnumbered(stage: Stage) -> Stage:
    """A stage as it was before it was stored."""
    return replace(stage, id=0)


def assert_same_pace(measured: Pace, expected: Pace) -> None:
    assert (measured.cycle.count, measured.cycle.sum_us) == (
        expected.cycle.count,
        expected.cycle.sum_us,
    )
    lines = [measured.cycle, *measured.lines]
    for line, right in zip(lines, [expected.cycle, *expected.lines], strict=True):
        for p in ("p50", "p85", "p95"):
            value = getattr(right, p)
            assert getattr(line, p) == (value and pytest.approx(value, rel=1e-9, abs=0))
    stages = [unnumbered(line.stage) for line in measured.lines]
    assert stages == [unnumbered(line.stage) for line in expected.lines]


async def test_the_week_worked_out_by_hand_comes_out_of_the_database(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        selection = Selection(inside.stream.id, F1_WEEK)
        (parked,) = await aging.in_process(inside.connection, selection, inside.stream)
        found = await aging.pace(inside.connection, selection, inside.stream)
        ages = await aging.wip_ages_us(inside.connection, selection)
    assert parked.title == "H: parked for a day, still open"
    assert (parked.standing.stage.name, parked.standing.age_us) == ("Development", 96 * HOUR_US)
    assert parked.standing.in_stage_us == 24 * HOUR_US
    assert ages == [96 * HOUR_US]
    medians = {line.stage.name: line.p50 for line in found.lines}
    hour = 3600
    assert medians == {
        "Analysis": 0,  # 0, 0, 0, 24
        "Development": 48 * hour,  # 0, 24, 72, 84
        "Testing": 54 * hour,  # 24, 24, 84, 120
        "Deployment": 60 * hour,
    }


@agreement_test
@given(populations(), windows_seen_at_any_time())
async def test_work_in_process_stands_where_its_history_says(
    shared_database: Database, population: Population, window: Window
) -> None:
    """Stage, entry, start and age as of any instant, to the microsecond; the oldest first."""
    stands = [
        standing(item_times(told, population.stream, window.as_of), window.as_of)
        for told in population.histories
    ]
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window)
        found = await aging.in_process(inside.connection, selection, inside.stream)
        ages = await aging.wip_ages_us(inside.connection, selection)
    expected = {item_id: each for item_id, each in zip(inside.ids, stands, strict=True) if each}
    measured = {
        item.item_id: replace(item.standing, stage=unnumbered(item.standing.stage))
        for item in found
    }
    assert measured == expected
    assert list(measured) == sorted(expected, key=lambda each: (expected[each].started, each))
    assert {item.item_id: item.kind for item in found} == {
        item_id: told.type
        for item_id, told in zip(inside.ids, population.histories, strict=True)
        if item_id in expected
    }
    assert sorted(ages) == sorted(each.age_us for each in expected.values())


@agreement_test
@given(populations(), st.one_of(windows_seen_at_any_time(), windows_with_much_in_them()))
async def test_the_database_draws_pace_lines_as_defined(
    shared_database: Database, population: Population, window: Window
) -> None:
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window)
        measured = await aging.pace(inside.connection, selection, inside.stream)
    assert_same_pace(measured, pace(known(population, window), population.stream, window))


@fewer_examples
@given(populations(), windows_seen_at_any_time(), st.sets(st.sampled_from(WorkItemType)))
async def test_a_filter_by_type_is_about_the_items_of_these_types(
    shared_database: Database, population: Population, window: Window, types: set[WorkItemType]
) -> None:
    chosen = tuple(told for told in population.histories if told.type in types)
    items = known(replace(population, histories=chosen), window)
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window, sorted(types))
        measured = await aging.pace(inside.connection, selection, inside.stream)
        found = await aging.in_process(inside.connection, selection, inside.stream)
        ages = await aging.wip_ages_us(inside.connection, selection)
    assert_same_pace(measured, pace(items, population.stream, window))
    expected = [age for item in items if (age := item.age_us(window.as_of)) is not None]
    assert sorted(item.standing.age_us for item in found) == sorted(ages) == sorted(expected)


async def test_of_an_empty_stream_nothing_ages_and_no_line_is_drawn(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, ())) as inside:
        selection = Selection(inside.stream.id, F1_WEEK)
        assert await aging.in_process(inside.connection, selection, inside.stream) == []
        assert await aging.wip_ages_us(inside.connection, selection) == []
        found = await aging.pace(inside.connection, selection, inside.stream)
    assert {(line.p50, line.p85, line.p95) for line in found.lines} == {(None, None, None)}
    assert found.cycle.count == 0


async def test_a_voided_move_is_no_exit_and_starts_no_stay(shared_database: Database) -> None:
    stream: ValueStream = F1_STREAM
    async with stored(shared_database, Population(stream, F1)) as inside:
        selection = Selection(inside.stream.id, F1_WEEK)
        before = await aging.pace(inside.connection, selection, inside.stream)
        parked = inside.ids[-1]
        mistake = await inside.append(parked, "Testing", F1_WEEK.end - timedelta(hours=1))
        await inside.void(parked, mistake, HORIZON)
        late = await inside.append(inside.ids[0], "Analysis", F1_WEEK.start + timedelta(hours=90))
        await inside.void(inside.ids[0], late, HORIZON)
        assert await aging.pace(inside.connection, selection, inside.stream) == before
        (still,) = await aging.in_process(inside.connection, selection, inside.stream)
    assert (still.standing.stage.name, still.standing.in_stage_us) == ("Development", 24 * HOUR_US)
