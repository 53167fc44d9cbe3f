"""Percentiles as PostgreSQL computes them, and how much a small sample can say."""

import statistics
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.percentile import low_confidence, mean, percentile_cont
from tests.strategies import property_test

samples = st.lists(st.integers(0, 10**12).map(lambda us: us / 1e6), min_size=1, max_size=40)


def test_an_empty_sample_has_no_percentile_and_no_mean() -> None:
    assert percentile_cont([], 0.5) is None
    assert mean([]) is None


def test_one_value_is_every_percentile_and_the_mean() -> None:
    """P8: n = 1."""
    assert [percentile_cont([7.5], p) for p in (0, 0.5, 0.85, 0.95, 1)] == [7.5] * 5
    assert mean([7.5]) == 7.5


def test_zero_is_a_value() -> None:
    assert percentile_cont([0.0], 0.5) == 0.0
    assert mean([0.0, 0.0]) == 0.0


def test_the_median_of_two_lies_between_them() -> None:
    assert percentile_cont([10.0, 20.0], 0.5) == 15.0


def test_the_order_of_the_values_does_not_matter() -> None:
    assert percentile_cont([96, 120, 24, 24], 0.5) == 60
    assert percentile_cont([96, 120, 24, 24], 0.85) == pytest.approx(109.2, rel=1e-9)
    assert percentile_cont([96, 120, 24, 24], 0.95) == pytest.approx(116.4, rel=1e-9)


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_a_percentile_outside_zero_to_one_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile_cont([1.0], p)


@property_test
@given(samples)
def test_percentiles_ascend_between_the_extremes(values: list[float]) -> None:
    """P8: min <= p50 <= p85 <= p95 <= max, up to the last bit of the interpolation."""
    found = [percentile_cont(values, p) for p in (0.5, 0.85, 0.95)]
    ladder = [min(values), *(value for value in found if value is not None), max(values)]
    assert len(ladder) == 5
    for lower, upper in pairwise(ladder):
        assert lower <= upper or lower == pytest.approx(upper, rel=1e-12)


@property_test
@given(samples, st.integers(1, 99))
def test_the_standard_library_agrees(values: list[float], percent: int) -> None:
    """P8: the inclusive method of statistics.quantiles is the same definition."""
    if len(values) == 1:
        expected = values[0]
    else:
        expected = statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
    assert percentile_cont(values, percent / 100) == pytest.approx(expected, rel=1e-9)


@property_test
@given(samples)
def test_the_mean_is_the_exact_one_rounded_at_most_twice(values: list[float]) -> None:
    exact = sum(map(Fraction, values)) / len(values)
    assert mean(values) == pytest.approx(float(exact), rel=1e-15)


@pytest.mark.parametrize(
    ("n", "doubtful"),
    [
        (0, []),
        (1, ["p85", "p95"]),
        (6, ["p85", "p95"]),
        (7, ["p95"]),
        (19, ["p95"]),
        (20, []),
    ],
)
def test_small_samples_name_the_percentiles_they_cannot_support(
    n: int, doubtful: list[str]
) -> None:
    assert low_confidence(n) == doubtful


@pytest.mark.parametrize(("percent", "name"), [(85, "p85"), (95, "p95")])
def test_a_percentile_is_doubtful_exactly_while_its_nearest_rank_is_the_last(
    percent: int, name: str
) -> None:
    for n in range(1, 60):
        nearest_rank = -(-percent * n // 100)
        assert (name in low_confidence(n)) == (nearest_rank == n)
