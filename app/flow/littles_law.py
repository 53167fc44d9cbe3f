"""Little's law over a past window: average WIP = throughput x average cycle time, and why not.

The familiar form holds only when little else goes on. What always holds, for any window and any
history, is an identity of the time that items spend in process. With r the time an item has spent
in process so far, all in item-microseconds:

    integral of WIP = sum of r at exits - sum of r at re-entries + residence(end) - residence(start)

where residence(t) is the sum of r over the items in process just before t. So the gap of the
familiar form is what the other terms make it: work that is ageing, was given up, or came back.

Sources: J. D. C. Little and S. C. Graves, "Little's Law" (2008), for L = lambda W; D. Vacanti for
the assumptions. It describes the past and forecasts nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.flow.calendar import MICROSECOND, US_PER_DAY, US_PER_SECOND, Window
from app.flow.percentile import percentile_cont
from app.flow.throughput import discarded_started
from app.flow.times import ItemTimes
from app.flow.wip import entered_doing, left_doing, wip_at, wip_us

TOLERANCE = 0.10
"""What counts as roughly equal."""

FEWEST_COMPLETIONS = 10
"""With fewer, an average cycle time says little."""

_P85_MULTIPLE = 2
"""How many times the 85th percentile of cycle time a window should last to be about a flow."""


class Verdict(StrEnum):
    """What the comparison of predicted and average WIP says."""

    HOLDS = "holds"
    AGEING = "wip_ageing"
    DRAINING = "wip_draining"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One condition of the law: a relative figure, 0 at best; None when nothing happened."""

    name: str
    value: float | None
    holds: bool


@dataclass(frozen=True, slots=True)
class LittlesLaw:
    """The terms of the law over a window. Times are item-microseconds, exact.

    - `throughput`, `cycle_sum_us`, `cycle_p85` (seconds): of the items finished in the window.
    - `entered`, `left`: entries into and exits from zone doing.
    - `exited_us`, `reentered_us`: time in process so far at those exits, and at those entries.
    - `residence_at_start_us`, `residence_at_end_us`: time in process so far of the items that are
      in process then.
    """

    window_us: int
    throughput: int
    started: int
    cycle_sum_us: int
    cycle_p85: float | None
    discarded_started: int
    wip_us: int
    wip_at_start: int
    wip_at_end: int
    entered: int
    left: int
    exited_us: int
    reentered_us: int
    residence_at_start_us: int
    residence_at_end_us: int

    @property
    def avg_wip(self) -> float:
        """Time-weighted average WIP in items."""
        return self.wip_us / self.window_us

    @property
    def throughput_per_day(self) -> float:
        """Items finished per 24 hours."""
        return self.throughput * US_PER_DAY / self.window_us

    @property
    def avg_cycle_time_days(self) -> float | None:
        """Mean cycle time in days of 24 hours; None when nothing was finished."""
        return self.cycle_sum_us / (self.throughput * US_PER_DAY) if self.throughput else None

    @property
    def predicted_wip(self) -> float | None:
        """Throughput x mean cycle time: what average WIP would be if the law held as it stands."""
        return self.cycle_sum_us / self.window_us if self.throughput and self.wip_us else None

    @property
    def gap(self) -> float | None:
        """Predicted / average WIP - 1; None when nothing was finished, or was in process."""
        return self.cycle_sum_us / self.wip_us - 1 if self.throughput and self.wip_us else None

    @property
    def residence_change_us(self) -> int:
        """By how much the time spent so far on work in process grew over the window."""
        return self.residence_at_end_us - self.residence_at_start_us

    @property
    def balanced(self) -> bool:
        """Tell whether the identity holds; it always does, and a test proves it."""
        accounted = self.exited_us - self.reentered_us + self.residence_change_us
        return self.wip_us == accounted

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The conditions under which the law holds as it stands, to within 10 %.

        Consistent units are not among the figures: all of them come from one clock.
        """
        flow = max(self.entered, self.left)
        departed = self.throughput + self.discarded_started
        return (
            _assumption("arrivals_equal_departures", self.entered - self.left, flow),
            _assumption(
                "wip_unchanged", (self.wip_at_end - self.wip_at_start) * self.window_us, self.wip_us
            ),
            _assumption("age_unchanged", self.residence_change_us, self.wip_us),
            _assumption("little_discarded", self.discarded_started, departed),
            Assumption("consistent_units", 0.0, True),
        )

    @property
    def meaningful(self) -> bool:
        """Tell whether the window holds enough: 10 completions, and twice the p85 cycle time."""
        if self.throughput < FEWEST_COMPLETIONS or self.cycle_p85 is None:
            return False
        return self.window_us >= _P85_MULTIPLE * self.cycle_p85 * US_PER_SECOND

    @property
    def verdict(self) -> Verdict | None:
        """Say what the gap means; None unless meaningful."""
        if self.gap is None or not self.meaningful:
            return None
        if abs(self.gap) <= TOLERANCE:
            return Verdict.HOLDS
        return Verdict.AGEING if self.gap < 0 else Verdict.DRAINING


def littles_law(items: Iterable[ItemTimes], window: Window) -> LittlesLaw:
    """Compute all terms. The items must be in normal form as of `window.as_of`.

    In the example week: integral 408 item-hours = 408 at exits - 72 at re-entries + 72 at the end;
    average WIP 2.43, predicted 4/7 a day x 2.75 days = 1.57, a gap of -35 %.
    """
    known = tuple(items)
    cycles = [item.cycle_us or 0 for item in known if item.finished in window]
    stays = [(item, span) for item in known for span in item.doing]
    return LittlesLaw(
        window_us=window.length_us,
        throughput=len(cycles),
        started=sum(item.started in window for item in known),
        cycle_sum_us=sum(cycles),
        cycle_p85=percentile_cont([cycle / US_PER_SECOND for cycle in cycles], 0.85),
        discarded_started=discarded_started(known, window),
        wip_us=wip_us(known, window),
        wip_at_start=wip_at(known, window.start - MICROSECOND),
        wip_at_end=wip_at(known, window.last),
        entered=entered_doing(known, window),
        left=left_doing(known, window),
        exited_us=sum(
            spent_us(item, span.end)
            for item, span in stays
            if span.end is not None and span.end in window
        ),
        reentered_us=sum(
            spent_us(item, span.start) for item, span in stays if span.start in window
        ),
        residence_at_start_us=_residence_us(known, window.start),
        residence_at_end_us=_residence_us(known, window.end),
    )


def spent_us(item: ItemTimes, until: datetime) -> int:
    """Return the time the item has spent in process before an instant, in microseconds."""
    return sum(span.overlap_us(span.start, until) for span in item.doing)


def _residence_us(items: Iterable[ItemTimes], instant: datetime) -> int:
    """Sum the time spent so far over the items in process just before the instant."""
    before = instant - MICROSECOND
    return sum(spent_us(item, instant) for item in items if item.in_process(before))


def _assumption(name: str, difference: int, whole: int) -> Assumption:
    if not whole:
        return Assumption(name, None, difference == 0)
    return Assumption(name, difference / whole, abs(difference / whole) <= TOLERANCE)
