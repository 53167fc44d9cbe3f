"""A made-up year of work, so that every chart has something true to show.

A small discrete-event simulation: items arrive, queue for the people of each stage, are worked on
and move on. Because people are finite, queues, work in process and times agree with each other as
they do in life (Little's law holds), which independent random draws would not give.

The team has one constraint: the stage before the last active one (testing, by default) has less
capacity than the demand until two thirds of the time have passed, and enough of it afterwards.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from random import Random

from app.connectors import demo_words as words
from app.domain.errors import InvalidValue
from app.domain.transition import ActorKind, Transition
from app.domain.value_stream import Category, ValueStream, Zone
from app.domain.work_item import ItemHistory, WorkItemType


@dataclass(frozen=True, slots=True)
class _Kind:
    """How common a type is, how large compared with a feature, and how much its size varies."""

    share: float
    size: float
    sigma: float


_KINDS = {
    WorkItemType.FEATURE: _Kind(share=0.45, size=1.0, sigma=0.6),
    WorkItemType.BUG: _Kind(share=0.30, size=0.45, sigma=0.9),
    WorkItemType.TASK: _Kind(share=0.20, size=0.5, sigma=0.5),
    WorkItemType.EPIC: _Kind(share=0.05, size=3.0, sigma=0.7),
}
_MEAN_SIZE = sum(kind.share * kind.size for kind in _KINDS.values())

_DAY, _WEEK = 10.0, 50.0  # working hours
_BUSY = 9.6  # hours of a working day that fall between 08:00 and 18:00

# Mean hours of work that a feature needs, and the load: demand as a share of capacity.
_PREPARE, _BUILD, _CHECK, _RELEASE = (6.0, 0.75), (16.0, 0.8), (12.0, 1.05), (1.5, 0.6)
_IMPROVED_AT, _IMPROVED_BY = 2 / 3, 0.4  # when the constraint gets more people, and how many more

_BACKLOG_HOURS, _HANDOVER_HOURS = 60.0, 5.0  # mean delay before work could start; between stages
_SETTLED_HOURS = 40.0  # mean time until a fault shows in production, or an item is closed for good
_SECOND_LOOK = 0.5  # work that comes back needs this share of the first effort

_SOMEDAY = 0.06  # never pulled out of the backlog
_CANCEL_UNSTARTED, _CANCEL_STARTED, _DECOMMIT = 0.035, 0.04, 0.035  # of all items
_RETURN = 0.2  # of checks
_REOPEN = 0.04  # of deliveries
_HOTFIX = 0.2  # of bugs: delivered at once, not on a release day
_SKIPS_PREPARATION = {WorkItemType.BUG: 1.0, WorkItemType.TASK: 0.35}
_BY_AGENT = 0.05  # of moves that people would make

_RELEASE_SLOTS = tuple(day * _DAY + 6.0 for day in (1, 3, 6))  # Tuesday, Thursday, next Tuesday
_SUMMER, _SUMMER_PACE = ((7, 10), (8, 20)), 0.5
_STRAGGLERS_AT = (0.25, 0.7)  # when, in every stage, one item gets stuck and stays


def histories(
    stream: ValueStream,
    *,
    now: datetime,
    days: int = 365,
    items_per_week: float = 12,
    seed: int = 1,
) -> Iterator[ItemHistory]:
    """Return made-up histories of `days` days up to `now`, in order of creation.

    The same arguments give the same histories; another seed gives others. Instants are in UTC,
    after `now - days` and never after `now`; the team starts with an empty board. About
    `items_per_week` items arrive, half as many in the summer lull. Stages are told apart by
    their order and category, so any stream will do. Raises InvalidValue when `now` is naive, or
    when `days` or `items_per_week` is not positive.
    """
    if now.utcoffset() is None:
        raise InvalidValue("now", "expected an instant with an offset")
    if days < 1:
        raise InvalidValue("days", f"expected at least 1, not {days}")
    if not 0 < items_per_week < math.inf:
        raise InvalidValue("items_per_week", f"expected a positive number, not {items_per_week}")
    simulation = _Simulation(_Layout.of(stream), _Clock(now, days), items_per_week, seed)
    simulation.run()
    return (item.history(number) for number, item in enumerate(simulation.items, start=1))


class _Clock:
    """Working hours, in which the simulation counts, and the instants they stand for.

    A week has five days of ten hours. The last minutes of each day are stretched over the
    evening, night or weekend after it: little happens there, but not nothing.
    """

    def __init__(self, now: datetime, days: int) -> None:
        self.now = now.astimezone(UTC)
        start = self.now - timedelta(days=days)
        monday = start - timedelta(days=start.weekday() + 7)
        self._origin = monday.replace(hour=8, minute=0, second=0, microsecond=0)
        self.start, self.end = self._hours(start), self._hours(self.now)

    def instant(self, hours: float) -> datetime:
        """Return when this many working hours have passed."""
        days, hour = divmod(hours, _DAY)
        week, weekday = divmod(int(days), 5)
        if hour < _BUSY:
            clock_hour = hour * 10 / _BUSY
        else:
            clock_hour = 10 + (hour - _BUSY) / (_DAY - _BUSY) * _rest_after(weekday)
        return self._origin + timedelta(days=7 * week + weekday, hours=clock_hour)

    def pace(self, hours: float) -> float:
        """Return how fast work goes at this time of the year: 1 outside the summer lull."""
        instant = self.instant(hours)
        first, last = _SUMMER
        return _SUMMER_PACE if first <= (instant.month, instant.day) <= last else 1.0

    def _hours(self, instant: datetime) -> float:
        weeks, rest = divmod(instant - self._origin, timedelta(weeks=1))
        weekday = min(rest.days, 4)
        clock_hour = (rest - timedelta(days=weekday)) / timedelta(hours=1)
        if clock_hour < 10:  # noqa: PLR2004 - the length of the day from 08:00 to 18:00
            hour = clock_hour * _BUSY / 10
        else:
            hour = _BUSY + (clock_hour - 10) / _rest_after(weekday) * (_DAY - _BUSY)
        return weeks * _WEEK + weekday * _DAY + hour


def _rest_after(weekday: int) -> int:
    """Return the hours from 18:00 of this working day to 08:00 of the next."""
    friday = 4
    return 62 if weekday == friday else 14


@dataclass(frozen=True)
class _Layout:
    """What each stage of a stream is for, told by its place alone."""

    stream: ValueStream
    prepare: tuple[int, ...]  # active stages before building: bugs skip them
    build: int  # where work returns to
    check: int  # the constraint
    release: int | None  # the last active stage, if it is neither of the two
    delivered: int  # the first done stage

    @classmethod
    def of(cls, stream: ValueStream) -> "_Layout":
        categories = [stage.category for stage in stream.stages]
        active = [at for at, category in enumerate(categories) if category is Category.ACTIVE]
        delivered = categories.index(Category.DONE)
        release = active.pop() if len(active) > 2 else None  # noqa: PLR2004 - build, check, release
        check = active.pop()
        build = active.pop() if active else check
        return cls(stream, tuple(active), build, check, release, delivered)

    def effort_and_load(self, place: int) -> tuple[float, float]:
        """Return the mean hours for a feature in this active stage, and demand by capacity."""
        if place == self.check:
            return _CHECK
        if place == self.build:
            return _BUILD
        return _RELEASE if place == self.release else _PREPARE


@dataclass(slots=True)
class _Item:
    """A work item on its way."""

    kind: WorkItemType
    title: str
    skips: tuple[int, ...]
    place: int = 0
    seen: set[int] = field(default_factory=set)
    moves: list[Transition] = field(default_factory=list)
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None

    def history(self, number: int) -> ItemHistory:
        return ItemHistory(
            title=self.title,
            type=self.kind,
            created_at=self.moves[0].timestamp,
            transitions=tuple(self.moves),
            key=f"DEMO-{number}",
            source="demo",
            cancelled_at=self.cancelled_at,
            cancel_reason=self.cancel_reason,
        )


class _Station:
    """The people of an active stage and the items that wait for them."""

    def __init__(self, place: int, effort: float, load: float, items_per_week: float) -> None:
        self.place = place
        self.queue: list[tuple[bool, int, _Item]] = []
        demand = items_per_week * _MEAN_SIZE * effort / _WEEK / load
        self.people = self.free = max(1, round(demand))
        # People come whole: a somewhat other effort keeps the load what it is meant to be.
        self.effort = effort * min(self.people / demand, 1.5)


class _Simulation:
    """One run: the agenda of what happens next, and everything that happened."""

    def __init__(self, layout: _Layout, clock: _Clock, items_per_week: float, seed: int) -> None:
        self.items: list[_Item] = []
        self._layout = layout
        self._stages = layout.stream.stages
        self._clock = clock
        self._hourly_rate = items_per_week / _WEEK
        self._rng = Random(seed)  # noqa: S311 - a repeatable demonstration, nothing to protect
        self._serial = count(1)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._hour = clock.start
        self._releases: dict[float, float] = {}
        self._stations = {
            at: _Station(at, *layout.effort_and_load(at), items_per_week)
            for at, stage in enumerate(self._stages)
            if stage.category is Category.ACTIVE
        }
        self._stragglers = [[self._share(part) for part in _STRAGGLERS_AT] for _ in self._stages]

    def run(self) -> None:
        """Let everything happen that happens until now."""
        self._after(self._rng.expovariate(self._hourly_rate), self._arrive)
        while self._agenda:
            self._hour, _, happen = heapq.heappop(self._agenda)
            if self._clock.instant(self._hour) > self._clock.now:
                return
            happen()

    def _after(self, hours: float, happen: Callable[[], None]) -> None:
        """Put something on the agenda, for later in a lull than at other times."""
        when = self._hour + hours / self._clock.pace(self._hour)
        heapq.heappush(self._agenda, (when, next(self._serial), happen))

    def _hours(self, mean: float, sigma: float) -> float:
        """Draw a duration: log-normal, as durations of knowledge work are."""
        return self._rng.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)

    def _arrive(self) -> None:
        kinds = list(_KINDS)
        kind = self._rng.choices(kinds, [_KINDS[kind].share for kind in kinds])[0]
        hasty = self._rng.random() < _SKIPS_PREPARATION.get(kind, 0)
        item = _Item(kind, words.title(self._rng, kind), self._layout.prepare if hasty else ())
        # An item whose way begins with a stage it could skip must still begin somewhere.
        self.items.append(item)
        self._move(item, 0)
        self._after(self._rng.expovariate(self._hourly_rate), self._arrive)
