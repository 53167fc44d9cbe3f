"""All core flow metrics of one window, side by side.

`summarise` computes them from histories in plain Python and so defines them; the database fills the
same dataclass from SQL, and both must agree to the last integer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Self

from app.flow import throughput, wip
from app.flow.calendar import US_PER_DAY, US_PER_HOUR, US_PER_SECOND, Window
from app.flow.percentile import low_confidence, percentile_cont
from app.flow.times import ItemTimes

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class DurationSummary:
    """A sample of durations: their number, their exact sum, and percentiles in seconds.

    The percentiles are those of `percentile_cont`, None for an empty sample. A duration of 0 is a
    value like any other. The properties give hours, unrounded.
    """

    count: int
    sum_us: int
    p50: float | None
    p85: float | None
    p95: float | None

    @classmethod
    def of(cls, durations_us: Sequence[int]) -> Self:
        """Summarise durations given in microseconds."""
        seconds = [duration / US_PER_SECOND for duration in durations_us]
        return cls(
            count=len(durations_us),
            sum_us=sum(durations_us),
            p50=percentile_cont(seconds, 0.50),
            p85=percentile_cont(seconds, 0.85),
            p95=percentile_cont(seconds, 0.95),
        )

    @property
    def avg_hours(self) -> float | None:
        """The mean, from the exact sum."""
        return self.sum_us / (self.count * US_PER_HOUR) if self.count else None

    @property
    def p50_hours(self) -> float | None:
        """The median."""
        return _hours(self.p50)

    @property
    def p85_hours(self) -> float | None:
        """The 85th percentile."""
        return _hours(self.p85)

    @property
    def p95_hours(self) -> float | None:
        """The 95th percentile."""
        return _hours(self.p95)

    @property
    def low_confidence(self) -> list[str]:
        """The percentiles that say no more than the maximum does, the sample being so small."""
        return low_confidence(self.count)


@dataclass(frozen=True, slots=True)
class FlowSummary:
    """The facts of one window, as integers wherever they are integers.

    Counts of events (`throughput` to `decommits`) and integrals (`wip_us`, in item-microseconds)
    add up over adjacent windows; states do not: `wip_now` is at `as_of`, `wip_at_end`, `open_items`
    and `backlog_items` are at the window's end. `cycle`, `lead` and `parked_us` are about the items
    finished in the window, by the items' own clock; integrals and lengths are elapsed time.
    """

    throughput: int
    started: int
    created: int
    discarded: int
    discarded_started: int
    reopened: int
    recompleted: int
    decommits: int
    wip_us: int
    window_us: int
    wip_now: int
    wip_at_end: int
    open_items: int
    backlog_items: int
    cycle: DurationSummary
    lead: DurationSummary
    parked_us: int

    @property
    def net_completed(self) -> int:
        """Throughput + recompleted - reopened: the change of what lies in zone done."""
        return self.throughput + self.recompleted - self.reopened

    @property
    def discarded_unstarted(self) -> int:
        """Items cancelled before any work on them."""
        return self.discarded - self.discarded_started

    @property
    def throughput_per_day(self) -> float:
        """Items finished per 24 hours of real time."""
        return self.throughput * US_PER_DAY / self.window_us

    @property
    def wip(self) -> float:
        """Time-weighted average WIP in items."""
        return self.wip_us / self.window_us

    @property
    def cycle_time_avg(self) -> float | None:
        """Mean cycle time in hours."""
        return self.cycle.avg_hours

    @property
    def cycle_time_p50(self) -> float | None:
        """Median cycle time in hours."""
        return self.cycle.p50_hours

    @property
    def cycle_time_p85(self) -> float | None:
        """85th percentile of cycle time in hours."""
        return self.cycle.p85_hours

    @property
    def cycle_time_p95(self) -> float | None:
        """95th percentile of cycle time in hours."""
        return self.cycle.p95_hours

    @property
    def lead_time_avg(self) -> float | None:
        """Mean lead time in hours."""
        return self.lead.avg_hours

    @property
    def lead_time_p50(self) -> float | None:
        """Median lead time in hours."""
        return self.lead.p50_hours

    @property
    def lead_time_p85(self) -> float | None:
        """85th percentile of lead time in hours."""
        return self.lead.p85_hours

    @property
    def lead_time_p95(self) -> float | None:
        """95th percentile of lead time in hours."""
        return self.lead.p95_hours

    @property
    def low_confidence(self) -> list[str]:
        """The percentiles that so few items cannot support; the same for cycle and lead time."""
        return self.cycle.low_confidence


def summarise(items: Iterable[ItemTimes], window: Window) -> FlowSummary:
    """Compute the core metrics of the window from items in normal form.

    The items must have been brought into normal form as of `window.as_of`, or a state could rest
    on what was not yet known.
    """
    known = tuple(items)
    cohort = [item for item in known if item.finished in window]
    return FlowSummary(
        throughput=throughput.throughput(known, window),
        started=throughput.started(known, window),
        created=throughput.created(known, window),
        discarded=throughput.discarded(known, window),
        discarded_started=throughput.discarded_started(known, window),
        reopened=throughput.reopened(known, window),
        recompleted=throughput.recompleted(known, window),
        decommits=throughput.decommits(known, window),
        wip_us=wip.wip_us(known, window),
        window_us=window.length_us,
        wip_now=wip.wip_at(known, window.as_of),
        wip_at_end=wip.wip_at_end(known, window),
        open_items=wip.open_items(known, window.last),
        backlog_items=wip.backlog_items(known, window.last),
        cycle=DurationSummary.of([item.cycle_us for item in cohort if item.cycle_us is not None]),
        lead=DurationSummary.of([item.lead_us for item in cohort if item.lead_us is not None]),
        parked_us=sum(item.parked_us or 0 for item in cohort),
    )


def added_up(
    summaries: Sequence[FlowSummary], cycle: DurationSummary, lead: DurationSummary
) -> FlowSummary:
    """Put the numbers of disjoint sets of items in one window together; `summaries` is not empty.

    Counts, integrals and states add up. Durations do not: `cycle` and `lead` are of all items.
    """
    return FlowSummary(
        **{
            each.name: sum(getattr(summary, each.name) for summary in summaries)
            for each in fields(FlowSummary)
            if each.name not in ("window_us", "cycle", "lead")
        },
        window_us=summaries[0].window_us,
        cycle=cycle,
        lead=lead,
    )


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / _SECONDS_PER_HOUR
