"""What counts as in and out, in which window, and how often."""

from datetime import UTC, datetime

import pytest

from app.domain.value_stream import DEFAULT_STREAM
from app.flow import throughput as flow
from app.flow.calendar import Window, day_window
from app.flow.times import ItemTimes, item_times
from tests.fixture_f1 import F1, F1_WEEK, at, d1, d2, d3, d4, d5, d6, d8, history

ITEMS = tuple(item_times(told, DEFAULT_STREAM) for told in F1)


def times(*moves: tuple[str, datetime], cancelled: datetime | None = None) -> ItemTimes:
    return item_times(history(*moves, cancelled=cancelled), DEFAULT_STREAM)


def window(start: datetime, end: datetime) -> Window:
    return Window(start, end, as_of=d8)


REOPENED_TWICE = times(
    ("Analysis", d1),
    ("Production", d2),
    ("Testing", d3),
    ("Production", d4),
    ("Testing", d5),
    ("Production", d6),
)


def test_a_reopened_item_counts_once() -> None:
    assert flow.throughput([REOPENED_TWICE], F1_WEEK) == 1
    assert flow.throughput([REOPENED_TWICE], window(d3, d8)) == 0


def test_each_return_to_done_is_a_recompletion() -> None:
    assert flow.reopened([REOPENED_TWICE], F1_WEEK) == 2
    assert flow.recompleted([REOPENED_TWICE], F1_WEEK) == 2
    assert flow.net_completed([REOPENED_TWICE], F1_WEEK) == 1


def test_more_reopened_than_completed_is_a_negative_net() -> None:
    assert flow.net_completed([REOPENED_TWICE], window(d3, d4)) == -1


def test_an_item_finished_at_the_edge_belongs_to_the_later_window() -> None:
    item = times(("Analysis", d1), ("Production", d2))
    assert flow.throughput([item], window(d1, d2)) == 0
    assert flow.throughput([item], window(d2, d3)) == 1


def test_an_item_that_enters_directly_in_done_is_created_started_and_finished() -> None:
    item = times(("Production", d2))
    for count in (flow.created, flow.started, flow.throughput):
        assert count([item], window(d2, d3)) == 1


def test_an_item_that_enters_late_is_started_when_it_is_created() -> None:
    item = times(("Testing", d3), ("Production", d4))
    assert flow.created([item], window(d3, d4)) == 1
    assert flow.started([item], window(d3, d4)) == 1


def test_an_item_that_passes_through_in_an_instant_counts() -> None:
    item = times(("Backlog", d2), ("Analysis", d2), ("Production", d2))
    assert flow.throughput([item], window(d2, d3)) == 1


def test_a_cancelled_item_is_discarded_and_never_completed() -> None:
    item = times(("Backlog", d1), ("Analysis", d2), cancelled=d3)
    assert flow.discarded([item], F1_WEEK) == 1
    assert flow.discarded_started([item], F1_WEEK) == 1
    assert flow.throughput([item], F1_WEEK) == 0


def test_an_item_cancelled_before_its_start_is_discarded_unstarted() -> None:
    item = times(("Backlog", d1), cancelled=d3)
    assert flow.discarded([item], F1_WEEK) == 1
    assert flow.discarded_started([item], F1_WEEK) == 0


def test_cancelling_a_finished_item_discards_nothing() -> None:
    item = times(("Analysis", d1), ("Production", d2), cancelled=d3)
    assert flow.discarded([item], F1_WEEK) == 0
    assert flow.throughput([item], F1_WEEK) == 1


def test_giving_up_reopened_work_discards_nothing() -> None:
    item = times(("Analysis", d1), ("Production", d2), ("Testing", d3), cancelled=d4)
    assert flow.discarded([item], F1_WEEK) == 0


def test_an_item_started_again_after_parking_is_started_once() -> None:
    item = times(("Analysis", d1), ("Backlog", d2), ("Analysis", d3))
    assert flow.started([item], F1_WEEK) == 1
    assert flow.started([item], window(d3, d4)) == 0
    assert flow.decommits([item], F1_WEEK) == 1


def test_being_sent_back_within_process_is_no_decommit() -> None:
    item = times(("Analysis", d1), ("Testing", d2), ("Analysis", d3))
    assert flow.decommits([item], F1_WEEK) == 0


def test_a_backdated_finish_counts_on_the_day_it_happened() -> None:
    item = times(("Analysis", d1), ("Deployment", d6), ("Production", d4))
    assert flow.throughput([item], window(d4, d5)) == 1
    assert flow.reopened([item], window(d6, d8)) == 1


def test_nothing_is_counted_where_there_is_nothing() -> None:
    assert flow.throughput([], F1_WEEK) == 0
    assert flow.net_completed([], F1_WEEK) == 0


def test_the_week_of_the_fixture_counts_as_worked_out_by_hand() -> None:
    counts = {
        flow.throughput: 4,
        flow.started: 6,
        flow.created: 7,
        flow.discarded: 1,
        flow.discarded_started: 1,
        flow.reopened: 1,
        flow.recompleted: 1,
        flow.net_completed: 4,
        flow.decommits: 1,
    }
    for count, expected in counts.items():
        assert count(ITEMS, F1_WEEK) == expected, count.__name__


@pytest.mark.parametrize(("day", "finished"), list(enumerate([0, 1, 0, 1, 0, 1, 1], start=1)))
def test_each_day_of_the_fixture_has_its_throughput(day: int, finished: int) -> None:
    assert flow.throughput(ITEMS, day_window(at(day).date(), UTC, d8)) == finished
