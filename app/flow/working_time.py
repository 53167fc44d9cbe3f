"""Working time: how much of a duration lies within a team's working hours.

A shift is told by the clock on the wall, so how long it lasts follows that clock's changes: from
00:00 to 06:00 it is 5 hours in the night that loses one and 7 in the night that has one twice. A
shift that begins or ends at a time which the wall clock shows twice does so at the first of them;
at a time which it never shows, at the change (`calendar.wall_instant`). A day that a zone leaves
out has no shifts. A day off, or a public holiday, is a local date: none of its shifts is worked,
those of the day before go on until its midnight.
"""

from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from app.domain.working_time import WorkingCalendar
from app.flow.calendar import days_between, elapsed_us, wall_instant


class WorkSpan(NamedTuple):
    """An uninterrupted stretch of working time, `[starts, ends)`, on the UTC clock."""

    starts: datetime
    ends: datetime


def spans(
    calendar: WorkingCalendar, zone: tzinfo, holidays: Container[date], first: date, end: date
) -> list[WorkSpan]:
    """Return the working time of the local days `[first, end)`, ascending.

    Shifts that touch, such as until 24:00 and from 00:00, make one span. `holidays` are days on
    which nobody works, beside the calendar's own days off.
    """
    return list(_merged(_shifts(calendar, zone, holidays, first, end)))


def _shifts(
    calendar: WorkingCalendar, zone: tzinfo, holidays: Container[date], first: date, end: date
) -> Iterator[WorkSpan]:
    for day in days_between(first, end):
        if day in calendar.days_off or day in holidays:
            continue
        for shift in calendar.shifts[day.weekday()]:
            starts, ends = (wall_instant(day, at, zone) for at in (shift.start, shift.end))
            if starts < ends:  # a change of the clock can leave nothing of a shift
                yield WorkSpan(starts, ends)


def _merged(ascending: Iterable[WorkSpan]) -> Iterator[WorkSpan]:
    open_span: WorkSpan | None = None
    for span in ascending:
        if open_span is None:
            open_span = span
        elif span.starts <= open_span.ends:
            open_span = WorkSpan(open_span.starts, max(open_span.ends, span.ends))
        else:
            yield open_span
            open_span = span
    if open_span is not None:
        yield open_span


def worked_before(ascending: Iterable[WorkSpan]) -> Iterator[int]:
    """Return for each span the microseconds worked in all spans before it."""
    total = 0
    for span in ascending:
        yield total
        total += elapsed_us(span.starts, span.ends)


class WorkingClock:
    """A clock that runs during working time and else stands still, known in `[since, until]`.

    `working` are the spans of that time, ascending and apart. Outside it nobody knows who worked,
    and nothing is told: every method raises ValueError.
    """

    def __init__(self, working: Sequence[WorkSpan], since: datetime, until: datetime) -> None:
        self._since, self._until = since, until
        self._spans = tuple(working)
        self._starts = [span.starts for span in working]
        self._before = tuple(worked_before(working))

    def worked_us(self, until: datetime) -> int:
        """Return what the clock shows: the microseconds worked from the first span to `until`."""
        if not self._since <= until <= self._until:
            known = f"{self._since.isoformat()} to {self._until.isoformat()}"
            raise ValueError(f"working time is known from {known}, not at {until.isoformat()}")
        place = bisect_right(self._starts, until) - 1
        if place < 0:
            return 0
        starts, ends = self._spans[place]
        return self._before[place] + elapsed_us(starts, min(until, ends))

    def between(self, began: datetime, ended: datetime) -> int:
        """Return the microseconds worked in `[began, ended)`; a `calendar.Measure`."""
        return self.worked_us(ended) - self.worked_us(began)
