"""Ages of the work in process, pace lines of finished work, and the chance to be on time."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory
from app.flow.aging import (
    AgingItem,
    AgingWork,
    doing_stages,
    older_than,
    on_time_chance,
    pace,
    pass_us,
    standing,
    total_age_us,
)
from app.flow.calendar import Window, elapsed_us
from app.flow.expectation import Expectation, expectation
from app.flow.times import ItemTimes, item_times
from app.flow.wip import wip_us
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US, PARKED, at, d6, d8, history
from tests.strategies import (
    Population,
    forward_histories,
    instants,
    populations,
    property_test,
    windows,
)

PERCENTILES = ("p50", "p85", "p95")
HOUR = 3600
"""In seconds, the unit of percentiles."""


def week() -> list[ItemTimes]:
    return [item_times(told, F1_STREAM, F1_WEEK.as_of) for told in F1]


def passes(order: int) -> list[int]:
    """The ages of the week's finished items beyond a stage, in hours, ascending."""
    found = [pass_us(item, order) for item in week()]
    return sorted(age // HOUR_US for age in found if age is not None)


def test_of_the_week_only_the_parked_item_is_in_process() -> None:
    stands = [standing(item, d8) for item in week()]
    (found,) = [each for each in stands if each is not None]
    assert (found.stage.name, found.entered, found.started) == ("Development", at(7), at(4))
    assert (found.age_us, found.in_stage_us) == (96 * HOUR_US, 24 * HOUR_US)


def test_an_item_that_is_parked_stands_nowhere() -> None:
    assert standing(item_times(PARKED, F1_STREAM, d6), d6) is None


def test_the_age_of_a_reopened_item_counts_from_its_first_start() -> None:
    reopened = item_times(F1[3], F1_STREAM, at(5, 12))
    found = standing(reopened, at(5, 12))
    assert found is not None
    assert (found.stage.name, found.in_stage_us) == ("Testing", 6 * HOUR_US)
    assert found.age_us == elapsed_us(at(1, 6), at(5, 12))


def test_the_ages_of_the_week_at_which_stages_were_passed_are_those_worked_out() -> None:
    assert passes(2) == [0, 0, 0, 24]
    assert passes(3) == [0, 24, 72, 84]
    assert passes(4) == [24, 24, 84, 120]
    assert passes(5) == [24, 24, 96, 120]


def test_the_pace_of_the_week_ends_at_its_cycle_times() -> None:
    found = pace(week(), F1_STREAM, F1_WEEK)
    assert [line.stage.name for line in found.lines] == [
        "Analysis",
        "Development",
        "Testing",
        "Deployment",
    ]
    assert [line.p50 for line in found.lines] == [0, 48 * HOUR, 54 * HOUR, 60 * HOUR]
    last = found.lines[-1]
    assert (last.p50, last.p85, last.p95) == (found.cycle.p50, found.cycle.p85, found.cycle.p95)
    assert last.p85 == pytest.approx(109.2 * HOUR, rel=1e-12)


def test_an_unfinished_item_has_passed_nothing() -> None:
    assert pass_us(item_times(PARKED, F1_STREAM), 5) is None


def test_a_cancelled_stay_is_no_exit() -> None:
    """Reopened at the instant of its finish and given up then: no move left Testing."""
    told = history(
        ("Development", at(1)),
        ("Production", at(2)),
        ("Testing", at(2)),
        cancelled=at(2),
    )
    assert pass_us(item_times(told, DEFAULT_STREAM), 4) == 24 * HOUR_US
    assert pass_us(item_times(told, DEFAULT_STREAM), 2) == 0


@property_test
@given(populations())
def test_the_age_beyond_a_stage_never_falls_from_stage_to_stage(population: Population) -> None:
    """P20: and at the last stage before done it is the cycle time."""
    stages = doing_stages(population.stream)
    for told in population.histories:
        item = item_times(told, population.stream)
        ages = [pass_us(item, stage.order) for stage in stages]
        if item.finished is None:
            assert set(ages) == {None}
            continue
        assert ages[-1] == item.cycle_us
        assert all(low is not None and 0 <= low <= (high or 0) for low, high in pairwise(ages))


@property_test
@given(populations(), windows())
def test_pace_lines_ascend_by_stage_and_by_percentile(
    population: Population, window: Window
) -> None:
    """P20: the last line is that of cycle time."""
    items = [item_times(told, population.stream, window.as_of) for told in population.histories]
    found = pace(items, population.stream, window)
    last = found.lines[-1]
    for p in PERCENTILES:
        assert getattr(last, p) == getattr(found.cycle, p)
    if not found.cycle.count:
        return
    slack = 1e-9 * (found.cycle.p95 or 0)
    for low, high in pairwise(found.lines):
        for p in PERCENTILES:
            assert getattr(low, p) <= getattr(high, p) + slack
    for line in found.lines:
        values = [getattr(line, p) for p in PERCENTILES]
        assert all(low <= high + slack for low, high in pairwise(values))


@property_test
@given(populations(), instants(), st.integers(1, 10**9))
def test_between_events_every_age_grows_with_the_clock(
    population: Population, instant: datetime, later: int
) -> None:
    """P21: an item in process that nothing happens to is older by the time that passed."""
    for told in population.histories:
        then = item_times(told, population.stream, instant)
        before = standing(then, instant)
        after = standing(then, instant + timedelta(microseconds=later))
        if before is None or after is None:
            assert before is after
            continue
        assert after.age_us - before.age_us == after.in_stage_us - before.in_stage_us == later
        assert before.in_stage_us <= before.age_us


@property_test
@given(st.lists(forward_histories(), max_size=6), windows())
def test_total_age_grows_by_wip_less_what_was_finished_and_discarded(
    told: list[ItemHistory], window: Window
) -> None:
    """P21: exact in microseconds, where work only moves forward."""
    items = [item_times(each, DEFAULT_STREAM) for each in told]
    finished = sum(item.cycle_us or 0 for item in items if item.finished in window)
    discarded = sum(
        elapsed_us(item.started, item.discarded)
        for item in items
        if item.started and item.discarded and item.discarded in window
    )
    grown = total_age_us(items, window.end) - total_age_us(items, window.start)
    # an age at an instant excludes what ends there, so both ends are taken from the right
    assert grown == wip_us(items, window) - finished - discarded + edge(items, window)


def edge(items: list[ItemTimes], window: Window) -> int:
    """What the window's end takes out of process, and its start had taken out already."""

    def leaving(instant: datetime) -> int:
        ends = ((item, item.finished or item.discarded) for item in items)
        return sum(
            elapsed_us(item.started, end) for item, end in ends if item.started and end == instant
        )

    return leaving(window.start) - leaving(window.end)


SAMPLE = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


@pytest.mark.parametrize(
    ("age", "chance"),
    [
        (0, 0.9),  # 9 of 10 took at most 90
        (9, 0.9),
        (10, 8 / 9),  # older than 10 were 9, of which 8 took at most 90
        (45, 5 / 6),
        (50, 4 / 5),
        (60, None),  # only four were older
        (95, None),
    ],
)
def test_the_chance_is_the_share_of_those_that_were_once_as_old(
    age: int, chance: float | None
) -> None:
    assert on_time_chance(age, SAMPLE, Expectation(Fraction(9, 10), 10, 90)) == chance


def test_beyond_the_promise_there_is_no_chance_left() -> None:
    assert on_time_chance(50, SAMPLE, Expectation(Fraction(1, 2), 10, 50)) == 0.0
    assert on_time_chance(45, SAMPLE, Expectation(Fraction(1, 2), 10, 40)) == 0.0


def test_without_a_promise_there_is_no_chance() -> None:
    assert on_time_chance(0, SAMPLE, Expectation(Fraction(99, 100), 10, None)) is None


@property_test
@given(st.lists(st.integers(0, 50), max_size=40).map(sorted), st.integers(0, 60))
def test_a_chance_is_the_counted_share(sample: list[int], age: int) -> None:
    stated = expectation(sample)
    older = [cycle for cycle in sample if cycle > age]
    limit = stated.limit_us
    if limit is None or len(older) < 5:
        assert on_time_chance(age, sample, stated) is None
    else:
        kept = sum(cycle <= limit for cycle in older)
        assert on_time_chance(age, sample, stated) == kept / len(older)


def test_old_work_is_counted_beside_the_line_it_is_missing_from() -> None:
    (told,) = [item for item in week() if standing(item, d8)]
    stands = standing(told, d8)
    assert stands is not None
    item = AgingItem(7, PARKED.title, PARKED.type, stands, chance=None)
    older = replace(item, standing=replace(stands, age_us=110 * HOUR_US))
    found = AgingWork((older, item), pace(week(), F1_STREAM, F1_WEEK), expectation([]))
    assert (found.older_than_p85, found.oldest_age_us) == (1, 110 * HOUR_US)
    nothing = AgingWork((), pace([], F1_STREAM, F1_WEEK), expectation([]))
    assert (nothing.older_than_p85, nothing.oldest_age_us) == (None, None)


def test_as_old_as_the_line_is_not_older() -> None:
    assert older_than([HOUR_US, HOUR_US + 1], HOUR) == 1
    assert older_than([HOUR_US], None) is None
