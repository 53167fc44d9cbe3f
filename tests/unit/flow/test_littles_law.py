"""Little's law holds exactly when everything is counted, and roughly when little else goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.work_item import ItemHistory
from app.flow.calendar import Window
from app.flow.littles_law import LittlesLaw, Verdict, littles_law
from app.flow.times import item_times
from app.flow.wip import wip_us
from tests.bucketed import known_items, windows_seen_at_any_time
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US, at, history
from tests.strategies import Population, forward_histories, populations, property_test

WEEK = littles_law([item_times(told, F1_STREAM, F1_WEEK.as_of) for told in F1], F1_WEEK)


def steady(days: int, cycle_days: float) -> LittlesLaw:
    """Start one item each day, each takes as long; look at the middle of it."""
    told = [
        history(("Analysis", at(day)), ("Production", at(day) + timedelta(days=cycle_days)))
        for day in range(1, 4 * days)
    ]
    window = Window(at(days), at(2 * days), as_of=at(4 * days))
    return littles_law([item_times(each, F1_STREAM) for each in told], window)


def test_the_terms_of_the_week_are_those_worked_out() -> None:
    assert WEEK.wip_us == 408 * HOUR_US
    assert (WEEK.exited_us, WEEK.reentered_us) == (408 * HOUR_US, 72 * HOUR_US)
    assert (WEEK.residence_at_start_us, WEEK.residence_at_end_us) == (0, 72 * HOUR_US)
    assert WEEK.balanced


def test_the_gap_of_the_week_is_that_worked_out() -> None:
    assert WEEK.avg_wip == pytest.approx(408 / 168)
    assert WEEK.throughput_per_day == pytest.approx(4 / 7)
    assert WEEK.avg_cycle_time_days == 2.75
    assert WEEK.predicted_wip == pytest.approx(4 / 168 * 66)
    assert WEEK.gap == pytest.approx(-0.353, abs=0.0005)


def test_the_week_meets_none_of_the_assumptions_and_is_too_short_for_a_verdict() -> None:
    assert {each.name: each.value for each in WEEK.assumptions} == {
        "arrivals_equal_departures": 1 / 8,
        "wip_unchanged": 168 / 408,
        "age_unchanged": 72 / 408,
        "little_discarded": 1 / 5,
        "consistent_units": 0,
    }
    assert [each.holds for each in WEEK.assumptions] == [False, False, False, False, True]
    assert not WEEK.meaningful
    assert WEEK.verdict is None


def test_the_law_holds_in_a_steady_flow() -> None:
    law = steady(days=30, cycle_days=3)
    assert law.gap == pytest.approx(0)
    assert law.meaningful
    assert law.verdict is Verdict.HOLDS
    assert all(each.holds for each in law.assumptions)


def test_a_window_shorter_than_two_cycle_times_has_no_verdict() -> None:
    assert steady(days=20, cycle_days=10).meaningful
    assert not steady(days=20, cycle_days=10.01).meaningful


def test_work_that_only_piles_up_is_ageing() -> None:
    law = replace(steady(days=30, cycle_days=3), wip_us=200 * 24 * HOUR_US)
    assert law.verdict is Verdict.AGEING


def test_work_that_runs_out_is_draining() -> None:
    law = replace(steady(days=30, cycle_days=3), wip_us=50 * 24 * HOUR_US)
    assert law.verdict is Verdict.DRAINING


def test_a_window_in_which_nothing_happened_predicts_nothing() -> None:
    law = littles_law([], F1_WEEK)
    assert (law.avg_wip, law.throughput_per_day) == (0, 0)
    assert (law.avg_cycle_time_days, law.predicted_wip, law.gap, law.verdict) == (None,) * 4
    assert law.balanced
    assert {each.value for each in law.assumptions[:4]} == {None}
    assert all(each.holds for each in law.assumptions)


def test_items_that_went_straight_to_done_have_a_cycle_time_but_no_gap() -> None:
    told = item_times(history(("Production", at(2))), F1_STREAM)
    law = littles_law([told], F1_WEEK)
    assert (law.avg_cycle_time_days, law.avg_wip, law.gap) == (0, 0, None)


@property_test
@given(populations(), windows_seen_at_any_time())
def test_the_time_spent_in_process_always_balances(population: Population, window: Window) -> None:
    """P16: for any history and any window, to the microsecond."""
    law = littles_law(known_items(population, window), window)
    assert law.balanced
    assert law.wip_at_end - law.wip_at_start == law.entered - law.left


@property_test
@given(st.lists(forward_histories(), max_size=5), windows_seen_at_any_time())
def test_on_forward_work_the_gap_is_the_growth_of_age_and_what_was_discarded(
    told: list[ItemHistory], window: Window
) -> None:
    """P16, P21: integral of WIP = cycle times + ages at discard + growth of total age."""
    items = known_items(Population(F1_STREAM, tuple(told)), window)
    law = littles_law(items, window)
    at_discard = sum(
        (item.discarded - item.started) // timedelta.resolution
        for item in items
        if item.discarded is not None and item.started is not None and item.discarded in window
    )
    assert law.reentered_us == 0
    assert law.exited_us == law.cycle_sum_us + at_discard
    assert wip_us(items, window) == law.exited_us + law.residence_change_us
