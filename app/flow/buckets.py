"""Cut a window into local days, ISO weeks or months: the points of everything drawn over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from app.domain.errors import InvalidValue
from app.flow.calendar import Window, day_start, iso_week_label, iso_week_start, local_day

MAX_BUCKETS = 1500
"""Four years of days. A chart has no room for more, and an answer should stay small."""


class BucketSize(StrEnum):
    """How much time one bucket holds."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Bucket:
    """The part of a window that lies in one local day, ISO week or month.

    `partial` tells that the window holds only a piece of it: it began earlier, ends later, or has
    not ended yet. Real length: a local day may have 23, 24 or 25 hours.
    """

    label: str
    window: Window
    partial: bool

    @property
    def start(self) -> datetime:
        """The first instant, in UTC."""
        return self.window.start

    @property
    def end(self) -> datetime:
        """The end, in UTC; excluded."""
        return self.window.end


def cut(window: Window, size: BucketSize, tz: tzinfo) -> tuple[Bucket, ...]:
    """Return the buckets that make up the window, ascending: each instant lies in exactly one.

    Labels are `2025-03-03`, `2025-W10` and `2025-03`. A day that its zone left out has no bucket.
    Raises InvalidValue for `bucket` when there would be more than MAX_BUCKETS.
    """
    buckets: list[Bucket] = []
    first = _first_day(local_day(window.start, tz), size)
    start = day_start(first, tz)
    while start < window.end:
        following = _following(first, size)
        end = day_start(following, tz)
        if start < end:
            part = Window(max(start, window.start), min(end, window.end), window.as_of)
            partial = (part.start, part.end) != (start, end)
            buckets.append(Bucket(_label(first, size), part, partial))
        if len(buckets) > MAX_BUCKETS:
            raise InvalidValue(
                "bucket", f"{size} gives more than {MAX_BUCKETS} points, ask for less"
            )
        first, start = following, end
    return tuple(buckets)


def edges(buckets: Sequence[Bucket]) -> list[datetime]:
    """Return where the buckets begin, then where the last one ends: one more than buckets."""
    return [*(bucket.start for bucket in buckets), buckets[-1].end]


def _first_day(day: date, size: BucketSize) -> date:
    if size is BucketSize.DAY:
        return day
    return iso_week_start(day) if size is BucketSize.WEEK else day.replace(day=1)


def _following(first: date, size: BucketSize) -> date:
    """Return the first day of the next bucket."""
    # 31 days after the first of any month lies in the next one
    days = {BucketSize.DAY: 1, BucketSize.WEEK: 7, BucketSize.MONTH: 31}[size]
    return _first_day(first + timedelta(days=days), size)


def _label(first: date, size: BucketSize) -> str:
    if size is BucketSize.DAY:
        return first.isoformat()
    return iso_week_label(first) if size is BucketSize.WEEK else f"{first.year:04}-{first.month:02}"
