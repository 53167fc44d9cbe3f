"""The calendar periods that roll-ups are kept for: local days, ISO weeks and months."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from app.flow.calendar import day_start, days_between, iso_week_start


class PeriodType(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """A whole period: the local dates `[first, end)`, which are the instants `[starts, ends)`."""

    type: PeriodType
    first: date
    end: date
    starts: datetime
    ends: datetime


def days(first: date, end: date, tz: tzinfo) -> list[Period]:
    """Return the local days `[first, end)`, without those that the zone left out altogether."""
    found = [_period(PeriodType.DAY, day, _next_day(day), tz) for day in days_between(first, end)]
    return [day for day in found if day.starts < day.ends]


def weeks_and_months(first: date, end: date, until: date, tz: tzinfo) -> list[Period]:
    """Return the weeks and months that share a day with `[first, end)` and are over by `until`."""
    touched = [*_weeks(first, end, tz), *_months(first, end, tz)]
    return [period for period in touched if period.end <= until]


def _weeks(first: date, end: date, tz: tzinfo) -> Iterator[Period]:
    monday = iso_week_start(first)
    while monday < end:
        following = monday + timedelta(days=7)
        yield _period(PeriodType.WEEK, monday, following, tz)
        monday = following


def _months(first: date, end: date, tz: tzinfo) -> Iterator[Period]:
    begin = first.replace(day=1)
    while begin < end:
        following = (begin + timedelta(days=31)).replace(day=1)
        yield _period(PeriodType.MONTH, begin, following, tz)
        begin = following


def _next_day(day: date) -> date:
    return day + timedelta(days=1)


def _period(kind: PeriodType, first: date, end: date, tz: tzinfo) -> Period:
    return Period(kind, first, end, day_start(first, tz), day_start(end, tz))
