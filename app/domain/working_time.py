"""When a team works: hours by weekday, public holidays, days off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Any

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The weekdays by the names that stream files use, in the order of `date.weekday()`."""

MINUTES_PER_DAY = 24 * 60


class Clock(StrEnum):
    """What a duration counts: all time that passes, or only a team's working time."""

    ELAPSED = "elapsed"
    WORKING = "working"


@dataclass(frozen=True, slots=True, order=True)
class Shift:
    """Working hours within one local day, `[start, end)` in minutes since its midnight.

    `end` may be 1440, the midnight at which the day ends. Wall-clock minutes: how long a shift
    really lasts differs on the days on which clocks change.
    """

    start: int
    end: int

    def __str__(self) -> str:
        """Write as stream files do: `09:00-17:30`."""
        return "-".join(f"{at // 60:02}:{at % 60:02}" for at in (self.start, self.end))

    @classmethod
    def of(cls, text: str) -> "Shift":
        """Read `09:00-17:30`; raises ValueError."""
        start, _, end = text.partition("-")
        begun, ended = _minutes(start), _minutes(end)
        if begun >= ended:
            raise ValueError(f"expected a shift such as 09:00-17:30, got {text!r}")
        return cls(begun, ended)


def _minutes(text: str) -> int:
    if text.strip() == "24:00":
        return MINUTES_PER_DAY
    at = time.fromisoformat(text.strip())
    return at.hour * 60 + at.minute


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The hours that a stream's working clock counts, in the stream's own time zone.

    `shifts` has one entry per weekday, Monday first; the shifts of a day are ascending and do not
    overlap. `country` and `subdivision` name public holidays (ISO 3166); `days_off` are the
    team's own.
    """

    shifts: tuple[tuple[Shift, ...], ...]
    country: str | None = None
    subdivision: str | None = None
    days_off: frozenset[date] = frozenset()


def to_plain(calendar: WorkingCalendar) -> dict[str, Any]:
    """Write a calendar as a stream file does, in values that JSON and YAML know."""
    plain: dict[str, Any] = {
        "hours": {
            day: [str(shift) for shift in shifts]
            for day, shifts in zip(WEEKDAYS, calendar.shifts, strict=True)
            if shifts
        }
    }
    if calendar.country is not None:
        subdivision = {"subdivision": calendar.subdivision} if calendar.subdivision else {}
        plain["holidays"] = {"country": calendar.country, **subdivision}
    if calendar.days_off:
        plain["days_off"] = [day.isoformat() for day in sorted(calendar.days_off)]
    return plain


def from_plain(plain: Mapping[str, Any]) -> WorkingCalendar:
    """Read what `to_plain` wrote; raises ValueError and KeyError for anything else."""
    hours, holidays = plain["hours"], plain.get("holidays", {})
    return WorkingCalendar(
        shifts=tuple(tuple(Shift.of(text) for text in hours.get(day, ())) for day in WEEKDAYS),
        country=holidays.get("country"),
        subdivision=holidays.get("subdivision"),
        days_off=frozenset(date.fromisoformat(day) for day in plain.get("days_off", ())),
    )
