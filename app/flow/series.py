"""The flow of a window, bucket by bucket, and the limits within which weekly throughput varies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from app.flow.buckets import Bucket
from app.flow.calendar import US_PER_DAY
from app.flow.summary import DurationSummary, summarise
from app.flow.times import ItemTimes

FEWEST_POINTS = 10
"""With fewer points the limits of a process behaviour chart say more about chance."""

_XMR_FACTOR = 2.66
"""3 / d2 with d2 = 1.128, the constant of moving ranges of two values (Shewhart, Wheeler)."""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The flow of one bucket, by the definitions of `FlowSummary`.

    Counts and `wip_us`, in item-microseconds, add up over buckets; `wip_at_end` is a state.
    `cycle` and `lead` are about the items finished in the bucket; a percentile of a longer time
    never follows from those of its parts.
    """

    bucket: Bucket
    throughput: int
    started: int
    created: int
    discarded: int
    reopened: int
    recompleted: int
    wip_us: int
    wip_at_end: int
    cycle: DurationSummary
    lead: DurationSummary

    @property
    def throughput_per_day(self) -> float:
        """Items finished per 24 hours of real time."""
        return self.throughput * US_PER_DAY / self.bucket.window.length_us

    @property
    def wip(self) -> float:
        """Time-weighted average WIP in items."""
        return self.wip_us / self.bucket.window.length_us


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """The natural limits of a process, from the differences of successive counts."""

    mean: float
    upper: float
    lower: float
    points: int


def series(items: Iterable[ItemTimes], buckets: Sequence[Bucket]) -> list[SeriesPoint]:
    """Return one point per bucket, those in which nothing happened included.

    The items must be in normal form as of the window's `as_of`.
    """
    known = tuple(items)
    return [_point(known, bucket) for bucket in buckets]


def process_limits(counts: Sequence[int]) -> ProcessLimits | None:
    """Return mean and limits of an XmR chart: mean ± 2.66 x mean moving range, at least 0.

    The moving range is the distance of two successive counts. None for fewer than ten counts.
    A count outside the limits calls for a cause; within them, variation is the process itself.
    Source: W. A. Shewhart; D. J. Wheeler, *Understanding Variation* (individuals chart).

    >>> process_limits([4, 6, 5, 7, 3, 5, 6, 4, 5, 5])  # moving ranges average 15/9
    ProcessLimits(mean=5.0, upper=9.433..., lower=0.566..., points=10)
    """
    if len(counts) < FEWEST_POINTS:
        return None
    mean = sum(counts) / len(counts)
    ranges = [abs(after - before) for before, after in pairwise(counts)]
    reach = _XMR_FACTOR * sum(ranges) / len(ranges)
    return ProcessLimits(mean, mean + reach, max(0.0, mean - reach), len(counts))


def full_counts(points: Iterable[SeriesPoint], first_data: datetime | None) -> list[int]:
    """Return the throughput of the buckets that are whole: in the window, and in the record.

    A bucket that the window cuts, or that began before the stream's first item, would look like a
    bad one.
    """
    return [
        point.throughput
        for point in points
        if not point.bucket.partial and first_data is not None and first_data <= point.bucket.start
    ]


def _point(items: Sequence[ItemTimes], bucket: Bucket) -> SeriesPoint:
    summary = summarise(items, bucket.window)
    return SeriesPoint(
        bucket=bucket,
        throughput=summary.throughput,
        started=summary.started,
        created=summary.created,
        discarded=summary.discarded,
        reopened=summary.reopened,
        recompleted=summary.recompleted,
        wip_us=summary.wip_us,
        wip_at_end=summary.wip_at_end,
        cycle=summary.cycle,
        lead=summary.lead,
    )
