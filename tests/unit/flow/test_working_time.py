"""The working clock counts exactly the minutes that a person with a wall clock would count."""

from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.working_time import WEEKDAYS, WorkingCalendar, from_plain
from app.flow.calendar import US_PER_HOUR, day_start, elapsed_us, wall_instant
from app.flow.working_time import WorkingClock, spans, worked_before
from tests.strategies import calendars, property_test

MINUTE = timedelta(minutes=1)
MINUTE_US = 60_000_000
BERLIN, NEW_YORK, HAVANA = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "America/Havana"))
LORD_HOWE, APIA = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")
SANTIAGO = ZoneInfo("America/Santiago")

CHANGES = [
    (BERLIN, date(2025, 3, 30)),
    (BERLIN, date(2025, 10, 26)),
    (NEW_YORK, date(2025, 3, 9)),
    (NEW_YORK, date(2025, 11, 2)),
    (LORD_HOWE, date(2025, 4, 6)),  # by half an hour
    (LORD_HOWE, date(2025, 10, 5)),
    (HAVANA, date(2025, 3, 9)),  # midnight is skipped
    (HAVANA, date(2025, 11, 2)),  # midnight comes twice
    (SANTIAGO, date(2025, 9, 7)),
    (APIA, date(2011, 12, 30)),  # a day that there never was
]
OFFICE = "09:00-12:30", "13:00-17:30"
NIGHT = "00:00-06:00", "22:00-24:00"
ROUND_THE_CLOCK = ("00:00-24:00",)
TO_NINE = "00:00-09:00", "13:15-20:45"


def on_all_days(*shifts: str) -> WorkingCalendar:
    return from_plain({"hours": dict.fromkeys(WEEKDAYS, shifts)})


def on_weekdays(*shifts: str) -> WorkingCalendar:
    return from_plain({"hours": dict.fromkeys(WEEKDAYS[:5], shifts)})


def around(day: date, days: int = 4) -> tuple[date, date]:
    return day - timedelta(days=days), day + timedelta(days=days)


def clock_of(
    calendar: WorkingCalendar,
    zone: ZoneInfo,
    first: date,
    end: date,
    holidays: Container[date] = (),
) -> WorkingClock:
    worked = spans(calendar, zone, holidays, first, end)
    return WorkingClock(worked, day_start(first, zone), day_start(end, zone))


def minutes(first: datetime, end: datetime) -> Iterable[datetime]:
    count = (end - first) // MINUTE
    return (first + n * MINUTE for n in range(count))


def is_worked(calendar: WorkingCalendar, wall: datetime, holidays: Container[date] = ()) -> bool:
    """Tell whether a wall clock shows working time; it reads nothing but the clock's face."""
    day, minute = wall.date(), wall.hour * 60 + wall.minute
    if day in calendar.days_off or day in holidays:
        return False
    return any(shift.start <= minute < shift.end for shift in calendar.shifts[day.weekday()])


def counted(calendar: WorkingCalendar, zone: ZoneInfo, first: date, end: date) -> int:
    """Look at the wall clock each minute of the local days, and count those in a shift."""
    looked = minutes(day_start(first, zone), day_start(end, zone))
    return sum(is_worked(calendar, at.astimezone(zone)) for at in looked)


def begun(calendar: WorkingCalendar, zone: ZoneInfo, since: datetime) -> Iterable[bool]:
    """Tell minute by minute whether work has begun that has not ended.

    What the wall clock has shown once has come: setting it back does not undo it.
    """
    latest = datetime.min  # noqa: DTZ901 - what a wall clock shows has no zone
    at = since
    while True:
        latest = max(latest, at.astimezone(zone).replace(tzinfo=None))
        yield is_worked(calendar, latest)
        at += MINUTE


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("shifts", [OFFICE, NIGHT, ROUND_THE_CLOCK, TO_NINE])
def test_working_time_is_what_a_look_at_the_clock_each_minute_counts(
    zone: ZoneInfo, change: date, shifts: tuple[str, ...]
) -> None:
    first, end = around(change)
    calendar = replace(on_all_days(*shifts), days_off=frozenset({change + timedelta(days=1)}))
    clock = clock_of(calendar, zone, first, end)
    worked = clock.between(day_start(first, zone), day_start(end, zone))
    assert worked == counted(calendar, zone, first, end) * MINUTE_US


@settings(property_test, max_examples=60)
@given(calendars(), st.sampled_from(CHANGES), st.tuples(st.integers(0, 5000), st.integers(0, 5000)))
def test_any_hours_are_counted_to_the_minute_over_any_change_of_the_clock(
    calendar: WorkingCalendar, where: tuple[ZoneInfo, date], minutes_in: tuple[int, int]
) -> None:
    zone, change = where
    first, end = around(change)
    since = day_start(first, zone)
    began, ended = sorted(minutes_in)
    clock = clock_of(calendar, zone, first, end)
    worked = islice(begun(calendar, zone, since), began, ended)
    assert clock.between(since + began * MINUTE, since + ended * MINUTE) == sum(worked) * MINUTE_US


@settings(property_test, max_examples=100)
@given(
    calendars(),
    st.sampled_from(CHANGES),
    st.lists(st.integers(0, 7 * 24 * US_PER_HOUR), min_size=3, max_size=3),
)
def test_working_time_is_at_most_elapsed_never_falls_and_adds_up(
    calendar: WorkingCalendar, where: tuple[ZoneInfo, date], offsets: list[int]
) -> None:
    zone, change = where
    first, end = around(change)
    clock = clock_of(calendar, zone, first, end)
    since = day_start(first, zone)
    a, b, c = (since + timedelta(microseconds=offset) for offset in sorted(offsets))
    assert 0 <= clock.between(a, b) <= elapsed_us(a, b)
    assert clock.worked_us(a) <= clock.worked_us(b) <= clock.worked_us(c)
    assert clock.between(a, b) + clock.between(b, c) == clock.between(a, c)


@settings(property_test, max_examples=100)
@given(calendars(), st.sampled_from(CHANGES))
def test_spans_ascend_and_never_touch(
    calendar: WorkingCalendar, where: tuple[ZoneInfo, date]
) -> None:
    zone, change = where
    found = spans(calendar, zone, (), *around(change))
    assert all(span.starts < span.ends for span in found)
    assert all(before.ends < after.starts for before, after in pairwise(found))
    lengths = [elapsed_us(*span) for span in found]
    assert list(worked_before(found)) == [sum(lengths[:n]) for n in range(len(found))]


@pytest.mark.parametrize(
    ("zone", "change", "hours"),
    [
        (BERLIN, date(2025, 3, 30), 5),
        (BERLIN, date(2025, 10, 26), 7),
        (NEW_YORK, date(2025, 3, 9), 5),
        (NEW_YORK, date(2025, 11, 2), 7),
        (LORD_HOWE, date(2025, 4, 6), 6.5),
        (LORD_HOWE, date(2025, 10, 5), 5.5),
        (HAVANA, date(2025, 3, 9), 5),
        (HAVANA, date(2025, 11, 2), 7),
        (APIA, date(2011, 12, 30), 0),
    ],
)
def test_a_night_shift_lasts_as_long_as_the_night(
    zone: ZoneInfo, change: date, hours: float
) -> None:
    worked = spans(on_all_days("00:00-06:00"), zone, (), change, change + timedelta(days=1))
    assert sum(elapsed_us(*span) for span in worked) == hours * US_PER_HOUR


def test_a_shift_until_midnight_and_one_from_midnight_are_one_stretch() -> None:
    worked = spans(on_all_days(*NIGHT), BERLIN, (), date(2025, 6, 2), date(2025, 6, 4))
    assert [(span.starts.hour, span.ends.hour) for span in worked] == [(22, 4), (20, 4), (20, 22)]


def test_on_a_night_before_a_day_off_work_goes_on_until_midnight() -> None:
    calendar = replace(on_all_days(*NIGHT), days_off=frozenset({date(2025, 6, 3)}))
    worked = spans(calendar, BERLIN, (), date(2025, 6, 2), date(2025, 6, 5))
    ends = [span.ends.astimezone(BERLIN) for span in worked]
    assert [(each.day, each.hour) for each in ends] == [(2, 6), (3, 0), (4, 6), (5, 0)]


def test_work_around_the_clock_is_elapsed_time() -> None:
    first, end = around(date(2025, 3, 30))
    (worked,) = spans(on_all_days(*ROUND_THE_CLOCK), BERLIN, (), first, end)
    assert worked == (day_start(first, BERLIN), day_start(end, BERLIN))


def test_a_shift_that_ends_at_a_time_shown_twice_ends_at_the_first_of_them() -> None:
    day = date(2025, 10, 26)
    (worked,) = spans(on_all_days("01:00-02:30"), BERLIN, (), day, day + timedelta(days=1))
    assert worked.ends == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_a_shift_that_begins_or_ends_at_a_time_never_shown_does_so_at_the_change() -> None:
    day, change = date(2025, 3, 30), datetime(2025, 3, 30, 1, tzinfo=UTC)
    calendar = on_all_days("01:00-02:20", "02:40-04:00")
    (worked,) = spans(calendar, BERLIN, (), day, day + timedelta(days=1))
    assert worked == (change - timedelta(hours=1), change + timedelta(hours=1))


@settings(property_test, max_examples=200)
@given(st.sampled_from(CHANGES), st.integers(-3, 3), st.integers(0, 1440))
def test_a_time_of_day_comes_with_the_first_instant_at_which_the_clock_has_reached_it(
    where: tuple[ZoneInfo, date], days: int, minute: int
) -> None:
    zone, change = where
    day = change + timedelta(days=days)
    found = wall_instant(day, minute, zone)
    wall = datetime(day.year, day.month, day.day, tzinfo=UTC) + minute * MINUTE
    shown = found.astimezone(zone).replace(tzinfo=UTC)
    just_before = (found - timedelta(microseconds=1)).astimezone(zone).replace(tzinfo=UTC)
    assert just_before < wall <= shown


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_the_first_minute_of_a_day_is_where_the_day_begins(zone: ZoneInfo, change: date) -> None:
    for offset in range(-2, 3):
        day = change + timedelta(days=offset)
        assert wall_instant(day, 0, zone) == day_start(day, zone)
        assert wall_instant(day, 1440, zone) == day_start(day + timedelta(days=1), zone)


def test_nothing_is_worked_on_holidays_and_through_weeks_off() -> None:
    first, end = date(2025, 12, 1), date(2026, 1, 12)
    closed = frozenset(date(2025, 12, 8) + timedelta(days=n) for n in range(21))
    calendar = replace(on_weekdays("09:00-17:00"), days_off=closed)
    clock = clock_of(calendar, BERLIN, first, end, holidays={date(2026, 1, 1), date(2026, 1, 6)})
    weeks = [day_start(first + timedelta(weeks=n), BERLIN) for n in range(7)]
    hours = [clock.between(a, b) / US_PER_HOUR for a, b in pairwise(weeks)]
    assert hours == [40, 0, 0, 0, 32, 32]


def test_a_calendar_without_hours_counts_nothing() -> None:
    first, end = around(date(2025, 6, 2))
    clock = clock_of(from_plain({"hours": {}}), BERLIN, first, end)
    assert clock.between(day_start(first, BERLIN), day_start(end, BERLIN)) == 0


def test_outside_what_is_known_a_clock_tells_nothing() -> None:
    first, end = around(date(2025, 6, 2))
    clock = clock_of(on_weekdays("09:00-17:00"), BERLIN, first, end)
    since, until = day_start(first, BERLIN), day_start(end, BERLIN)
    assert clock.worked_us(since) == 0
    with pytest.raises(ValueError, match="working time is known from"):
        clock.between(since - MINUTE, until)
    with pytest.raises(ValueError, match="working time is known from"):
        clock.between(since, until + MINUTE)
