"""What goes through each stage, how long a visit lasts, and how full the stage is.

A visit belongs to the window in which it ends, presence is clipped to the window. All sums are in
whole microseconds. How long a visit lasts is told by its item's clock; presence is elapsed time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from app.domain.value_stream import Stage, ValueStream, Zone
from app.domain.visit import Ending, Visit
from app.flow.calendar import US_PER_SECOND, Window, elapsed_us
from app.flow.summary import DurationSummary
from app.flow.times import ItemTimes

US_PER_HOUR = 3600 * US_PER_SECOND

LimitTerms = Sequence[tuple[datetime, int | None]]
"""From when on which WIP limit was in force; None: no limit any more."""

Limits = Mapping[str, LimitTerms]
"""The limits of stages over time, by the stages' names."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """One stage in one window.

    - `arrivals`, `departures`: visits that began and that ended in the window. A cancellation ends
      a visit, so `at_end` = number at the start + arrivals - departures.
    - `discarded`: items given up here, unfinished.
    - `visit_time`: durations of the visits that a **move** ended in the window. An item that comes
      back makes another visit; a visit of no length counts, and `instant_visits` says how many
      there are, whatever the clock. Visits that still last and visits that a cancellation cut off
      are left out: what they would have lasted is not known.
    - `occupancy_us`: the time all items spent here within the window, until their cancellation.
      Over the stages in doing it adds up to the integral of WIP (Little & Graves 2008, per stage).
    - `at_end`: items here when the window ends.
    - `at_limit_us`, `over_limit_us`: how long as many items as the WIP limit of the moment, or
      more, were here at once, and how long more than that; None when there was no limit.

    `occupancy_us` and `at_end` are None for a done stage: what is delivered stays there for good.
    """

    stage: Stage
    arrivals: int
    departures: int
    discarded: int
    instant_visits: int
    visit_time: DurationSummary
    occupancy_us: int | None
    at_end: int | None
    at_limit_us: int | None
    over_limit_us: int | None

    def occupancy(self, window_us: int) -> float | None:
        """Return the number of items here, averaged over the window's time."""
        return None if self.occupancy_us is None else self.occupancy_us / window_us

    def share_at_limit(self, window_us: int) -> float | None:
        """Return the share of the window's time during which the stage was full."""
        return None if self.at_limit_us is None else self.at_limit_us / window_us

    def share_over_limit(self, window_us: int) -> float | None:
        """Return the share of the window's time during which the stage was fuller than full."""
        return None if self.over_limit_us is None else self.over_limit_us / window_us


@dataclass(frozen=True, slots=True)
class StagePresence:
    """Every stage in one window, and the items that are in no stage yet.

    An item created before its first move waits, in zone todo, for a stage: `unplaced_us` is the
    time all items did so within the window, `unplaced_at_end` their number when it ends, and
    `unplaced_discarded` how many were given up there.
    """

    stages: tuple[StageTimes, ...]
    unplaced_us: int
    unplaced_at_end: int
    unplaced_discarded: int

    @property
    def discarded(self) -> int:
        """Items given up unfinished in the window."""
        return self.unplaced_discarded + sum(each.discarded for each in self.stages)


def stage_presence(
    items: Iterable[ItemTimes], stream: ValueStream, window: Window, limits: Limits | None = None
) -> StagePresence:
    """Look at each stage of the stream in the window, from items in normal form.

    `limits` has the WIP limits of stages over time; a stage not in it has always had its present
    one.
    """
    known = tuple(items)
    over_time = limits or {}
    waits = [stay for item in known if (stay := _unplaced(item)) is not None]
    return StagePresence(
        stages=tuple(
            _stage_times(
                known,
                stage,
                stream,
                window,
                over_time.get(stage.name, [(window.start, stage.wip_limit)]),
            )
            for stage in stream.stages
        ),
        unplaced_us=sum(window.overlap_us(start, end) for start, end in waits),
        unplaced_at_end=sum(_covers(start, end, window.last) for start, end in waits),
        unplaced_discarded=_discarded(known, None, window),
    )


def visits_to(items: Iterable[ItemTimes], stage: Stage) -> Iterator[Visit]:
    """Return all stays of all items in a stage."""
    return (visit for item in items for visit in item.visits if visit.stage == stage)


def _stage_times(
    items: tuple[ItemTimes, ...],
    stage: Stage,
    stream: ValueStream,
    window: Window,
    limits: LimitTerms,
) -> StageTimes:
    visits = tuple(visits_to(items, stage))
    moved_on = [
        (item, visit.entered, visit.exited)
        for item in items
        for visit in visits_to([item], stage)
        if visit.ending is Ending.MOVED and visit.exited is not None and visit.exited in window
    ]
    is_stock = stream.zone(stage) is Zone.DONE
    load = None if is_stock else limit_load(visits, limits, window)
    return StageTimes(
        stage=stage,
        arrivals=sum(visit.entered in window for visit in visits),
        departures=sum(visit.exited in window for visit in visits),
        discarded=_discarded(items, stage, window),
        instant_visits=sum(entered == exited for _, entered, exited in moved_on),
        visit_time=DurationSummary.of(
            [item.between(entered, exited) for item, entered, exited in moved_on]
        ),
        occupancy_us=None
        if is_stock
        else sum(window.overlap_us(visit.entered, visit.exited) for visit in visits),
        at_end=None
        if is_stock
        else sum(_covers(visit.entered, visit.exited, window.last) for visit in visits),
        at_limit_us=None if load is None else load.at_limit_us,
        over_limit_us=None if load is None else load.over_limit_us,
    )


def _discarded(items: tuple[ItemTimes, ...], stage: Stage | None, window: Window) -> int:
    return sum(item.discarded in window for item in items if item.current_stage == stage)


@dataclass(frozen=True, slots=True)
class LimitLoad:
    """How a stage fared with its WIP limits in a window, in microseconds.

    - `limited_us`: how long any limit was in force.
    - `at_limit_us`: how long as many items as the limit of the moment, or more, were there.
    - `over_limit_us`: how long more items than that were there; a part of the time at the limit.
    """

    limited_us: int
    at_limit_us: int
    over_limit_us: int


def limit_load(visits: Iterable[Visit], limits: LimitTerms, window: Window) -> LimitLoad | None:
    """Hold the visits to a stage against its limits over time, within the window.

    A limit is in force from its own instant, included, until the next one; None is no limit.
    Before the first one there is none. Returns None when none was in force within the window.
    """
    edges = [*sorted(limits, key=lambda each: each[0]), (window.end, None)]
    spans = [
        (max(since, window.start), min(until, window.end), limit)
        for (since, limit), (until, _) in pairwise(edges)
        if limit is not None and since < window.end and until > window.start and since < until
    ]
    if not spans:
        return None
    known = tuple(visits)
    levels = [
        (items - limit, us)
        for start, end, limit in spans
        for items, us in _levels(known, start, end)
    ]
    return LimitLoad(
        limited_us=sum(us for _, us in levels),
        at_limit_us=sum(us for excess, us in levels if excess >= 0),
        over_limit_us=sum(us for excess, us in levels if excess > 0),
    )


def _levels(visits: tuple[Visit, ...], start: datetime, end: datetime) -> list[tuple[int, int]]:
    """Return how many visits lasted at once, and for how long, through `[start, end)`."""
    steps = sorted(
        (min(max(at, start), end), step)
        for visit in visits
        for at, step in ((visit.entered, 1), (visit.exited or end, -1))
    )
    found: list[tuple[int, int]] = []
    present, since = 0, start
    for at, step in [*steps, (end, 0)]:
        found.append((present, elapsed_us(since, at)))
        present, since = present + step, at
    return found


def _unplaced(item: ItemTimes) -> tuple[datetime, datetime | None] | None:
    """Return the time between an item's creation and its first stage, None when there is none."""
    end = item.visits[0].entered if item.visits else item.cancelled
    return None if end == item.created else (item.created, end)


def _covers(start: datetime, end: datetime | None, instant: datetime) -> bool:
    return start <= instant and (end is None or instant < end)
