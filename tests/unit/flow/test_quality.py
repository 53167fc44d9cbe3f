"""Which moves back are rework, who is charged for them, and how much time they cost."""

import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream
from app.domain.work_item import ItemHistory
from app.flow.calendar import Window
from app.flow.quality import Quality, quality
from app.flow.times import item_times
from tests.fixture_f1 import F1, F1_WEEK, HOUR_US, at, d1, d2, d3, d4, d5, d6, d7, history
from tests.strategies import (
    HORIZON,
    Population,
    forward_histories,
    histories,
    populations,
    property_test,
    windows,
)


def of(*told: ItemHistory, stream: ValueStream = DEFAULT_STREAM) -> Quality:
    return quality([item_times(each, stream) for each in told], stream, F1_WEEK)


def exits(found: Quality, stage: str) -> tuple[int, int]:
    each = next(each for each in found.stages if each.stage.name == stage)
    return each.forward_exits, each.returned


def loops(found: Quality) -> list[tuple[str, str, int]]:
    return [(each.from_stage.name, each.to_stage.name, each.moves) for each in found.loops]


def test_the_quality_of_the_week_is_that_worked_out() -> None:
    week = of(*F1)
    assert {each.stage.name: each.complete_and_accurate for each in week.stages} == {
        "Backlog": 1.0,
        "Analysis": 1.0,
        "Development": 0.75,
        "Testing": 1.0,
        "Deployment": 1.0,
    }
    assert (exits(week, "Development"), exits(week, "Testing")) == ((4, 1), (3, 0))
    assert week.rolled_complete_and_accurate == 0.75
    assert (week.first_time_through, week.rework_rate) == (0.75, 0.25)
    assert loops(week) == [("Testing", "Development", 1)]
    assert (week.rework_us, week.cycle_us) == (72 * HOUR_US, 264 * HOUR_US)
    assert week.rework_time_share == 72 / 264
    assert week.returns_unattributed == 0


def test_of_nothing_finished_there_is_no_quality() -> None:
    nothing = of(history(("Development", d1)))
    assert nothing.items == 0
    assert {each.complete_and_accurate for each in nothing.stages} == {None}
    assert nothing.rolled_complete_and_accurate is None
    assert nothing.first_time_through is None
    assert nothing.rework_rate is None
    assert nothing.rework_time_share is None


def test_the_stage_that_gets_its_work_back_is_charged_not_the_one_that_sends_it() -> None:
    found = of(
        history(
            ("Analysis", d1),
            ("Development", d2),
            ("Testing", d3),
            ("Analysis", d4),
            ("Development", d5),
            ("Testing", at(5, 12)),
            ("Production", d6),
        )
    )
    # Development did not get its own work back: it went on with what Analysis had corrected.
    assert exits(found, "Analysis") == (2, 1)
    assert exits(found, "Development") == (2, 0)
    assert exits(found, "Testing") == (1, 0)


def test_an_item_sent_back_twice_is_charged_twice_and_reworked_once() -> None:
    found = of(
        history(
            ("Development", d1),
            ("Testing", d2),
            ("Development", d3),
            ("Testing", d4),
            ("Development", d5),
            ("Testing", d6),
            ("Production", d7),
        )
    )
    assert exits(found, "Development") == (3, 2)
    assert loops(found) == [("Testing", "Development", 2)]
    assert (found.reworked_items, found.rework_moves) == (1, 2)


def test_a_return_to_a_skipped_stage_is_charged_to_nobody() -> None:
    found = of(history(("Analysis", d1), ("Testing", d2), ("Development", d3), ("Production", d4)))
    assert exits(found, "Development") == (1, 0)
    assert found.returns_unattributed == 1
    assert found.first_time_through == 0


def test_a_return_to_a_stage_that_was_left_backward_is_charged_to_nobody() -> None:
    found = of(
        history(
            ("Testing", d1),
            ("Development", d2),  # skipped before
            ("Analysis", d3),  # skipped before
            ("Testing", d4),
            ("Development", d5),  # was left backward
            ("Production", d6),
        )
    )
    assert (exits(found, "Development"), exits(found, "Analysis")) == ((1, 0), (1, 0))
    assert (found.rework_moves, found.returns_unattributed) == (3, 3)


def test_a_decommit_is_no_defect() -> None:
    found = of(
        history(
            ("Analysis", d1),
            ("Development", d2),
            ("Backlog", d3),
            ("Development", d4),
            ("Production", d5),
        )
    )
    assert (found.rework_moves, found.rework_us, found.first_time_through) == (0, 0, 1.0)
    assert exits(found, "Backlog") == (1, 0)
    assert exits(found, "Analysis") == (1, 0)


def test_what_happens_after_the_finish_changes_nothing() -> None:
    moves = (("Development", d1), ("Testing", d2), ("Production", d3))
    later = (("Development", d3), ("Testing", d4), ("Development", d5))
    assert of(history(*moves, *later)) == of(history(*moves))


def test_the_time_of_rework_lasts_until_the_work_is_back_where_it_was_sent_back() -> None:
    found = of(
        history(
            ("Development", d1),
            ("Testing", d2),
            ("Deployment", d3),
            ("Development", d4),  # again: 24 h
            ("Testing", d5),  # again: 12 h
            ("Deployment", at(5, 12)),  # again: 12 h
            ("Production", d6),
        )
    )
    assert found.rework_us == 48 * HOUR_US
    assert found.rework_time_share == 48 / 120


def test_what_comes_after_the_repair_is_no_rework() -> None:
    found = of(
        history(
            ("Development", d1),
            ("Testing", d2),
            ("Development", d3),
            ("Testing", d4),
            ("Deployment", d5),
            ("Production", d6),
        )
    )
    assert found.rework_us == 48 * HOUR_US


def test_orders_may_be_any_numbers() -> None:
    names = [("A", -2), ("B", -1), ("C", 0)]
    stages = [Stage(name, order, name, Category.ACTIVE) for name, order in names]
    stream = ValueStream("s", "s", (*stages, Stage("D", 5, "D", Category.DONE)))
    found = of(history(("A", d1), ("B", d2), ("A", d3), ("D", d4)), stream=stream)
    assert (found.rework_us, exits(found, "A")) == (24 * HOUR_US, (2, 1))


def test_the_most_travelled_loop_comes_first() -> None:
    def sent_back(source: str, target: str, start: datetime) -> ItemHistory:
        return history((source, start), (target, d3), ("Production", d4))

    found = of(
        sent_back("Deployment", "Analysis", d1),
        sent_back("Testing", "Development", d1),
        sent_back("Testing", "Development", d2),
        sent_back("Testing", "Analysis", d2),
    )
    assert loops(found) == [
        ("Testing", "Development", 2),
        ("Testing", "Analysis", 1),
        ("Deployment", "Analysis", 1),
    ]


@property_test
@given(populations(), windows())
def test_every_share_is_a_share(population: Population, window: Window) -> None:
    """P18: between 0 and 1 or none at all; the rolled %C&A is at most the worst stage's."""
    items = [item_times(told, population.stream) for told in population.histories]
    found = quality(items, population.stream, window)
    parts = [each.complete_and_accurate for each in found.stages]
    shares = [
        *parts,
        found.rolled_complete_and_accurate,
        found.first_time_through,
        found.rework_rate,
        found.rework_time_share,
    ]
    assert all(share is None or 0 <= share <= 1 for share in shares)
    known = [share for share in parts if share is not None]
    if known:
        assert found.rolled_complete_and_accurate is not None
        assert found.rolled_complete_and_accurate <= min(known)
    assert 0 <= found.returns_unattributed <= found.rework_moves
    assert found.reworked_items <= found.rework_moves
    assert found.rework_us == 0 or found.reworked_items > 0
    if found.first_time_through is not None and found.rework_rate is not None:
        assert math.isclose(found.first_time_through + found.rework_rate, 1)


@property_test
@given(st.lists(forward_histories(), max_size=6), windows())
def test_who_only_moves_forward_has_no_rework(told: list[ItemHistory], window: Window) -> None:
    """P17: forward only, %C&A and first time through are 1 and rework is 0."""
    found = quality([item_times(each, DEFAULT_STREAM) for each in told], DEFAULT_STREAM, window)
    assert {each.complete_and_accurate for each in found.stages} <= {None, 1.0}
    assert found.first_time_through in {None, 1.0}
    assert (found.rework_moves, found.rework_us) == (0, 0)


@property_test
@given(st.lists(histories(), max_size=6), windows())
def test_what_is_not_finished_leaves_the_quality_alone(
    told: list[ItemHistory], window: Window
) -> None:
    """P24: cancelled and unfinished items are in no figure."""
    items = [item_times(each, DEFAULT_STREAM, HORIZON) for each in told]
    finished = [item for item in items if item.finished is not None]
    assert quality(items, DEFAULT_STREAM, window) == quality(finished, DEFAULT_STREAM, window)


def test_the_loop_is_found_wherever_the_window_begins() -> None:
    """The cohort is what was finished in the window; its rework may lie before the window."""
    item = item_times(
        history(("Development", d1), ("Testing", d2), ("Development", d3), ("Production", d6)),
        DEFAULT_STREAM,
    )
    found = quality([item], DEFAULT_STREAM, Window(d5, d7, d7))
    assert found.rework_moves == 1
    assert found.rework_us == pytest.approx(72 * HOUR_US)
