"""Flow over time adds up to the flow of the window, and weekly throughput has natural limits."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.buckets import BucketSize, cut, edges
from app.flow.calendar import Window
from app.flow.series import SeriesPoint, full_counts, process_limits, series
from app.flow.summary import summarise
from app.flow.times import item_times
from tests.bucketed import known_items, windows_seen_at_any_time
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US, at, d1
from tests.strategies import Population, populations, property_test, zones

ADDITIVE = ("throughput", "started", "created", "discarded", "reopened", "recompleted", "wip_us")
ITEMS = [item_times(told, F1_STREAM, F1_WEEK.as_of) for told in F1]


def total(points: list[SeriesPoint]) -> dict[str, int]:
    return {name: sum(getattr(point, name) for point in points) for name in ADDITIVE}


def test_the_days_of_the_week_are_those_worked_out() -> None:
    points = series(ITEMS, cut(F1_WEEK, BucketSize.DAY, UTC))
    assert [point.throughput for point in points] == [0, 1, 0, 1, 0, 1, 1]
    assert [point.wip for point in points] == [0.75, 1.75, 4, 4, 3.75, 1.25, 1.5]
    assert [point.wip_at_end for point in points] == [1, 2, 4, 4, 4, 1, 1]
    assert [point.cycle.avg_hours for point in points] == [None, 24, None, 24, None, 96, 120]
    assert points[1].throughput_per_day == 1


def test_the_week_as_one_bucket_is_the_window() -> None:
    (point,) = series(ITEMS, cut(F1_WEEK, BucketSize.WEEK, UTC))
    summary = summarise(ITEMS, F1_WEEK)
    assert (point.cycle, point.lead, point.wip) == (summary.cycle, summary.lead, summary.wip)
    assert (point.throughput, point.wip_us) == (4, 408 * HOUR_US)


@property_test
@given(populations(), windows_seen_at_any_time(), zones())
def test_a_week_is_the_sum_of_its_days(
    population: Population, window: Window, tz: ZoneInfo
) -> None:
    """P3, P4, P15: counts and integrals of each week are the sums of those of its days."""
    items = known_items(population, window)
    days = series(items, cut(window, BucketSize.DAY, tz))
    for week in series(items, cut(window, BucketSize.WEEK, tz)):
        inside = [day for day in days if week.bucket.start <= day.bucket.start < week.bucket.end]
        assert total(inside) == total([week])
        assert inside[-1].wip_at_end == week.wip_at_end


@property_test
@given(populations(), windows_seen_at_any_time(), zones(), st.sampled_from(BucketSize))
def test_every_event_falls_into_exactly_one_bucket(
    population: Population, window: Window, tz: ZoneInfo, size: BucketSize
) -> None:
    """P3, P15: whatever the zone, nothing is lost and nothing counted twice."""
    items = known_items(population, window)
    summary = summarise(items, window)
    points = series(items, cut(window, size, tz))
    assert total(points) == {name: getattr(summary, name) for name in ADDITIVE}
    assert points[-1].wip_at_end == summary.wip_at_end


def test_limits_follow_from_the_differences_of_successive_weeks() -> None:
    limits = process_limits([4, 6, 5, 7, 3, 5, 6, 4, 5, 5])
    assert limits is not None
    assert (limits.mean, limits.points) == (5, 10)
    assert (limits.lower, limits.upper) == pytest.approx((5 - 2.66 * 15 / 9, 5 + 2.66 * 15 / 9))


def test_the_lower_limit_is_never_below_zero() -> None:
    limits = process_limits([0, 9] * 5)
    assert limits is not None
    assert limits.lower == 0


def test_a_steady_process_has_no_room_to_vary() -> None:
    limits = process_limits([3] * 12)
    assert limits is not None
    assert (limits.lower, limits.mean, limits.upper) == (3, 3, 3)


def test_nine_weeks_have_no_limits() -> None:
    assert process_limits([5] * 9) is None


def test_limits_rest_on_whole_weeks_since_the_first_item_alone() -> None:
    window = Window(at(2), at(24), as_of=at(24))
    points = series(ITEMS, cut(window, BucketSize.WEEK, UTC))
    assert [point.bucket.partial for point in points] == [True, False, False, True]
    assert full_counts(points, d1) == [0, 0]
    assert full_counts(points, at(9)) == [0]
    assert full_counts(points, None) == []


def test_a_window_of_one_microsecond_is_a_bucket_like_any_other() -> None:
    instant = datetime(2025, 3, 4, 6, tzinfo=UTC)  # item D is finished
    window = Window(instant, instant + timedelta(microseconds=1), as_of=instant)
    (point,) = series(ITEMS, cut(window, BucketSize.DAY, UTC))
    assert (point.throughput, point.bucket.partial) == (1, True)
    assert edges([point.bucket]) == [window.start, window.end]
