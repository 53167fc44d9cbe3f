"""How old the work in process is, and how old finished work was when it had come as far.

Percentiles of cycle time see finished items only, so old work is missing from them until the day
it is finished: its age belongs beside them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.value_stream import Stage, ValueStream, Zone
from app.domain.visit import Ending, Visit
from app.domain.work_item import WorkItemType
from app.flow.calendar import US_PER_SECOND, Window, utc
from app.flow.expectation import Expectation
from app.flow.percentile import percentile_cont
from app.flow.summary import DurationSummary
from app.flow.times import ItemTimes

FEWEST = 5
"""A chance is not told from fewer finished items than these."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item in process stands: its stage, since when, and its age, in microseconds.

    The age is counted from the first start and never resets, time spent parked included.
    """

    stage: Stage
    entered: datetime
    started: datetime
    age_us: int
    in_stage_us: int


@dataclass(frozen=True, slots=True)
class AgingItem:
    """An item in process. `chance` is that of being finished within the expectation.

    `blocked_since` and `blocked_by`: since when it cannot go on, and why; None when it can.
    """

    item_id: int
    title: str
    kind: WorkItemType
    standing: Standing
    chance: float | None
    blocked_since: datetime | None = None
    blocked_by: str | None = None


@dataclass(frozen=True, slots=True)
class PaceLine:
    """How old finished items were, in seconds, when they left a stage and all before it."""

    stage: Stage
    p50: float | None
    p85: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """The cycle times of a window's finished items, and their ages on the way there."""

    cycle: DurationSummary
    lines: tuple[PaceLine, ...]


@dataclass(frozen=True, slots=True)
class AgingWork:
    """The work in process at an instant, oldest first, beside the pace of what was finished."""

    items: tuple[AgingItem, ...]
    pace: Pace
    expectation: Expectation

    @property
    def older_than_p85(self) -> int | None:
        """How many items are older than 85 % of the finished ones were when they finished."""
        return older_than((item.standing.age_us for item in self.items), self.pace.cycle.p85)

    @property
    def oldest_age_us(self) -> int | None:
        """The greatest age, None without items in process."""
        return max((item.standing.age_us for item in self.items), default=None)


def standing(item: ItemTimes, instant: datetime) -> Standing | None:
    """Tell where an item stands that is in process at an instant; None when it is not.

    As of that instant: the item must have been brought into normal form for it.
    """
    age_us = item.age_us(instant)
    if age_us is None or item.started is None:
        return None
    last = item.visits[-1]
    in_stage_us = item.between(last.entered, utc(instant))
    return Standing(last.stage, last.entered, item.started, age_us, in_stage_us)


def total_age_us(items: Iterable[ItemTimes], instant: datetime) -> int:
    """Return the sum of the ages of all items in process, in microseconds.

    Where work only moves forward, it changes over a window by the integral of WIP, less the cycle
    times of what was finished, less the ages of what was discarded.
    """
    return sum(item.age_us(instant) or 0 for item in items)


def older_than(ages_us: Iterable[int], seconds: float | None) -> int | None:
    """Count the ages above so many seconds; None when there is nothing to compare with."""
    if seconds is None:
        return None
    return sum(age / US_PER_SECOND > seconds for age in ages_us)


def on_time_chance(
    age_us: int, sorted_cycles_us: Sequence[int], expected: Expectation
) -> float | None:
    """Return P(finished within the expectation | not finished at this age).

    `#{cycle > age and <= limit} / #{cycle > age}` of the finished items that the expectation rests
    on: the share of those that had also come to this age. 0 beyond the limit. None without a limit,
    and from fewer than 5 such items.
    """
    older = len(sorted_cycles_us) - bisect_right(sorted_cycles_us, age_us)
    if expected.limit_us is None or older < FEWEST:
        return None
    late = len(sorted_cycles_us) - bisect_right(sorted_cycles_us, max(age_us, expected.limit_us))
    return (older - late) / older


def pass_us(item: ItemTimes, order: int) -> int | None:
    """Return the age at which a finished item had left all stages up to an order for good.

    `max(0, last exit up to the finish from a stage of this or a lower order - started)`, in
    microseconds: 0 for an item that began beyond them. Never falls as the order grows, and is the
    cycle time at the last stage before done. None for an unfinished item.
    """
    if item.started is None or item.finished is None:
        return None
    exits = [
        visit.exited
        for visit in item.visits
        if visit.exited is not None and _left_by(visit, item.finished, order)
    ]
    return item.between(item.started, max([item.started, *exits]))


def _left_by(visit: Visit, finished: datetime, order: int) -> bool:
    moved = visit.ending is Ending.MOVED and visit.exited is not None and visit.exited <= finished
    return moved and visit.stage.order <= order


def pace(items: Iterable[ItemTimes], stream: ValueStream, window: Window) -> Pace:
    """Return the cycle times of the items finished in the window, and their ages per stage.

    Each line is over **all** finished items, those that skipped the stage included, so that the
    lines ascend from stage to stage and end at the percentiles of cycle time.
    """
    finished = [item for item in items if item.finished in window]
    cycle = DurationSummary.of([item.cycle_us for item in finished if item.cycle_us is not None])
    return Pace(cycle, tuple(_line(stage, finished) for stage in doing_stages(stream)))


def doing_stages(stream: ValueStream) -> list[Stage]:
    """Return the stages in which work is in process, in order."""
    return [stage for stage in stream.stages if stream.zone(stage) is Zone.DOING]


def _line(stage: Stage, finished: Sequence[ItemTimes]) -> PaceLine:
    ages = [(pass_us(item, stage.order) or 0) / US_PER_SECOND for item in finished]
    return PaceLine(
        stage,
        p50=percentile_cont(ages, 0.50),
        p85=percentile_cont(ages, 0.85),
        p95=percentile_cont(ages, 0.95),
    )
