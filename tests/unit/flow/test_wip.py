"""Work in process: at an instant, on average, and how it changes."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.value_stream import DEFAULT_STREAM
from app.flow.calendar import Window, day_window
from app.flow.times import ItemTimes, item_times
from app.flow.wip import (
    backlog_items,
    entered_doing,
    left_doing,
    open_items,
    wip_at,
    wip_at_end,
    wip_average,
    wip_us,
)
from tests.fixture_f1 import F1, F1_WEEK, HOUR_US, at, d1, d2, d3, d4, d5, d6, d8, history

ITEMS = tuple(item_times(told, DEFAULT_STREAM) for told in F1)


def times(
    *moves: tuple[str, datetime],
    created: datetime | None = None,
    cancelled: datetime | None = None,
) -> ItemTimes:
    return item_times(history(*moves, created=created, cancelled=cancelled), DEFAULT_STREAM)


def hours(item: ItemTimes) -> float:
    return wip_us([item], F1_WEEK) / HOUR_US


def test_an_item_is_in_process_from_start_to_finish() -> None:
    assert hours(times(("Backlog", d1), ("Analysis", d2), ("Production", d4))) == 48


def test_a_stage_skipped_makes_no_difference() -> None:
    assert hours(times(("Backlog", d1), ("Testing", d2), ("Production", d4))) == 48


def test_an_item_sent_back_within_process_stays_in_process() -> None:
    assert hours(times(("Testing", d1), ("Analysis", d2), ("Production", d4))) == 72


def test_a_parked_item_is_not_in_process() -> None:
    parked = times(("Analysis", d1), ("Backlog", d2), ("Analysis", d4), ("Production", d5))
    assert hours(parked) == 48
    assert wip_at([parked], d3) == 0
    assert backlog_items([parked], d3) == 1
    assert left_doing([parked], Window(d2, d3, as_of=d8)) == 1


def test_an_item_that_enters_late_is_in_process_from_its_entry() -> None:
    assert hours(times(("Deployment", d3), ("Production", d4))) == 24


def test_an_item_that_enters_directly_in_done_is_never_in_process() -> None:
    item = times(("Production", d3))
    assert hours(item) == 0
    assert entered_doing([item], F1_WEEK) == left_doing([item], F1_WEEK) == 0


def test_an_instant_in_process_adds_no_work_but_is_an_entry_and_an_exit() -> None:
    item = times(("Backlog", d1), ("Analysis", d2), ("Production", d2))
    assert hours(item) == 0
    assert wip_at([item], d2) == 0
    assert entered_doing([item], F1_WEEK) == left_doing([item], F1_WEEK) == 1


def test_a_reopened_item_is_in_process_again_but_not_open() -> None:
    item = times(("Analysis", d1), ("Production", d2), ("Testing", d4))
    assert hours(item) == 24 + 96
    assert wip_at([item], d5) == 1
    assert open_items([item], d5) == 0


def test_an_item_cancelled_before_its_start_never_was_in_process() -> None:
    item = times(("Backlog", d1), cancelled=d3)
    assert hours(item) == 0
    assert backlog_items([item], d2) == 1
    assert backlog_items([item], d3) == open_items([item], d3) == 0


def test_a_cancelled_item_is_in_process_until_then() -> None:
    item = times(("Analysis", d1), cancelled=d3)
    assert hours(item) == 48
    assert open_items([item], d2) == 1
    assert open_items([item], d3) == wip_at([item], d3) == backlog_items([item], d3) == 0


def test_an_item_never_started_is_open_in_the_backlog() -> None:
    item = times(("Backlog", d2))
    assert hours(item) == 0
    assert (open_items([item], d8), backlog_items([item], d8)) == (1, 1)
    assert (open_items([item], d1), backlog_items([item], d1)) == (0, 0)


def test_an_item_without_moves_is_open_in_the_backlog() -> None:
    item = times(created=d2)
    assert (open_items([item], d2), backlog_items([item], d2), hours(item)) == (1, 1, 0)


def test_a_late_report_changes_work_in_process_as_if_it_had_come_in_time() -> None:
    late = times(("Backlog", d1), ("Production", d5), ("Analysis", d2))
    assert hours(late) == 72


def test_time_in_process_is_clipped_to_the_window() -> None:
    item = times(("Analysis", d1), ("Production", d8))
    assert wip_us([item], Window(d3, d5, as_of=d8)) == 48 * HOUR_US
    assert wip_average([item], Window(d3, d5, as_of=d8)) == 1


def test_the_time_before_the_first_item_counts_as_empty() -> None:
    item = times(("Analysis", d3))
    assert wip_average([item], Window(d1, d5, as_of=d8)) == 0.5


def test_the_state_at_the_end_leaves_out_what_happens_at_the_end() -> None:
    window = Window(d1, d3, as_of=d8)
    assert wip_at_end([times(("Analysis", d3))], window) == 0
    assert wip_at_end([times(("Analysis", d3 - timedelta(microseconds=1)))], window) == 1
    assert wip_at_end([times(("Analysis", d1), ("Production", d3))], window) == 1


def test_the_week_of_the_fixture_has_the_work_in_process_worked_out_by_hand() -> None:
    assert wip_us(ITEMS, F1_WEEK) == 408 * HOUR_US
    assert wip_average(ITEMS, F1_WEEK) == 408 / 168
    assert wip_at_end(ITEMS, F1_WEEK) == 1
    assert open_items(ITEMS, F1_WEEK.last) == 2
    assert backlog_items(ITEMS, F1_WEEK.last) == 1
    assert entered_doing(ITEMS, F1_WEEK) == 8
    assert left_doing(ITEMS, F1_WEEK) == 7


def test_each_item_of_the_fixture_has_its_share() -> None:
    assert [hours(item) for item in ITEMS] == [96, 120, 24, 48, 48, 0, 72]


@pytest.mark.parametrize(
    ("day", "average"), list(enumerate([0.75, 1.75, 4, 4, 3.75, 1.25, 1.5], start=1))
)
def test_each_day_of_the_fixture_has_its_average(day: int, average: float) -> None:
    assert wip_average(ITEMS, day_window(at(day).date(), UTC, d8)) == average


def test_work_in_process_changes_at_the_instant_of_the_move() -> None:
    item = times(("Analysis", d2), ("Production", d6))
    moments = [d2 - timedelta(microseconds=1), d2, d6 - timedelta(microseconds=1), d6]
    assert [wip_at([item], moment) for moment in moments] == [0, 1, 1, 0]
