"""All core metrics of a window, side by side."""

from datetime import timedelta

import pytest

from app.domain.value_stream import DEFAULT_STREAM
from app.flow.calendar import Window, explicit_window, rolling_window
from app.flow.summary import DurationSummary, FlowSummary, summarise
from app.flow.times import item_times
from tests.fixture_f1 import (
    CANCELLED,
    F1,
    F1_STREAM,
    F1_WEEK,
    HOUR_US,
    d1,
    d4,
    d5,
    d8,
    history,
)

WEEK = summarise([item_times(told, F1_STREAM, F1_WEEK.as_of) for told in F1], F1_WEEK)


def test_the_facts_of_the_fixture_are_those_worked_out_by_hand() -> None:
    assert (
        FlowSummary(
            throughput=4,
            started=6,
            created=7,
            discarded=1,
            discarded_started=1,
            reopened=1,
            recompleted=1,
            decommits=1,
            wip_us=408 * HOUR_US,
            window_us=168 * HOUR_US,
            wip_now=1,
            wip_at_end=1,
            open_items=2,
            backlog_items=1,
            cycle=WEEK.cycle,
            lead=WEEK.lead,
            parked_us=0,
        )
        == WEEK
    )
    assert (WEEK.cycle.count, WEEK.cycle.sum_us) == (4, 264 * HOUR_US)
    assert (WEEK.lead.count, WEEK.lead.sum_us) == (4, 318 * HOUR_US)


def test_the_derived_figures_of_the_fixture_are_those_worked_out_by_hand() -> None:
    assert WEEK.net_completed == 4
    assert WEEK.discarded_unstarted == 0
    assert WEEK.throughput_per_day == pytest.approx(4 / 7, rel=1e-12)
    assert WEEK.wip == pytest.approx(2.428571, abs=5e-7)
    assert WEEK.cycle_time_avg == 66
    assert WEEK.cycle_time_p50 == 60
    assert WEEK.cycle_time_p85 == pytest.approx(109.2, rel=1e-9)
    assert WEEK.cycle_time_p95 == pytest.approx(116.4, rel=1e-9)
    assert WEEK.lead_time_avg == 79.5
    assert WEEK.lead_time_p50 == 75
    assert WEEK.lead_time_p85 == pytest.approx(133.2, rel=1e-9)
    assert WEEK.lead_time_p95 == pytest.approx(140.4, rel=1e-9)
    assert WEEK.low_confidence == ["p85", "p95"]


def test_a_window_in_which_nothing_happened_has_counts_of_zero_and_no_durations() -> None:
    empty = summarise([], F1_WEEK)
    assert empty.throughput == empty.net_completed == empty.wip_us == 0
    assert empty.wip == empty.throughput_per_day == 0
    assert empty.cycle == empty.lead == DurationSummary(0, 0, None, None, None)
    assert empty.cycle_time_avg is None
    assert empty.cycle_time_p95 is None
    assert empty.lead_time_p50 is None
    assert empty.low_confidence == []


def test_a_duration_of_zero_is_a_duration() -> None:
    item = item_times(history(("Production", d4)), DEFAULT_STREAM)
    summary = summarise([item], F1_WEEK)
    assert summary.cycle == DurationSummary(1, 0, 0.0, 0.0, 0.0)
    assert summary.cycle_time_avg == summary.cycle_time_p50 == 0


def test_one_duration_is_its_own_average_and_percentiles() -> None:
    one = DurationSummary.of([90 * 60 * 1_000_000])
    assert {one.avg_hours, one.p50_hours, one.p85_hours, one.p95_hours} == {1.5}


def test_durations_are_not_rounded() -> None:
    assert DurationSummary.of([1, 2]).sum_us == 3
    assert DurationSummary.of([1, 2]).p50 == 1.5e-6


def test_parked_time_is_summed_over_the_items_finished_in_the_window() -> None:
    moves = (("Analysis", d1), ("Backlog", d4), ("Analysis", d5))
    window = Window(d1, d8, as_of=d8)
    unfinished = item_times(history(*moves), DEFAULT_STREAM)
    finished = item_times(history(*moves, ("Production", d5)), DEFAULT_STREAM)
    assert summarise([unfinished], window).parked_us == 0
    assert summarise([finished], window).parked_us == 24 * HOUR_US


def test_the_state_now_is_as_of_now_and_the_state_at_the_end_is_of_the_window() -> None:
    window = explicit_window(d1, d4, as_of=d8)
    summary = summarise([item_times(CANCELLED, F1_STREAM, window.as_of)], window)
    assert (summary.wip_now, summary.wip_at_end) == (0, 1)


def test_in_a_rolling_window_the_state_now_is_the_state_at_the_end() -> None:
    window = rolling_window(as_of=d5, days=2)
    summary = summarise([item_times(told, F1_STREAM, window.as_of) for told in F1], window)
    assert summary.wip_now == summary.wip_at_end


def test_the_open_microsecond_of_now_counts() -> None:
    window = explicit_window(d1, d8, as_of=d4)
    item = item_times(history(("Analysis", d4)), DEFAULT_STREAM, window.as_of)
    assert summarise([item], window).wip_us == 1


def test_items_may_come_from_a_generator() -> None:
    items = (item_times(told, F1_STREAM, F1_WEEK.as_of) for told in F1)
    assert summarise(items, F1_WEEK) == WEEK


def test_half_the_window_has_half_the_days() -> None:
    window = Window(d1, d1 + timedelta(hours=12), as_of=d8)
    item = item_times(history(("Production", d1)), DEFAULT_STREAM)
    assert summarise([item], window).throughput_per_day == 2
