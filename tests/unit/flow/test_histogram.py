"""Durations in bins whose width follows the data."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.histogram import MOST_BINS, US_PER_HOUR, Bin, histogram, hourly

property_sample = st.lists(st.integers(0, 20_000 * US_PER_HOUR), max_size=80)
WIDTHS = {1, 2, 4, 8, 12, 24, 48, 72, 168, 336, 672, *(672 * 2**n for n in range(1, 12))}


def of_hours(*hours: float) -> list[int]:
    return [int(each * US_PER_HOUR) for each in hours]


def test_the_cycle_times_of_the_week_fall_into_bins_of_two_days() -> None:
    """By Freedman and Diaconis 2 * 72 / ∛4 = 90.7 h, by Sturges 120 / 3 = 40 h, which is finer."""
    found = histogram(hourly(of_hours(24, 24, 96, 120)))
    assert found.width_hours == 48
    assert found.bins == (Bin(0, 48, 2), Bin(48, 96, 0), Bin(96, 144, 2))


def test_the_bins_of_a_hundred_items_show_their_shape() -> None:
    """By Freedman and Diaconis 2 * 50 / ∛100 = 21.5 h, by Sturges 100 / 7.64 = 13.1 h: days."""
    found = histogram(hourly(of_hours(*range(1, 101))))
    assert found.width_hours == 24
    assert [each.count for each in found.bins] == [23, 24, 24, 24, 5]


def test_nothing_finished_makes_no_bins() -> None:
    found = histogram({})
    assert (found.width_hours, found.bins, found.count) == (None, (), 0)


def test_a_single_duration_of_zero_is_one_bin_of_an_hour() -> None:
    assert histogram(hourly([0])).bins == (Bin(0, 1, 1),)


def test_a_duration_on_an_edge_lies_in_the_bin_above() -> None:
    found = histogram(hourly(of_hours(*[1] * 7, 0.999)))
    assert found.bins == (Bin(0, 1, 1), Bin(1, 2, 7))


def test_bins_without_durations_are_listed() -> None:
    found = histogram(hourly(of_hours(0, 0, 0, 3)))
    assert [each.count for each in found.bins] == [3, 0, 0, 1]


@pytest.mark.parametrize(("longest", "width"), [(59, 1), (60, 2), (8760, 168), (87_600, 2688)])
def test_a_far_outlier_widens_the_bins_until_sixty_suffice(longest: int, width: int) -> None:
    found = histogram(hourly(of_hours(*[1] * 20, longest)))
    assert found.width_hours == width
    assert len(found.bins) <= MOST_BINS


@given(property_sample)
def test_bins_are_adjacent_and_hold_every_duration_once(sample: list[int]) -> None:
    found = histogram(hourly(sample))
    assert found.count == sum(each.count for each in found.bins) == len(sample)
    assert [each.from_hours for each in found.bins] == [
        place * (found.width_hours or 0) for place in range(len(found.bins))
    ]
    assert all(each.to_hours - each.from_hours == found.width_hours for each in found.bins)
    for each in found.bins:
        low, high = each.from_hours * US_PER_HOUR, each.to_hours * US_PER_HOUR
        assert each.count == sum(low <= duration < high for duration in sample)
    if sample:
        assert found.bins[-1].count > 0
        assert found.width_hours in WIDTHS
        assert len(found.bins) <= MOST_BINS


@given(property_sample)
def test_the_histogram_depends_on_nothing_but_the_counts_by_hour(sample: list[int]) -> None:
    by_hour = hourly(sample)
    assert histogram(dict(reversed(by_hour.items()))) == histogram(Counter(by_hour))
