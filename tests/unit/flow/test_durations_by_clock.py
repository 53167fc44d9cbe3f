"""Every duration of an item follows the clock it is measured by; what happened does not."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given

from app.domain.value_stream import DEFAULT_STREAM
from app.domain.working_time import WorkingCalendar, from_plain
from app.flow.calendar import Window, elapsed_us
from app.flow.queues import observe
from app.flow.summary import DurationSummary, FlowSummary, summarise
from app.flow.times import ItemTimes, item_times
from app.flow.value_stream_map import ValueStreamMap, value_stream_map
from app.flow.working_time import WorkingClock, spans
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.strategies import (
    BASE,
    HORIZON,
    SPAN,
    Population,
    calendars,
    populations,
    property_test,
    windows,
)

OFFICE = from_plain({"hours": {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu")}})
NOTHING = DurationSummary.of(())


def clock_of(calendar: WorkingCalendar) -> WorkingClock:
    since, until = BASE - SPAN, HORIZON + SPAN
    found = spans(calendar, DEFAULT_STREAM.zone_info, (), since.date(), until.date())
    return WorkingClock(found, since, until)


def by_both(
    population: Population, calendar: WorkingCalendar, window: Window
) -> tuple[list[ItemTimes], list[ItemTimes]]:
    """Bring the items into normal form twice, to be measured by elapsed and by working time."""
    between, stream = clock_of(calendar).between, population.stream
    elapsed = [item_times(told, stream, window.as_of) for told in population.histories]
    return elapsed, [replace(item, between=between) for item in elapsed]


def counts(summary: FlowSummary) -> FlowSummary:
    """What a summary says apart from durations."""
    return replace(summary, cycle=NOTHING, lead=NOTHING, parked_us=0)


def presence(found: ValueStreamMap) -> object:
    """What a map says of where items were, and when."""
    stages = [replace(each, visit_time=NOTHING) for each in found.presence.stages]
    return stages, found.presence.unplaced_us, found.queues, found.quality.loops


def working_week() -> list[ItemTimes]:
    between = clock_of(OFFICE).between
    return [item_times(each, F1_STREAM, F1_WEEK.as_of, between) for each in F1]


def test_the_week_in_working_time_is_that_worked_out() -> None:
    """Eight hours on each of Monday to Thursday, d1 to d4."""
    week = summarise(working_week(), F1_WEEK)
    assert week.cycle.sum_us == (24 + 21 + 8 + 8) * HOUR_US
    assert week.lead.sum_us == (32 + 29 + 8 + 8) * HOUR_US
    assert week.wip_us == 408 * HOUR_US  # elapsed, as ever


def test_the_ladder_of_the_week_in_working_time_adds_up_to_its_lead_time() -> None:
    found = value_stream_map(working_week(), F1_STREAM, F1_WEEK)
    # A: Backlog 8, Analysis 8, Development 16. B: Backlog 8, Development 13, Testing 3 and, sent
    # back, Development 5. C: Testing 8. D: Development 8, since it left Backlog before 09:00.
    assert [rung.time_us / HOUR_US for rung in found.ladder.rungs] == [16, 8, 42, 11, 0, 0]
    assert found.ladder.lead_us == 77 * HOUR_US
    assert found.quality.rework_us == 5 * HOUR_US
    testing = found.presence.stages[3]
    assert (testing.visit_time.count, testing.instant_visits) == (5, 0)


@property_test
@given(populations(), calendars(), windows())
def test_durations_in_working_time_are_at_most_the_elapsed_ones(
    population: Population, calendar: WorkingCalendar, window: Window
) -> None:
    for elapsed, working in zip(*by_both(population, calendar, window), strict=True):
        for name in ("cycle_us", "lead_us", "parked_us"):
            longest, found = getattr(elapsed, name), getattr(working, name)
            assert (found is None) == (longest is None)
            assert 0 <= (found or 0) <= (longest or 0)
        age, longest_age = working.age_us(window.last), elapsed.age_us(window.last)
        assert (age is None) == (longest_age is None)
        assert 0 <= (age or 0) <= (longest_age or 0)


@property_test
@given(populations(), calendars(), windows())
def test_the_clock_changes_durations_and_nothing_that_is_counted(
    population: Population, calendar: WorkingCalendar, window: Window
) -> None:
    elapsed, working = by_both(population, calendar, window)
    assert counts(summarise(working, window)) == counts(summarise(elapsed, window))
    maps = [value_stream_map(items, population.stream, window) for items in (elapsed, working)]
    assert presence(maps[0]) == presence(maps[1])


@property_test
@given(populations(), calendars(), windows())
def test_in_working_time_stages_still_add_up_to_the_lead_time(
    population: Population, calendar: WorkingCalendar, window: Window
) -> None:
    """P1, by another clock: to the microsecond, for each item and for all."""
    _, items = by_both(population, calendar, window)
    for cohort in (items, *([item] for item in items)):
        found = value_stream_map(cohort, population.stream, window)
        ladder = found.ladder
        assert ladder.unplaced_us + sum(rung.time_us for rung in ladder.rungs) == ladder.lead_us
        assert 0 <= found.quality.rework_us <= ladder.cycle_us <= ladder.lead_us
        assert ladder.parked_us == sum(
            item.parked_us or 0 for item in cohort if item.finished in window
        )
        times = observe(cohort, population.stream, window, [window.end]).times_us
        assert sum(map(sum, times)) == ladder.cycle_us - ladder.parked_us


@property_test
@given(populations(), windows())
def test_any_additive_measure_can_be_the_clock(population: Population, window: Window) -> None:
    """Twice the elapsed time gives twice the durations."""

    def twice(began: datetime, ended: datetime) -> int:
        return 2 * elapsed_us(began, ended)

    known = [item_times(each, population.stream, window.as_of) for each in population.histories]
    doubled = [replace(item, between=twice) for item in known]
    once, double = (summarise(items, window) for items in (known, doubled))
    assert double.cycle.sum_us == 2 * once.cycle.sum_us
    assert double.lead.sum_us == 2 * once.lead.sum_us
    assert double.parked_us == 2 * once.parked_us
    assert elapsed_us(BASE, BASE + timedelta(hours=1)) == HOUR_US
