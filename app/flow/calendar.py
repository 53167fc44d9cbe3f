"""Instants, local days, ISO weeks and half-open windows: where a number begins and ends.

Arithmetic is done on UTC instants and in integer microseconds. Two aware datetimes that share one
zone are compared and subtracted by their wall clocks in Python, which is an hour off across a
clock change, so every instant is put on the UTC clock first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from app.domain.errors import InvalidValue

MICROSECOND = timedelta(microseconds=1)
US_PER_SECOND = 1_000_000
US_PER_HOUR = 3600 * US_PER_SECOND
US_PER_DAY = 24 * US_PER_HOUR

Measure = Callable[[datetime, datetime], int]
"""How long it is from one instant to a later one, in microseconds, by one clock or another."""


def utc(instant: datetime) -> datetime:
    """Return the same instant on the UTC clock."""
    return instant.astimezone(UTC)


def elapsed_us(start: datetime, end: datetime) -> int:
    """Return `end - start` in whole microseconds, exact; both on the UTC clock."""
    return (end - start) // MICROSECOND


def overlap_us(start: datetime, end: datetime | None, low: datetime, high: datetime) -> int:
    """Return the length of `[start, end) ∩ [low, high)` in microseconds; no end means open."""
    first = max(start, low)
    last = high if end is None else min(end, high)
    return max(0, elapsed_us(first, last))


def day_start(day: date, tz: tzinfo) -> datetime:
    """Return the first instant, in UTC, whose local date in `tz` is `day`.

    Right where midnight is skipped (Santiago, Cairo: the day starts at 01:00) and where it comes
    twice (Havana: the day starts at the first of the two). A day that a zone left out altogether
    (Apia, 2011-12-30) starts where the next one does and has no length.
    """
    # fold=0 reads a midnight in a gap with the offset from before it, which gives the instant of
    # the change, and a repeated midnight as its first occurrence: both are what is wanted.
    return utc(datetime(day.year, day.month, day.day, tzinfo=tz, fold=0))


def wall_instant(day: date, minute: int, tz: tzinfo) -> datetime:
    """Return the first instant, in UTC, at which the clock in `tz` shows so many minutes of a day.

    Where clocks are set back and show it twice, it is the first time; where they are set forward
    and never show it, the instant of the change, from which on they show more. 0 is `day_start`,
    1440 that of the next day.
    """
    # within one zone Python adds wall-clock time, and fold=0 is the first of two
    wall = datetime(day.year, day.month, day.day, tzinfo=tz, fold=0) + timedelta(minutes=minute)
    high = utc(wall)
    if high.astimezone(tz) == wall:
        return high
    low = utc(wall.replace(fold=1))
    while high - low > MICROSECOND:
        middle = low + (high - low) / 2
        if middle.astimezone(tz) < wall:
            low = middle
        else:
            high = middle
    return high


def local_day(instant: datetime, tz: tzinfo) -> date:
    """Return the day whose `[day_start, next day_start)` holds the instant: exactly one does.

    This is the local date, except where a clock was set back across midnight shortly after it
    (Newfoundland until 2011): the repeated minutes belong to the day that had already begun.
    """
    day = instant.astimezone(tz).date()
    following = day + timedelta(days=1)
    return following if day_start(following, tz) <= utc(instant) else day


def days_between(first: date, end: date) -> list[date]:
    """Return every date in `[first, end)`, ascending."""
    return [first + timedelta(days=offset) for offset in range((end - first).days)]


def hour_start(instant: datetime) -> datetime:
    """Return where the hour of the UTC clock began that holds the instant."""
    return utc(instant).replace(minute=0, second=0, microsecond=0)


def hours_between(first: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return the hours from one start of an hour up to another one, `[start, end)` each."""
    count = (end - first) // timedelta(hours=1)
    starts = [first + timedelta(hours=offset) for offset in range(count + 1)]
    return list(pairwise(starts))


def iso_week_start(day: date) -> date:
    """Return the Monday of the ISO 8601 week that holds the day."""
    return day - timedelta(days=day.weekday())


def iso_week_label(day: date) -> str:
    """Return the ISO 8601 week of the day, e.g. `2025-W10`; 2024-12-30 is in `2025-W01`."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


@dataclass(frozen=True, slots=True)
class Window:
    """`[start, end)` on the UTC clock, looked at from `as_of`: adjacent windows partition time.

    `partial` tells that more was asked for than had happened by `as_of`, and was cut off there.
    Build windows with `rolling_window`, `explicit_window`, `day_window` or `week_window`.
    """

    start: datetime
    end: datetime
    as_of: datetime
    partial: bool = False

    def __contains__(self, instant: datetime | None) -> bool:
        """Tell whether it happened inside; what never happened (None) is in no window."""
        return instant is not None and self.start <= instant < self.end

    @property
    def length_us(self) -> int:
        """Real elapsed time in microseconds: a local day may have 23, 24 or 25 hours."""
        return elapsed_us(self.start, self.end)

    @property
    def last(self) -> datetime:
        """The last instant inside. The state here is the state at the end, end excluded."""
        return self.end - MICROSECOND

    def overlap_us(self, start: datetime, end: datetime | None) -> int:
        """Return how much of `[start, end)` lies inside, in microseconds."""
        return overlap_us(start, end, self.start, self.end)

    def local_days(self, tz: tzinfo) -> list[date]:
        """Return the local days that the window touches, ascending, without days of no length."""
        days = days_between(local_day(self.start, tz), local_day(self.last, tz) + timedelta(days=1))
        return [day for day in days if day_start(day, tz) < day_start(day + timedelta(days=1), tz)]


def rolling_window(as_of: datetime, days: int) -> Window:
    """Return the last `days` times 24 hours up to and including `as_of`.

    The end lies one microsecond later, so that an event stamped exactly `as_of` is inside.
    """
    if days < 1:
        raise InvalidValue("days", f"must be at least 1, was {days}")
    seen_until = utc(as_of) + MICROSECOND
    return Window(seen_until - timedelta(days=days), seen_until, utc(as_of))


def explicit_window(start: datetime, end: datetime, as_of: datetime) -> Window:
    """Return `[start, end)`, cut off just after `as_of` and then marked partial.

    Raises InvalidValue for `end` when the window is empty, for `start` when it lies after `as_of`.
    """
    first, last = _utc_field("start", start), _utc_field("end", end)
    if first >= last:
        raise InvalidValue("end", f"must be later than start, {first.isoformat()}")
    seen_until = utc(as_of) + MICROSECOND
    if first >= seen_until:
        raise InvalidValue("start", f"must not be later than {utc(as_of).isoformat()}")
    return Window(first, min(last, seen_until), utc(as_of), partial=last > seen_until)


def day_window(day: date, tz: tzinfo, as_of: datetime) -> Window:
    """Return the local day as a window; raises as `explicit_window` does."""
    return _days_window(day, 1, tz, as_of)


def week_window(day: date, tz: tzinfo, as_of: datetime) -> Window:
    """Return the ISO week that holds the local day as a window of 167, 168 or 169 hours."""
    return _days_window(iso_week_start(day), 7, tz, as_of)


def _days_window(first: date, days: int, tz: tzinfo, as_of: datetime) -> Window:
    return explicit_window(day_start(first, tz), day_start(first + timedelta(days=days), tz), as_of)


def _utc_field(field: str, instant: datetime) -> datetime:
    """Convert what a caller sent; 9999-12-31T23:00-05:00 is well formed but has no UTC reading."""
    try:
        return utc(instant)
    except OverflowError:
        raise InvalidValue(field, "must lie within the years 1 to 9999 in UTC") from None
