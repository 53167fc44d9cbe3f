"""Promises by order statistics, and whether they were kept."""

import math
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.value_stream import ServiceLevel
from app.flow.calendar import MICROSECOND, Window
from app.flow.expectation import (
    Verdict,
    attainment,
    beta_cdf,
    beta_quantile,
    clopper_pearson,
    expectation,
    predictability,
    present_sample,
    sample_window,
    stated_level,
)
from app.flow.times import item_times
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US, d1, d8
from tests.strategies import Population, populations, property_test, windows

P85, P95 = Fraction(85, 100), Fraction(95, 100)
cycle_times = st.lists(st.integers(0, 10**12), max_size=60)
shares = st.fractions(Fraction(1, 100), Fraction(999, 1000))


def at_most(hits: int, n: int, p: float) -> float:
    """The probability of at most so many hits, summed term by term."""
    return math.fsum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(hits + 1))


def finished_in(population: Population, window: Window) -> list[int]:
    known = [item_times(told, population.stream, window.as_of) for told in population.histories]
    return [item.cycle_us or 0 for item in known if item.finished in window]


@pytest.mark.parametrize(("p", "needed"), [(P85, 6), (P95, 19), (Fraction(1, 2), 1)])
def test_a_promise_needs_so_many_items_that_one_more_could_keep_it(
    p: Fraction, needed: int
) -> None:
    assert expectation(range(needed - 1), p).limit_us is None
    stated = expectation(range(needed), p)
    assert (stated.limit_us, stated.needed, stated.sample_size) == (needed - 1, needed, needed)


@pytest.mark.parametrize(
    ("n", "rank"), [(6, 6), (7, 7), (12, 12), (13, 12), (19, 17), (20, 18), (99, 85), (100, 86)]
)
def test_the_promise_is_the_value_whose_rank_leaves_room_for_the_next_item(
    n: int, rank: int
) -> None:
    assert expectation(range(1, n + 1)).limit_us == rank


def test_the_rank_is_exact_where_floats_are_not() -> None:
    """0.7 * 90 is 62.99999999999999 in floats: the rank would be right by luck alone."""
    assert expectation(range(1, 90), Fraction(7, 10)).limit_us == 63
    assert expectation(range(1, 90), Fraction(str(0.7))).limit_us == 63


def test_four_finished_items_of_the_week_support_no_promise_at_85_percent() -> None:
    sample = finished_in(Population(F1_STREAM, F1), present_sample(F1_WEEK.as_of))
    assert sorted(sample) == [hours * HOUR_US for hours in (24, 24, 96, 120)]
    assert expectation(sample).limit_us is None
    half = expectation(sample, Fraction(1, 2))  # rank ⌈5/2⌉ = 3 of 4
    assert half.limit_us == 96 * HOUR_US


@property_test
@given(cycle_times, shares)
def test_a_promise_is_a_value_of_the_sample_that_enough_of_it_keeps(
    sample: list[int], p: Fraction
) -> None:
    stated = expectation(sample, p)
    if stated.limit_us is None:
        assert len(sample) < stated.needed
        return
    assert stated.limit_us in sample
    assert sum(cycle <= stated.limit_us for cycle in sample) >= p * (len(sample) + 1)


@property_test
@given(cycle_times)
def test_a_surer_promise_is_a_longer_one(sample: list[int]) -> None:
    limits = [expectation(sample, p).limit_us for p in (Fraction(1, 2), P85, P95)]
    given_ones = [limit for limit in limits if limit is not None]
    assert given_ones == sorted(given_ones)
    assert limits[: len(given_ones)] == given_ones


@pytest.mark.parametrize("p", [Fraction(0), Fraction(1), Fraction(3, 2)])
def test_certainty_cannot_be_promised(p: Fraction) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        expectation([1], p)


@property_test
@given(populations(), windows())
def test_items_that_are_never_finished_change_no_promise(
    population: Population, window: Window
) -> None:
    """P24: cancelled and never started items are not in the sample."""
    done = tuple(
        told
        for told in population.histories
        if item_times(told, population.stream, window.as_of).finished is not None
    )
    sample = sample_window(window.start, window.as_of)
    only = finished_in(Population(population.stream, done), sample)
    assert expectation(only) == expectation(finished_in(population, sample))


def test_the_sample_ends_where_the_promise_begins() -> None:
    before = sample_window(d1, d8)
    assert (before.start, before.end, before.as_of) == (d1 - timedelta(days=90), d1, d8)
    assert d1 - MICROSECOND in before
    assert d1 not in before
    assert d8 in present_sample(d8)
    assert d8 + MICROSECOND not in present_sample(d8)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 10, 0, 0.3084971),
        (4, 10, 0.1215523, 0.7376219),
        (17, 20, 0.6210732, 0.9679291),
        (10, 10, 0.6915029, 1),
        (1, 1, 0.025, 1),
        (85, 100, 0.7646925, 0.9135456),
    ],
)
def test_intervals_are_those_of_the_published_tables(
    hits: int, n: int, low: float, high: float
) -> None:
    assert clopper_pearson(hits, n) == pytest.approx((low, high), abs=6e-8)


@property_test
@given(st.integers(1, 200), st.data())
def test_at_the_ends_of_an_interval_what_was_seen_is_as_rare_as_agreed(
    n: int, data: st.DataObject
) -> None:
    """The definition itself, by summing binomial probabilities."""
    hits = data.draw(st.integers(0, n))
    low, high = clopper_pearson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    if hits:
        assert 1 - at_most(hits - 1, n, low) == pytest.approx(0.025, rel=1e-6)
    if hits < n:
        assert at_most(hits, n, high) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(("hits", "n"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_an_interval_of_what_cannot_have_been_seen_is_refused(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        clopper_pearson(hits, n)


def test_the_interval_of_a_million_items_is_narrow_and_right() -> None:
    low, high = clopper_pearson(850_000, 1_000_000)
    standard_error = math.sqrt(0.85 * 0.15 / 1_000_000)
    assert high - low == pytest.approx(2 * 1.959964 * standard_error, rel=1e-2)


@pytest.mark.parametrize(
    ("x", "a", "b", "value"),
    [
        (0.3, 1, 1, 0.3),
        (0.5, 4, 4, 0.5),
        (0.5, 0.5, 0.5, 0.5),
        (0.25, 2, 1, 0.0625),
        (0.25, 1, 2, 0.4375),
        (0.9, 2, 3, 0.9963),
        (0, 2, 3, 0),
        (1, 2, 3, 1),
    ],
)
def test_the_incomplete_beta_function_has_its_closed_values(
    x: float, a: float, b: float, value: float
) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(value, rel=1e-12)


@property_test
@given(st.floats(0.001, 0.999), st.floats(0.5, 300), st.floats(0.5, 300))
def test_the_quantile_is_the_inverse(p: float, a: float, b: float) -> None:
    x = beta_quantile(p, a, b)
    if 1e-9 < x < 1 - 1e-9:
        assert beta_cdf(x, a, b) == pytest.approx(p, rel=1e-6)


@property_test
@given(st.lists(st.floats(0, 1), min_size=2), st.floats(0.5, 50), st.floats(0.5, 50))
def test_the_incomplete_beta_function_rises(xs: list[float], a: float, b: float) -> None:
    values = [beta_cdf(x, a, b) for x in sorted(xs)]
    assert all(low <= high + 1e-12 for low, high in pairwise(values))


def test_a_promise_kept_by_few_enough_of_many_is_unpredictable() -> None:
    stated = expectation(range(100))  # 85 of 100 values are at most 85
    kept = attainment(stated, [85] * 17 + [86] * 3)
    assert (kept.within, kept.share, kept.verdict) == (17, 0.85, Verdict.PREDICTABLE)
    broken = attainment(stated, [85] * 12 + [86] * 8)
    assert broken.share == 0.6
    assert broken.interval == pytest.approx((0.3605426, 0.8088099), abs=1e-6)
    assert broken.verdict is Verdict.UNPREDICTABLE


def test_a_promise_kept_better_than_made_is_predictable() -> None:
    assert attainment(expectation(range(100)), [1] * 500).verdict is Verdict.PREDICTABLE


def test_without_a_promise_or_without_items_there_is_no_share() -> None:
    none = attainment(expectation([1, 2]), [1, 2, 3])
    assert (none.within, none.share, none.interval) == (None, None, None)
    assert none.verdict is Verdict.NO_EXPECTATION
    idle = attainment(expectation(range(10)), [])
    assert (idle.within, idle.share, idle.interval) == (0, None, None)
    assert idle.verdict is Verdict.NOTHING_FINISHED


@pytest.mark.parametrize(
    ("cycles", "spread"), [([], None), ([0, 0, 0], None), ([7], 1.0), ([24, 24, 96, 120], 1.82)]
)
def test_the_spread_is_p85_over_p50(cycles: list[int], spread: float | None) -> None:
    """109.2 / 60 of the example week; nothing can be said where half took no time."""
    found = predictability(expectation([]), [hours * HOUR_US for hours in cycles]).spread
    assert found == (spread and pytest.approx(spread, rel=1e-12))


def test_a_stated_service_level_is_kept_by_at_least_its_share() -> None:
    level = ServiceLevel(50, 96)
    cycles = [hours * HOUR_US for hours in (24, 24, 96, 120)]
    found = stated_level(level, cycles)
    assert (found.finished, found.within, found.share, found.is_kept) == (4, 3, 0.75, True)
    assert stated_level(ServiceLevel(76, 96), cycles).is_kept is False
    assert stated_level(ServiceLevel(75, 96), cycles).is_kept is True
    assert stated_level(level, []).is_kept is None
