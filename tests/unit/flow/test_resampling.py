"""How often the tests cry wolf, how often they see the wolf, and that they say so repeatably."""

import math
from collections import Counter
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow import resampling
from app.flow.resampling import growth_p_value, holm, largest_column_confidence
from tests.strategies import property_test

HOUR_US = 3_600_000_000
rows_of_three = st.lists(st.tuples(*[st.integers(0, 50)] * 3), min_size=1, max_size=5)
increments = st.lists(st.integers(-5, 5), max_size=9)


def exact_confidence(rows: list[tuple[int, ...]]) -> list[Fraction]:
    """Draw every possible resample once."""
    wins = Counter[int]()
    for drawn in product(rows, repeat=len(rows)):
        sums = [sum(column) for column in zip(*drawn, strict=True)]
        if sums.count(max(sums)) == 1:
            wins[sums.index(max(sums))] += 1
    return [Fraction(wins[place], len(rows) ** len(rows)) for place in range(len(rows[0]))]


def exact_p(steps: list[int]) -> float:
    """Give every increment either sign, in every combination."""
    totals = [
        sum(sign * each for sign, each in zip(signs, steps, strict=True))
        for signs in product((1, -1), repeat=len(steps))
    ]
    return sum(total >= sum(steps) for total in totals) / len(totals)


@property_test
@given(rows_of_three)
def test_the_bootstrap_comes_near_to_all_possible_resamples(
    rows: list[tuple[int, ...]],
) -> None:
    for drawn, exact in zip(largest_column_confidence(rows), exact_confidence(rows), strict=True):
        assert drawn == pytest.approx(float(exact), abs=5 * 0.5 / math.sqrt(resampling.RESAMPLES))


@property_test
@given(increments)
def test_the_sign_flips_come_near_to_all_possible_signs(steps: list[int]) -> None:
    exact = exact_p(steps)
    tolerance = 5 * 0.5 / math.sqrt(resampling.SIGN_FLIPS)
    assert growth_p_value(steps) == pytest.approx(exact, abs=tolerance)


@property_test
@given(rows_of_three, st.data())
def test_the_order_of_the_items_does_not_matter(
    rows: list[tuple[int, ...]], data: st.DataObject
) -> None:
    """P11: whoever was delivered first."""
    other = data.draw(st.permutations(rows))
    assert largest_column_confidence(other) == largest_column_confidence(rows)


def test_two_equal_columns_are_neither_the_largest() -> None:
    assert largest_column_confidence([(2, 2, 1), (3, 3, 1)]) == [0.0, 0.0, 0.0]


def test_no_rows_have_no_columns() -> None:
    assert largest_column_confidence([]) == []


@pytest.mark.parametrize("steps", [[], [0, 0, 0]])
def test_a_queue_that_never_changes_does_not_grow(steps: list[int]) -> None:
    assert growth_p_value(steps) == 1.0


def test_a_queue_that_grows_every_day_is_as_unlikely_as_the_test_can_tell() -> None:
    assert growth_p_value([1] * 60) == 1 / (resampling.SIGN_FLIPS + 1)
    assert growth_p_value([-1] * 60) == 1.0


def test_days_without_change_tell_nothing() -> None:
    steps = [3, -1, 2, -2, 1, 1]
    assert growth_p_value([0, *steps, 0, 0]) == growth_p_value(steps)


def test_many_rows_in_groups_give_the_same_confidence_as_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = Random(5)
    rows = [
        tuple(int(rng.lognormvariate(0, 1) * mean) for mean in (HOUR_US, int(1.1 * HOUR_US)))
        for _ in range(400)
    ]
    grouped = largest_column_confidence(rows)
    monkeypatch.setattr(resampling, "MAX_UNITS", len(rows))
    assert grouped == pytest.approx(largest_column_confidence(rows), abs=0.05)
    assert 0.2 < grouped[1] < 1


def test_four_equal_stages_seldom_have_a_longest_one() -> None:
    """The guard's false alarms: about one in a hundred."""
    rng = Random(7)
    alarms = 0
    for _ in range(60):
        rows = [tuple(int(HOUR_US * rng.lognormvariate(0, 1)) for _ in range(4)) for _ in range(40)]
        alarms += max(largest_column_confidence(rows, resamples=400)) >= 0.95
    assert alarms <= 4


def test_a_stage_twice_as_long_is_found_among_a_hundred_items() -> None:
    """The guard's power: about 95 in a hundred."""
    rng = Random(7)
    found = 0
    for _ in range(20):
        rows = [
            tuple(int(size * HOUR_US * rng.lognormvariate(0, 1)) for size in (1, 2, 1, 1))
            for _ in range(100)
        ]
        found += largest_column_confidence(rows, resamples=400)[1] >= 0.95
    assert found >= 16


def queue_increments(load: float, rng: Random, days: int = 56) -> list[int]:
    """Simulate a queue for eight weeks after as many to settle: 2 arrivals a day, finite hands."""
    level, changes = 0, []
    for _ in range(2 * days):
        came, went = poisson(2, rng), poisson(2 / load, rng)
        after = max(0, level + came - went)
        changes.append(after - level)
        level = after
    return changes[-days:]


def poisson(mean: float, rng: Random) -> int:
    passed, events = rng.expovariate(mean), 0
    while passed < 1:
        passed, events = passed + rng.expovariate(mean), events + 1
    return events


@pytest.mark.parametrize("load", [0.7, 0.9])
def test_a_stable_queue_is_seldom_taken_for_a_growing_one(load: float) -> None:
    """Although its level wanders, which a trend test would take for growth."""
    rng = Random(11)
    alarms = sum(growth_p_value(queue_increments(load, rng), flips=999) < 0.05 for _ in range(100))
    assert alarms <= 8


def test_an_overloaded_queue_is_found() -> None:
    rng = Random(11)
    found = sum(growth_p_value(queue_increments(1.6, rng), flips=999) < 0.05 for _ in range(50))
    assert found >= 35


def test_holm_multiplies_the_smallest_most_and_never_lowers() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "c": 0.06, "b": 0.06}
    )
    assert holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}
