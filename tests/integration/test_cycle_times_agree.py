"""The database tells the times of finished items one by one as they are defined."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.work_item import ItemHistory, WorkItemType
from app.flow.calendar import Window
from app.flow.distribution import distribution
from app.flow.expectation import present_sample
from app.flow.histogram import Duration, hourly
from app.flow.slowest import SHOWN
from app.flow.summary import DurationSummary
from app.flow.times import ItemTimes, item_times
from app.store import cycle_times
from app.store import distribution as stored_distribution
from app.store.database import Database
from app.store.measurements import Selection
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.stored import Stored, agreement_test, stored
from tests.strategies import Population, populations, windows

some_examples = settings(agreement_test, max_examples=60)
ALL = 1000


def finished(population: Population, window: Window) -> list[tuple[ItemHistory, ItemTimes]]:
    """The items finished in the window, each with its normal form, in the order of storing."""
    known = (
        (told, item_times(told, population.stream, window.as_of)) for told in population.histories
    )
    return [(told, times) for told, times in known if times.finished in window]


async def by_hour(inside: Stored, selection: Selection, duration: Duration) -> Counter[int]:
    """Count the durations of all types by their hours."""
    counted = await cycle_times.by_hour(inside.connection, selection, duration)
    return sum(counted.values(), Counter())


def assert_same(measured: DurationSummary, expected: DurationSummary) -> None:
    assert (measured.count, measured.sum_us) == (expected.count, expected.sum_us)
    for p in ("p50", "p85", "p95"):
        value = getattr(expected, p)
        assert getattr(measured, p) == (value and pytest.approx(value, rel=1e-9, abs=0))


async def test_the_week_worked_out_by_hand_comes_out_of_the_database(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        selection = Selection(inside.stream.id, F1_WEEK)
        found = await cycle_times.finished(inside.connection, selection, ALL)
        two = await cycle_times.finished(inside.connection, selection, 2)
        sample = await cycle_times.cycles_us(inside.connection, selection)
        lead = await by_hour(inside, selection, Duration.LEAD)
        kinds = await stored_distribution.distribution(inside.connection, selection)
    assert [point.title[0] for point in found.points] == ["D", "C", "A", "B"]
    assert [point.cycle_us // HOUR_US for point in found.points] == [24, 24, 96, 120]
    assert two.points == found.points[2:]
    assert two.cycle == found.cycle
    assert sample == [hours * HOUR_US for hours in (24, 24, 96, 120)]
    assert lead == {24: 1, 30: 1, 120: 1, 144: 1}
    assert kinds.by_type == {"feature": 2, "bug": 2, "task": 0, "epic": 0}


@agreement_test
@given(
    populations(),
    windows(),
    st.integers(1, 4),
    st.one_of(st.just(set(WorkItemType)), st.sets(st.sampled_from(WorkItemType))),
)
async def test_points_and_percentiles_are_those_of_the_items_finished_in_the_window(
    shared_database: Database,
    population: Population,
    window: Window,
    latest: int,
    types: set[WorkItemType],
) -> None:
    """P8: percentiles are about all items, also when only the latest points are asked for."""
    chosen = tuple(told for told in population.histories if told.type in types)
    expected = finished(replace(population, histories=chosen), window)
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window, sorted(types))
        measured = await cycle_times.finished(inside.connection, selection, latest)
    assert_same(measured.cycle, DurationSummary.of([times.cycle_us or 0 for _, times in expected]))
    points = sorted((each.finished, each.cycle_us or 0) for _, each in expected if each.finished)
    found = [(point.finished, point.cycle_us) for point in measured.points]
    assert [at for at, _ in found] == [at for at, _ in points][-latest:]
    assert set(found) <= set(points)
    assert len(found) == min(latest, len(points))


@some_examples
@given(populations(), windows())
async def test_samples_hours_and_types_are_those_of_the_items_finished_in_the_window(
    shared_database: Database, population: Population, window: Window
) -> None:
    expected = finished(population, window)
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window)
        sample = await cycle_times.cycles_us(inside.connection, selection)
        cycle = await by_hour(inside, selection, Duration.CYCLE)
        lead = await by_hour(inside, selection, Duration.LEAD)
        kinds = await stored_distribution.distribution(inside.connection, selection)
    assert sample == sorted(times.cycle_us or 0 for _, times in expected)
    assert cycle == hourly(times.cycle_us or 0 for _, times in expected)
    assert lead == hourly(times.lead_us or 0 for _, times in expected)
    assert kinds == distribution(((told.type, times) for told, times in expected), window)


@some_examples
@given(populations(), windows(), st.sampled_from(Duration))
async def test_the_slowest_items_are_those_of_the_window_that_took_longest(
    shared_database: Database, population: Population, window: Window, duration: Duration
) -> None:
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window)
        found = await cycle_times.slowest(inside.connection, selection, duration)
    taken = {
        item_id: (times.cycle_us or 0, times.lead_us or 0)
        for item_id, told in zip(inside.ids, population.histories, strict=True)
        if (times := item_times(told, population.stream, window.as_of)).finished in window
    }
    chosen = 0 if duration is Duration.CYCLE else 1
    ordered = sorted(taken, key=lambda item_id: (-taken[item_id][chosen], item_id))
    assert [each.item_id for each in found] == ordered[:SHOWN]
    assert all((each.cycle_us, each.lead_us) == taken[each.item_id] for each in found)


@some_examples
@given(populations(), windows())
async def test_items_that_are_never_finished_change_no_promise(
    shared_database: Database, population: Population, window: Window
) -> None:
    """P24: cancelled and never started items leave the sample of an expectation unchanged."""
    halves: dict[bool, list[ItemHistory]] = {True: [], False: []}
    for told in population.histories:
        halves[item_times(told, population.stream).finished is not None].append(told)
    done = replace(population, histories=tuple(halves[True]))
    async with stored(shared_database, done) as inside:
        selection = Selection(inside.stream.id, present_sample(window.as_of))
        alone = await cycle_times.cycles_us(inside.connection, selection)
        await inside.merge(halves[False])
        assert await cycle_times.cycles_us(inside.connection, selection) == alone
