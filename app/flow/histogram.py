"""How often work took how long: durations counted in bins of equal width.

The width is chosen from the data, so that the shape shows: from the number of values, their spread
and the longest of them, rounded up to a usual width. All of it rests on counts by whole hours,
which is exact, since every width is a whole number of hours.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from app.flow.calendar import US_PER_SECOND

US_PER_HOUR = 3600 * US_PER_SECOND
MOST_BINS = 60
"""More could not be told apart in a chart; a far outlier widens the bins rather."""

_DAY = 24
_WIDTHS = (1, 2, 4, 8, 12, _DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY)


class Duration(StrEnum):
    """From when a duration runs until the finish: the start of work, or the item's creation."""

    CYCLE = "cycle"
    LEAD = "lead"


@dataclass(frozen=True, slots=True)
class Bin:
    """How many durations lie in `[from_hours, to_hours)`."""

    from_hours: int
    to_hours: int
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Adjacent bins from 0 to the longest duration, empty ones included; none without durations.

    `width_hours` is None for an empty sample. The counts of the bins add up to `count`.
    """

    width_hours: int | None
    bins: tuple[Bin, ...]

    @property
    def count(self) -> int:
        """The number of durations."""
        return sum(each.count for each in self.bins)


def hourly(durations_us: Iterable[int]) -> Counter[int]:
    """Count durations by the number of whole hours in them."""
    return Counter(duration // US_PER_HOUR for duration in durations_us)


def histogram(by_hour: Mapping[int, int]) -> Histogram:
    """Sort durations, counted by their whole hours, into bins of equal width.

    The width is the smallest of 1, 2, 4, 8, 12 hours, 1, 2, 3 days, 1, 2, 4 weeks and so on
    doubling, that needs at most 60 bins and is at least the finer of `2 * IQR / ∛n` (Freedman &
    Diaconis 1981, the quartiles in whole hours) and `longest / (log2 n + 1)` (Sturges 1926). Bins
    are half-open: a duration on an edge counts above it. The example week's cycle times, 24, 24,
    96 and 120 h, make bins of 2 days with 2, 0 and 2 items.
    """
    if not by_hour:
        return Histogram(None, ())
    width = _width(by_hour)
    counts: Counter[int] = Counter()
    for hour, n in by_hour.items():
        counts[hour // width] += n
    bins = (
        Bin(place * width, (place + 1) * width, counts[place]) for place in range(max(counts) + 1)
    )
    return Histogram(width, tuple(bins))


def _width(by_hour: Mapping[int, int]) -> int:
    n, longest = sum(by_hour.values()), max(by_hour)
    spread = _ranked(by_hour, -(-3 * n // 4)) - _ranked(by_hour, -(-n // 4))
    fitting = min(2 * spread / math.cbrt(n), longest / (math.log2(n) + 1))
    return next(
        width
        for width in chain(_WIDTHS, _doublings(_WIDTHS[-1]))
        if width >= fitting and longest // width < MOST_BINS
    )


def _doublings(width: int) -> Iterator[int]:
    while True:
        width *= 2
        yield width


def _ranked(by_hour: Mapping[int, int], rank: int) -> int:
    """Return the hours of the duration with this rank, counted from 1."""
    seen = 0
    for hour in sorted(by_hour):
        seen += by_hour[hour]
        if seen >= rank:
            return hour
    raise ValueError(f"of {seen} durations none has rank {rank}")
