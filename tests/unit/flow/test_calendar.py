"""Where days, weeks and windows begin and end, in zones that skip or repeat midnight."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidValue
from app.flow.calendar import (
    Window,
    day_start,
    day_window,
    days_between,
    elapsed_us,
    explicit_window,
    iso_week_label,
    iso_week_start,
    local_day,
    overlap_us,
    rolling_window,
    utc,
    week_window,
)
from tests.fixture_f1 import HOUR_US, at, d1, d2, d3, d4
from tests.strategies import HORIZON, instants, partitions, property_test, zones

MICROSECOND = timedelta(microseconds=1)
LATER = datetime(2100, 1, 1, tzinfo=UTC)

days = st.dates(date(2024, 1, 1), date(2027, 12, 31))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", "2025-03-30", "2025-03-30T00:00Z", 24),
        ("Europe/Berlin", "2025-03-30", "2025-03-29T23:00Z", 23),
        ("Europe/Berlin", "2025-10-26", "2025-10-25T22:00Z", 25),
        # midnight is skipped: the day starts at 01:00
        ("America/Santiago", "2025-09-07", "2025-09-07T04:00Z", 23),
        ("Africa/Cairo", "2025-04-25", "2025-04-24T22:00Z", 23),
        # the last hour of the day comes twice
        ("America/Santiago", "2025-04-05", "2025-04-05T03:00Z", 25),
        # midnight comes twice: the day starts at the first one
        ("America/Havana", "2025-11-02", "2025-11-02T04:00Z", 25),
        ("Australia/Lord_Howe", "2025-04-06", "2025-04-05T13:00Z", 24.5),
        ("Asia/Kathmandu", "2025-03-03", "2025-03-02T18:15Z", 24),
    ],
)
def test_a_day_starts_at_its_first_instant_and_lasts_as_long_as_it_does(
    zone: str, day: str, start: str, hours: float
) -> None:
    tz, local = ZoneInfo(zone), date.fromisoformat(day)
    begun = day_start(local, tz)
    assert begun == instant(start)
    assert begun.tzinfo is UTC
    assert begun.astimezone(tz).date() == local
    assert (begun - MICROSECOND).astimezone(tz).date() == local - timedelta(days=1)
    assert day_window(local, tz, LATER).length_us == hours * HOUR_US


def test_a_day_that_a_zone_left_out_has_no_length() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert day_start(date(2011, 12, 30), apia) == day_start(date(2011, 12, 31), apia)
    week = week_window(date(2011, 12, 30), apia, LATER)
    assert date(2011, 12, 30) not in week.local_days(apia)
    assert len(week.local_days(apia)) == 6
    assert week.length_us == 6 * 24 * HOUR_US


def test_minutes_repeated_after_midnight_stay_in_the_day_that_had_begun() -> None:
    st_johns = ZoneInfo("America/St_Johns")
    repeated = instant("2010-11-07T02:45Z")  # 23:15 on the 6th for the second time
    assert repeated.astimezone(st_johns).date() == date(2010, 11, 6)
    assert local_day(repeated, st_johns) == date(2010, 11, 7)
    assert local_day(instant("2010-11-07T02:15Z"), st_johns) == date(2010, 11, 6)


@property_test
@given(days, zones())
def test_no_instant_before_a_day_starts_has_its_date(day: date, tz: ZoneInfo) -> None:
    begun = day_start(day, tz)
    assert begun.astimezone(tz).date() == day
    assert (begun - MICROSECOND).astimezone(tz).date() < day


@property_test
@given(days, zones(), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_every_instant_falls_in_exactly_one_day(day: date, tz: ZoneInfo, delay: timedelta) -> None:
    """P15: bucket start <= event < bucket end, for exactly one bucket."""
    when = day_start(day, tz) + delay
    near = [day + timedelta(days=offset) for offset in range(-1, 4)]
    assert [d for d in near if when in day_window(d, tz, LATER)] == [local_day(when, tz)]


@property_test
@given(days, zones())
def test_a_week_is_its_seven_days(day: date, tz: ZoneInfo) -> None:
    """P15: a week is the union of its day buckets, also when it has 167 or 169 hours."""
    week = week_window(day, tz, LATER)
    parts = [day_window(d, tz, LATER) for d in week.local_days(tz)]
    assert len(parts) == 7
    assert parts[0].start == week.start
    assert parts[-1].end == week.end
    assert all(a.end == b.start for a, b in pairwise(parts))
    assert sum(part.length_us for part in parts) == week.length_us


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Berlin", "2025-03-24", 167), ("Europe/Berlin", "2025-10-20", 169)],
)
def test_a_week_with_a_clock_change_is_an_hour_shorter_or_longer(
    zone: str, day: str, hours: int
) -> None:
    week = week_window(date.fromisoformat(day), ZoneInfo(zone), LATER)
    assert week.length_us == hours * HOUR_US


@pytest.mark.parametrize(
    ("day", "monday", "label"),
    [
        ("2025-03-03", "2025-03-03", "2025-W10"),
        ("2025-03-09", "2025-03-03", "2025-W10"),
        ("2024-12-30", "2024-12-30", "2025-W01"),
        ("2027-01-03", "2026-12-28", "2026-W53"),
    ],
)
def test_weeks_start_on_monday_and_belong_to_the_year_of_their_thursday(
    day: str, monday: str, label: str
) -> None:
    assert iso_week_start(date.fromisoformat(day)) == date.fromisoformat(monday)
    assert iso_week_label(date.fromisoformat(day)) == label


def test_days_between_leaves_out_the_end() -> None:
    assert days_between(date(2025, 2, 27), date(2025, 3, 2)) == [
        date(2025, 2, 27),
        date(2025, 2, 28),
        date(2025, 3, 1),
    ]
    assert days_between(date(2025, 3, 1), date(2025, 3, 1)) == []


def test_a_window_touches_the_days_of_its_first_and_last_instant() -> None:
    until_midnight = Window(at(1, 12), d3, as_of=d4)
    assert until_midnight.local_days(UTC) == [date(2025, 3, 3), date(2025, 3, 4)]
    assert Window(at(1, 12), d3 + MICROSECOND, as_of=d4).local_days(UTC)[-1] == date(2025, 3, 5)


def test_time_across_a_clock_change_is_real_elapsed_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2025, 3, 30, 1, tzinfo=berlin)
    after = datetime(2025, 3, 30, 4, tzinfo=berlin)
    assert after - before == timedelta(hours=3)  # the wall clock
    assert elapsed_us(utc(before), utc(after)) == 2 * HOUR_US


def test_an_overlap_of_intervals_that_do_not_meet_is_zero() -> None:
    assert overlap_us(d1, d2, d3, d4) == 0
    assert overlap_us(d1, d2, d2, d4) == 0
    assert overlap_us(d1, d3, d2, d4) == 24 * HOUR_US
    assert overlap_us(d1, None, d2, d4) == 48 * HOUR_US


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window(d1, d2, as_of=d4)
    assert d1 in window
    assert window.last in window
    assert d2 not in window
    assert None not in window


def test_a_rolling_window_includes_what_happened_just_now() -> None:
    window = rolling_window(as_of=d4, days=2)
    assert d4 in window
    assert window.last == d4
    assert window.length_us == 48 * HOUR_US
    assert not window.partial


def test_a_rolling_window_is_counted_in_hours_not_in_local_days() -> None:
    after_the_change = datetime(2025, 3, 30, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert rolling_window(after_the_change, days=1).length_us == 24 * HOUR_US


@pytest.mark.parametrize("number", [0, -1])
def test_a_rolling_window_of_no_days_is_refused(number: int) -> None:
    with pytest.raises(InvalidValue, match="days: must be at least 1") as refusal:
        rolling_window(d4, number)
    assert refusal.value.field == "days"


def test_a_window_that_has_passed_is_taken_as_it_is() -> None:
    assert explicit_window(d1, d2, as_of=d4) == Window(d1, d2, d4, partial=False)


def test_a_window_that_ends_just_after_now_is_complete() -> None:
    assert not explicit_window(d1, d4 + MICROSECOND, as_of=d4).partial


def test_a_window_that_ends_later_is_cut_off_just_after_now_and_marked() -> None:
    assert explicit_window(d1, d4, as_of=d2) == Window(d1, d2 + MICROSECOND, d2, partial=True)


def test_a_window_is_put_on_the_utc_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    window = explicit_window(d1.astimezone(berlin), d2.astimezone(berlin), d4.astimezone(berlin))
    assert {window.start.tzinfo, window.end.tzinfo, window.as_of.tzinfo} == {UTC}


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (d2, d2, "end"),  # no length
        (d3, d2, "end"),
        (d4 + MICROSECOND, d4 + timedelta(days=1), "start"),  # nothing of it has happened
        (instant("0001-01-01T00:00+05:00"), d2, "start"),  # no such year in UTC
        (d1, instant("9999-12-31T23:00-05:00"), "end"),
    ],
)
def test_an_impossible_window_is_refused_by_the_name_of_its_field(
    start: datetime, end: datetime, field: str
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        explicit_window(start, end, as_of=d4)
    assert refusal.value.field == field


@property_test
@given(partitions(), instants())
def test_adjacent_windows_hold_every_instant_once(
    parts: tuple[Window, list[Window]], when: datetime
) -> None:
    """P15: adjacent windows partition time."""
    whole, pieces = parts
    assert sum(when in piece for piece in pieces) == (when in whole)
    assert sum(piece.length_us for piece in pieces) == whole.length_us
    assert whole.as_of == HORIZON
