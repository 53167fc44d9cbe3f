"""The reopen rate follows each finished item for the same time."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.flow.buckets import BucketSize, cut
from app.flow.calendar import Window
from app.flow.reopening import DEFAULT_FOLLOW_UP, reopen_rate
from app.flow.times import item_times
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK
from tests.strategies import BASE, HORIZON, SPAN, Population, populations, property_test, zones

WHOLE = Window(BASE, BASE + 2 * SPAN, HORIZON)


def test_one_of_four_items_of_the_example_week_came_back() -> None:
    later = F1_WEEK.end + DEFAULT_FOLLOW_UP
    window = Window(F1_WEEK.start, F1_WEEK.end, later)
    items = [item_times(each, F1_STREAM, later) for each in F1]
    found = reopen_rate(items, cut(window, BucketSize.WEEK, UTC), DEFAULT_FOLLOW_UP)
    [week] = found.weeks
    assert (week.bucket.label, week.finished, week.reopened, week.rate) == ("2025-W10", 4, 1, 0.25)
    assert (found.finished, found.reopened, found.rate) == (4, 1, 0.25)
    assert not week.immature


def test_a_week_is_immature_until_its_last_item_has_been_followed() -> None:
    items = [item_times(each, F1_STREAM) for each in F1]
    for late, immature in ((timedelta(0), False), (timedelta(microseconds=1), True)):
        window = Window(F1_WEEK.start, F1_WEEK.end, F1_WEEK.end + DEFAULT_FOLLOW_UP - late)
        buckets = cut(window, BucketSize.WEEK, UTC)
        found = reopen_rate(items, buckets, DEFAULT_FOLLOW_UP)
        assert [week.immature for week in found.weeks] == [immature]
        assert (found.rate is None) == immature


def test_what_comes_back_after_the_follow_up_does_not_count() -> None:
    """D came back three days after its finish: the time followed is half-open."""
    items = [item_times(each, F1_STREAM) for each in F1]
    buckets = cut(Window(F1_WEEK.start, F1_WEEK.end, HORIZON), BucketSize.WEEK, UTC)
    three_days = timedelta(days=3)
    assert reopen_rate(items, buckets, three_days).reopened == 0
    assert reopen_rate(items, buckets, three_days + timedelta(microseconds=1)).reopened == 1


@property_test
@given(populations(), zones(), st.integers(1, 30), st.integers(1, 30))
def test_following_longer_never_finds_fewer_and_the_rate_is_a_share(
    population: Population, tz: ZoneInfo, days: int, more: int
) -> None:
    items = [item_times(each, population.stream, HORIZON) for each in population.histories]
    buckets = cut(WHOLE, BucketSize.WEEK, tz)
    short = reopen_rate(items, buckets, timedelta(days=days))
    long = reopen_rate(items, buckets, timedelta(days=days + more))
    for one, other in zip(short.weeks, long.weeks, strict=True):
        assert one.finished == other.finished
        assert one.reopened <= other.reopened <= other.finished
        assert one.rate is None or 0 <= one.rate <= 1
