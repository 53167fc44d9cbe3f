"""Percentiles of sorted runs are those of the whole sample."""

from array import array
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.percentile import percentile_cont
from app.flow.runs import Run, percentiles_of_runs, ranked
from tests.strategies import property_test

FRACTIONS = (0.0, 0.5, 0.85, 0.95, 1.0)


def as_runs(samples: list[list[int]]) -> list[Run]:
    return [array("q", sorted(sample)) for sample in samples]


@property_test
@given(st.lists(st.lists(st.integers(0, 10**15), max_size=40), max_size=8))
def test_runs_give_the_percentiles_of_all_their_values(samples: list[list[int]]) -> None:
    values = [float(value) for sample in samples for value in sample]
    expected = [percentile_cont(values, fraction) for fraction in FRACTIONS]
    for found, wanted in zip(
        percentiles_of_runs(as_runs(samples), FRACTIONS), expected, strict=True
    ):
        assert found == (wanted and pytest.approx(wanted, rel=1e-12))


@property_test
@given(
    st.integers(1, 60),
    st.integers(1025, 5000),
    st.sampled_from([1, 7, 10**12]),
    st.integers(0, 2**32),
)
def test_long_runs_are_not_sorted_again_and_give_the_same(
    parts: int, n: int, spread: int, seed: int
) -> None:
    """Also where most values are equal, or one run holds nearly all of them."""
    random = Random(seed)
    samples: list[list[int]] = [[] for _ in range(parts)]
    for _ in range(n):
        samples[min(parts - 1, int(random.expovariate(1.0)))].append(random.randrange(spread))
    values = sorted(value for sample in samples for value in sample)
    for fraction in FRACTIONS:
        [found] = percentiles_of_runs(as_runs(samples), [fraction])
        expected = percentile_cont([float(value) for value in values], fraction)
        assert found == (expected and pytest.approx(expected, rel=1e-12))


@property_test
@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([1, 7, 10**12]), st.integers())
def test_two_runs_of_any_lengths_give_the_values_of_their_ranks(
    one: int, other: int, spread: int, seed: int
) -> None:
    random = Random(seed)
    runs = as_runs([[random.randrange(spread) for _ in range(n)] for n in (one, other)])
    values = sorted(value for run in runs for value in run)
    for rank in {0, one // 2, one - 1, one, one + other - 1, random.randrange(one + other)}:
        assert ranked(runs, rank) == values[rank]


def test_no_values_have_no_percentiles() -> None:
    assert percentiles_of_runs([], [0.5]) == [None]
    assert percentiles_of_runs([array("q")], [0.5, 0.9]) == [None, None]
