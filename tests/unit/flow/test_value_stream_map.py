"""Where the lead time of finished items goes: the ladder, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream
from app.domain.work_item import ItemHistory
from app.flow.calendar import Window
from app.flow.times import item_times
from app.flow.value_stream_map import (
    Ladder,
    NoEfficiency,
    ValueStreamMap,
    ladder,
    stage_us,
    value_stream_map,
)
from tests.fixture_f1 import F1, F1_WEEK, HOUR_US, d1, d2, d3, d4, d5, d6, history
from tests.strategies import Population, histories, populations, property_test, windows

QUEUED = ValueStream(
    key="queued",
    name="With queues",
    stages=(
        Stage("Ideas", 1, "ideas", Category.WAIT),
        Stage("Next", 2, "next", Category.WAIT),
        Stage("Build", 3, "build", Category.ACTIVE),
        Stage("Review", 4, "review", Category.WAIT),
        Stage("Release", 5, "release", Category.ACTIVE),
        Stage("Approval", 6, "approval", Category.WAIT),
        Stage("Live", 7, "live", Category.DONE),
    ),
)


def drawn(*told: ItemHistory, stream: ValueStream = QUEUED) -> ValueStreamMap:
    return value_stream_map([item_times(each, stream) for each in told], stream, F1_WEEK)


def hours(found: Ladder) -> list[float]:
    return [rung.time_us / HOUR_US for rung in found.rungs]


def test_the_ladder_of_the_week_is_that_worked_out() -> None:
    week = drawn(*F1, stream=DEFAULT_STREAM).ladder
    assert hours(week) == [54, 24, 144, 84, 12, 0]
    assert [week.mean_hours(rung.time_us) for rung in week.rungs[:5]] == [13.5, 6, 36, 21, 3]
    assert week.mean_hours(week.lead_us) == 79.5
    assert week.mean_hours(week.process_us) == 66
    assert week.mean_hours(week.wait_us) == 13.5
    assert week.activity_ratio == 264 / 318
    assert (week.cycle_wait_us, week.parked_us, week.unplaced_us) == (0, 0, 0)


def test_without_a_waiting_stage_in_doing_efficiency_would_be_1_by_construction() -> None:
    week = drawn(*F1, stream=DEFAULT_STREAM).ladder
    assert (week.flow_efficiency, week.no_efficiency) == (None, NoEfficiency.NO_WAIT_SIGNAL)


def test_parked_time_is_a_wait_that_shows() -> None:
    parked = history(("Analysis", d1), ("Backlog", d2), ("Analysis", d5), ("Production", d6))
    found = drawn(parked, stream=DEFAULT_STREAM).ladder
    assert (found.flow_efficiency, found.no_efficiency) == (48 / 120, None)
    assert (found.parked_us, found.cycle_wait_us) == (72 * HOUR_US, 72 * HOUR_US)


def test_a_wait_inside_doing_counts_against_efficiency_and_one_before_it_does_not() -> None:
    item = history(
        ("Ideas", d1), ("Build", d2), ("Review", d3), ("Release", d5), ("Live", d6), created=d1
    )
    found = drawn(item).ladder
    assert found.flow_efficiency == 48 / 96
    assert found.activity_ratio == 48 / 120
    assert hours(found) == [24, 0, 24, 48, 24, 0, 0]


def test_nothing_finished_and_no_time_passed_have_no_efficiency() -> None:
    assert drawn(history(("Build", d1))).ladder.no_efficiency is NoEfficiency.NOTHING_FINISHED
    at_once = drawn(history(("Live", d1))).ladder
    assert (at_once.flow_efficiency, at_once.activity_ratio) == (None, None)
    assert at_once.no_efficiency is NoEfficiency.NO_CYCLE_TIME


def test_the_time_before_the_first_stage_is_in_the_ladder() -> None:
    found = drawn(history(("Build", d3), ("Live", d4), created=d1)).ladder
    assert (found.unplaced_us, found.wait_us) == (48 * HOUR_US, 48 * HOUR_US)
    assert found.lead_us == 72 * HOUR_US


def test_the_time_after_the_finish_is_not_in_the_ladder() -> None:
    item = history(("Build", d1), ("Live", d2), ("Review", d3), ("Live", d6))
    assert hours(drawn(item).ladder) == [0, 0, 24, 0, 0, 0, 0]


def test_work_queues_in_front_of_the_next_stage_that_does_something() -> None:
    found = drawn(
        history(created=d1),
        history(("Ideas", d1)),
        history(("Next", d1)),
        history(("Next", d2)),
        history(("Build", d1)),
        history(("Review", d2)),
        history(("Approval", d2)),
        history(("Approval", d2), cancelled=d3),
    )
    assert found.queues == (None, None, 4, None, 1, None, 1)
    assert (found.wip_at_end, found.backlog_at_end) == (3, 4)


def test_the_finish_is_needed_for_time_in_a_stage_to_count() -> None:
    item = item_times(history(("Build", d1), ("Review", d3)), QUEUED)
    assert stage_us(item, QUEUED.stage("Build")) == 0


@property_test
@given(populations(), windows())
def test_the_ladder_adds_up_exactly(population: Population, window: Window) -> None:
    """P1: for each item and for all, stages and the time before them are the lead time."""
    stream = population.stream
    items = [item_times(told, stream) for told in population.histories]
    for cohort in (items, *([item] for item in items)):
        found = ladder(cohort, stream, window)
        rungs = sum(rung.time_us for rung in found.rungs)
        assert found.unplaced_us + rungs == found.lead_us
        assert found.process_us + found.wait_us == found.lead_us
        assert found.parked_us == sum(
            item.parked_us or 0 for item in cohort if item.finished in window
        )
        assert 0 <= found.cycle_wait_us <= found.wait_us
        assert found.parked_us <= found.cycle_wait_us


@property_test
@given(populations(), windows())
def test_both_ratios_are_ratios(population: Population, window: Window) -> None:
    """P18: flow efficiency and activity ratio lie between 0 and 1; the latter is the smaller."""
    found = ladder(
        [item_times(told, population.stream) for told in population.histories],
        population.stream,
        window,
    )
    assert found.activity_ratio is None or 0 <= found.activity_ratio <= 1
    if found.flow_efficiency is not None and found.activity_ratio is not None:
        assert found.activity_ratio <= found.flow_efficiency <= 1
    assert (found.flow_efficiency is None) == (found.no_efficiency is not None)


@property_test
@given(st.lists(histories(), max_size=6), windows())
def test_what_is_not_finished_leaves_the_ladder_alone(
    told: list[ItemHistory], window: Window
) -> None:
    """P24: cancelled and never started items are in no mean."""
    items = [item_times(each, DEFAULT_STREAM) for each in told]
    finished = [item for item in items if item.finished is not None]
    assert ladder(items, DEFAULT_STREAM, window) == ladder(finished, DEFAULT_STREAM, window)


@property_test
@given(populations(), windows())
def test_every_waiting_item_is_in_one_queue(population: Population, window: Window) -> None:
    found = value_stream_map(
        [item_times(told, population.stream) for told in population.histories],
        population.stream,
        window,
    )
    waiting = sum(
        each.at_end or 0 for each in found.presence.stages if each.stage.category is Category.WAIT
    )
    queued = sum(queue or 0 for queue in found.queues)
    assert queued == waiting + found.presence.unplaced_at_end


@pytest.mark.parametrize("reason", NoEfficiency)
def test_every_reason_is_a_word_for_programs(reason: NoEfficiency) -> None:
    assert reason.value.replace("_", "").isalpha()
