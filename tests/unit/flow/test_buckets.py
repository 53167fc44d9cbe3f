"""Days, weeks and months make up the window, whatever the zone does to its clock."""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidValue
from app.flow.buckets import MAX_BUCKETS, Bucket, BucketSize, cut, edges
from app.flow.calendar import Window, local_day
from tests.bucketed import windows_seen_at_any_time
from tests.fixture_f1 import F1_WEEK, at
from tests.strategies import property_test, zones


def between(start: datetime, end: datetime) -> Window:
    return Window(start, end, as_of=end)


def labels(window: Window, size: BucketSize, tz: tzinfo = UTC) -> list[str]:
    return [bucket.label for bucket in cut(window, size, tz)]


def test_a_week_has_seven_days_and_is_one_week() -> None:
    assert labels(F1_WEEK, BucketSize.DAY) == [f"2025-03-0{day}" for day in range(3, 10)]
    assert labels(F1_WEEK, BucketSize.WEEK) == ["2025-W10"]
    assert not any(bucket.partial for bucket in cut(F1_WEEK, BucketSize.DAY, UTC))


def test_months_are_labelled_by_year_and_month() -> None:
    window = between(datetime(2024, 12, 31, tzinfo=UTC), datetime(2025, 2, 2, tzinfo=UTC))
    assert labels(window, BucketSize.MONTH) == ["2024-12", "2025-01", "2025-02"]
    assert [bucket.partial for bucket in cut(window, BucketSize.MONTH, UTC)] == [True, False, True]


def test_weeks_are_those_of_iso_8601_also_over_new_year() -> None:
    window = between(datetime(2024, 12, 29, tzinfo=UTC), datetime(2025, 1, 6, tzinfo=UTC))
    assert labels(window, BucketSize.WEEK) == ["2024-W52", "2025-W01"]
    assert [bucket.partial for bucket in cut(window, BucketSize.WEEK, UTC)] == [True, False]


def test_a_window_that_cuts_into_days_has_partial_ones_at_its_ends() -> None:
    buckets = cut(between(at(1, 6), at(3, 1)), BucketSize.DAY, UTC)
    assert [bucket.partial for bucket in buckets] == [True, False, True]
    assert edges(buckets) == [at(1, 6), at(2), at(3), at(3, 1)]


def test_a_month_in_a_zone_begins_at_its_midnight() -> None:
    tz = ZoneInfo("Asia/Kathmandu")
    window = between(datetime(2025, 3, 1, tzinfo=tz), datetime(2025, 4, 1, tzinfo=tz))
    (month,) = cut(window, BucketSize.MONTH, tz)
    assert (month.label, month.partial) == ("2025-03", False)


def test_the_day_on_which_clocks_change_has_its_real_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    window = between(datetime(2025, 3, 29, 23, tzinfo=UTC), datetime(2025, 3, 30, 22, tzinfo=UTC))
    (day,) = cut(window, BucketSize.DAY, berlin)
    assert (day.label, day.partial) == ("2025-03-30", False)
    assert day.end - day.start == timedelta(hours=23)


def test_a_day_that_comes_twice_to_midnight_begins_at_the_first() -> None:
    havana = ZoneInfo("America/Havana")
    window = between(datetime(2025, 11, 2, 4, tzinfo=UTC), datetime(2025, 11, 2, 5, tzinfo=UTC))
    assert labels(window, BucketSize.DAY, havana) == ["2025-11-02"]


def test_a_day_that_a_zone_left_out_has_no_bucket() -> None:
    apia = ZoneInfo("Pacific/Apia")
    window = between(datetime(2011, 12, 29, 10, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))
    assert labels(window, BucketSize.DAY, apia) == ["2011-12-29", "2011-12-31", "2012-01-01"]


def test_four_years_of_days_are_enough_for_one_answer() -> None:
    end = datetime(2025, 1, 1, tzinfo=UTC)
    allowed = between(end - timedelta(days=MAX_BUCKETS), end)
    assert len(cut(allowed, BucketSize.DAY, UTC)) == MAX_BUCKETS
    with pytest.raises(InvalidValue, match="bucket"):
        cut(between(end - timedelta(days=MAX_BUCKETS, hours=1), end), BucketSize.DAY, UTC)


@property_test
@given(windows_seen_at_any_time(), st.sampled_from(BucketSize), zones())
def test_buckets_make_up_the_window(window: Window, size: BucketSize, tz: ZoneInfo) -> None:
    """P15: adjacent, none empty, and those in the middle whole."""
    buckets = cut(window, size, tz)
    assert (buckets[0].start, buckets[-1].end) == (window.start, window.end)
    assert all(one.end == other.start for one, other in pairwise(buckets))
    assert all(bucket.start < bucket.end for bucket in buckets)
    assert not any(bucket.partial for bucket in buckets[1:-1])
    assert sum(bucket.window.length_us for bucket in buckets) == window.length_us


@property_test
@given(windows_seen_at_any_time(), zones())
def test_a_week_is_the_union_of_its_days(window: Window, tz: ZoneInfo) -> None:
    """P15: also a week of 167 or 169 hours, and every first and last instant of a day."""
    weeks = cut(window, BucketSize.WEEK, tz)
    days = cut(window, BucketSize.DAY, tz)
    assert set(edges(weeks)) <= set(edges(days))
    assert all(_own_day(day, tz) == day.label for day in days)


def _own_day(bucket: Bucket, tz: tzinfo) -> str:
    (day,) = {local_day(instant, tz) for instant in (bucket.start, bucket.window.last)}
    return day.isoformat()
