"""A made-up year of work, so that every chart has something to show.

A small discrete-event simulation: items arrive, queue for the people of each stage, are worked on
and move on. Because people are finite, queues, work in process and times agree with each other as
they do in life (Little's law holds), which independent random draws would not give.

The constraint is the last active stage but one (testing, by default): it has fewer people than it
needs until two thirds of the time have passed. Of one or two active stages it is the last.
"""

import heapq
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import count
from random import Random

from app.connectors import demo_words as words
from app.domain.errors import InvalidValue
from app.domain.transition import ActorKind, Transition
from app.domain.value_stream import Category, ValueStream, Zone
from app.domain.work_item import DEMO_SOURCE, ItemHistory, WorkItemType

_DAY, _WEEK = 10, 50  # working hours
_BUSY = 9.6  # hours of a working day that pass between 08:00 and 18:00
_OFF = (14, 14, 14, 14, 62)  # hours from 18:00 on each working day to 08:00 on the next
_SUMMER, _SUMMER_PACE = ((7, 10), (8, 20)), 0.5
_RELEASE_SLOTS = (16, 36, 66)  # working hour of the week: Tuesday, Thursday, next Tuesday

# Mean hours of work that a feature needs, and the load: demand as a share of capacity.
_PREPARE, _BUILD, _CHECK, _RELEASE = (6.0, 0.75), (16.0, 0.8), (12.0, 1.14), (1.5, 0.6)
_IMPROVED_AT, _IMPROVED_BY = 2 / 3, 0.4  # when the constraint gets more people, and how many more
_SECOND_LOOK = 0.5  # work that comes back needs this share of the first effort

# Mean delays in working hours: before work may start, between stages, until a fault shows or an
# item is closed for good, until somebody tidies the backlog.
_BACKLOG, _HANDOVER, _SETTLED, _TIDIED = 60.0, 5.0, 40.0, 150.0

_SOMEDAY, _CANCEL_UNSTARTED = 0.06, 0.035  # of arrivals: never pulled, or cancelled before
_CANCEL_STARTED, _DECOMMIT = 0.04, 0.04  # of items, spread evenly over the active stages
_RETURN, _REOPEN, _BY_AGENT = 0.2, 0.045, 0.05  # of checks, of deliveries, of moves by people
_HOTFIX = 0.2  # of bugs: delivered at once, not on a release day
_STRAGGLERS_AT = (0.25, 0.7)  # when, in every stage, one item gets stuck for good


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
    none before `now - days` or after `now`; the board starts empty. About `items_per_week` items
    arrive, half as many in summer. Stages are told apart by order and category, so any stream will
    do. Raises InvalidValue when `now` is naive, or `days` or `items_per_week` is not positive.
    """
    if now.utcoffset() is None:
        raise InvalidValue("now", "expected an instant with an offset")
    if days < 1:
        raise InvalidValue("days", f"expected at least 1, not {days}")
    if not 0 < items_per_week < math.inf:
        raise InvalidValue("items_per_week", f"expected a positive number, not {items_per_week}")
    simulation = _Simulation(stream, _Clock(now.astimezone(UTC), days), items_per_week, seed)
    simulation.run()
    return (item.history(number) for number, item in enumerate(simulation.items, start=1))


class _Clock:
    """Working hours, in which the simulation counts, and the instants they stand for.

    A week has five days of ten hours. The last minutes of each day are stretched over the
    evening, night or weekend that follows: little happens there, but not nothing.
    """

    def __init__(self, now: datetime, days: int) -> None:
        self.now, self._start = now, now - timedelta(days=days)
        monday = self._start.date() - timedelta(days=self._start.weekday() + 7)
        self._origin = datetime.combine(monday, time(8), UTC)

    def hour(self, share: float) -> int:
        """Return the first full working hour after this share of the time."""
        instant = self._start + share * (self.now - self._start)
        hours = range(((instant - self._origin).days // 7 + 1) * _WEEK)
        return bisect_left(hours, instant, key=self.instant)

    def instant(self, hours: float) -> datetime:
        """Return when this many working hours have passed."""
        days, hour = divmod(hours, _DAY)
        week, weekday = divmod(int(days), len(_OFF))
        late = max(0.0, hour - _BUSY) / (_DAY - _BUSY)
        passed = min(1.0, hour / _BUSY) * 10 + late * _OFF[weekday]
        return self._origin + timedelta(days=7 * week + weekday, hours=passed)


@dataclass(slots=True)
class _Item:
    """A work item on its way; `place` is the index of its stage."""

    type: WorkItemType
    title: str
    skips: frozenset[int]
    place: int = 0
    worked_at: set[int] = field(default_factory=set)
    moves: list[Transition] = field(default_factory=list)
    cancelled: tuple[datetime | None, str | None] = (None, None)

    def history(self, number: int) -> ItemHistory:
        created, moves, key = self.moves[0].timestamp, tuple(self.moves), f"DEMO-{number}"
        return ItemHistory(self.title, self.type, created, moves, key, DEMO_SOURCE, *self.cancelled)


class _Station:
    """The people of an active stage and the items that wait for them, bugs before others."""

    def __init__(self, effort: float, load: float, items_per_week: float) -> None:
        self.queue: list[tuple[bool, int, _Item]] = []
        people = items_per_week * words.MEAN_SIZE * effort / _WEEK / load
        self.people = self.free = max(1, round(people))
        # People come whole: another effort keeps the load what it is meant to be.
        self.effort = effort * min(self.people / people, 1.5)


class _Simulation:
    """One run: what happened so far, and the agenda of what happens next."""

    def __init__(self, stream: ValueStream, clock: _Clock, rate: float, seed: int) -> None:
        self.items: list[_Item] = []
        self._rng = Random(seed)  # noqa: S311 - a repeatable demonstration, nothing to protect
        self._clock, self._hour = clock, float(clock.hour(0))
        self._instant = clock.instant(self._hour)
        self._between_arrivals = _WEEK / rate
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._serial, self._event = count(), count(1)
        self._releases: dict[float, float] = {}
        self._stages = stream.stages
        self._parks = stream.zone(stream.first_stage) is Zone.TODO
        self._stuck_after = [[clock.hour(share) for share in _STRAGGLERS_AT] for _ in self._stages]
        self._assign_roles(rate)

    def _assign_roles(self, rate: float) -> None:
        """Tell by its place what each stage is for: prepare, build, check, release, deliver."""
        categories = [stage.category for stage in self._stages]
        active = [at for at, category in enumerate(categories) if category is Category.ACTIVE]
        self._delivered = categories.index(Category.DONE)
        rest = active.copy()
        self._release = rest.pop() if rest[2:] else self._delivered  # two can only build and check
        self._check = rest.pop()
        self._build = rest.pop() if rest else self._check
        self._prepare = frozenset(rest)
        roles = {self._release: _RELEASE, self._build: _BUILD, self._check: _CHECK}
        self._stations = {at: _Station(*roles.get(at, _PREPARE), rate) for at in active}

    def run(self) -> None:
        """Let everything happen that happens until now."""
        self._at(self._clock.hour(_IMPROVED_AT), self._improve)
        self._await_arrival()
        while self._agenda:
            self._hour, _, happen = heapq.heappop(self._agenda)
            self._instant = self._clock.instant(self._hour)
            if self._instant > self._clock.now:
                return
            happen()

    def _at(self, hour: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (hour, next(self._serial), happen))

    def _after(self, hours: float, happen: Callable[[], None]) -> None:
        first, last = _SUMMER
        in_summer = first <= (self._instant.month, self._instant.day) <= last
        self._at(self._hour + hours / (_SUMMER_PACE if in_summer else 1), happen)

    def _draw(self, mean: float, sigma: float = 1.0) -> float:
        """Draw a duration: log-normal, as those of knowledge work are."""
        return self._rng.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)

    def _happens(self, chance: float) -> bool:
        return self._rng.random() < chance

    def _arrive(self) -> None:
        type_ = words.choose_type(self._rng)
        kind = words.KINDS[type_]
        skips = self._prepare if self._happens(kind.skips_preparation) else frozenset[int]()
        self.items.append(_Item(type_, kind.title(self._rng), skips))
        self._enter(self.items[-1], 0)
        self._await_arrival()

    def _await_arrival(self) -> None:
        """Expect the next item: requests come more evenly than by pure chance."""
        self._after(self._rng.gammavariate(3, self._between_arrivals / 3), self._arrive)

    def _improve(self) -> None:
        constraint = self._stations[self._check]
        constraint.free += max(1, round(constraint.people * _IMPROVED_BY))
        self._serve(self._check)

    def _enter(self, item: _Item, place: int, reason: str | None = None) -> None:
        """Move an item to a stage, and see to what becomes of it there."""
        self._record(item, place, reason)
        category = self._stages[place].category
        if category is Category.ACTIVE:
            self._queue(item, place)
        elif category is Category.WAIT:
            mean = _BACKLOG if place == 0 else _HANDOVER
            self._after(self._draw(mean), partial(self._ready, item))
        elif place == self._delivered and self._happens(_REOPEN):
            fault = self._rng.choice(words.REOPEN_REASONS)
            self._after(self._draw(_SETTLED), partial(self._enter, item, self._build, fault))
        elif place + 1 < len(self._stages):
            self._after(self._draw(_SETTLED), partial(self._enter, item, place + 1))

    def _record(self, item: _Item, place: int, reason: str | None = None) -> None:
        left = self._stages[item.place].name if item.moves else None
        actor = ActorKind.AGENT if self._happens(_BY_AGENT) else ActorKind.HUMAN
        if item.place < place and place in {self._release, self._delivered}:
            actor = ActorKind.AUTOMATION
        entered, event = self._stages[place].name, f"demo:{next(self._event)}"
        item.moves.append(Transition(entered, self._instant, left, event, reason, actor))
        item.place = place

    def _ready(self, item: _Item) -> None:
        """Let an item leave a waiting stage, unless it is one of those that never do."""
        if self._gets_stuck(item) or (item.place == 0 and self._happens(_SOMEDAY)):
            return
        if item.place == 0 and self._happens(_CANCEL_UNSTARTED):
            self._after(self._draw(_TIDIED), partial(self._cancel, item))
        else:
            self._pass_on(item)

    def _queue(self, item: _Item, place: int) -> None:
        turn = (item.type is not WorkItemType.BUG, next(self._serial), item)
        heapq.heappush(self._stations[place].queue, turn)
        self._serve(place)

    def _serve(self, place: int) -> None:
        """Give waiting items to those who are free; what waits in the stage before is pulled in."""
        station = self._stations[place]
        while station.free and station.queue:
            station.free -= 1
            *_, item = heapq.heappop(station.queue)
            if item.place != place:
                self._record(item, place)
            kind = words.KINDS[item.type]
            looks = _SECOND_LOOK if place in item.worked_at else 1
            item.worked_at.add(place)
            effort = self._draw(station.effort * kind.size * looks, kind.sigma)
            self._after(effort, partial(self._worked, item))

    def _worked(self, item: _Item) -> None:
        place = item.place
        if not self._gets_stuck(item):
            self._decide(item)
        self._stations[place].free += 1
        self._serve(place)

    def _decide(self, item: _Item) -> None:
        """Choose what becomes of an item after work: seldom dropped, mostly passed on."""
        fate = self._rng.random() * len(self._stations)
        if fate < _CANCEL_STARTED:
            self._cancel(item)
        elif fate < _CANCEL_STARTED + _DECOMMIT and self._parks:
            self._enter(item, 0, self._rng.choice(words.DECOMMIT_REASONS))
        elif item.place == self._check != self._build and self._happens(_RETURN):
            self._enter(item, self._build, self._rng.choice(words.RETURN_REASONS))
        else:
            self._pass_on(item)

    def _pass_on(self, item: _Item) -> None:
        """Send an item on: from waiting to work when somebody has time, else at once."""
        following = next(at for at in count(item.place + 1) if at not in item.skips)
        hotfix = item.type is WorkItemType.BUG and self._happens(_HOTFIX)
        if self._stages[item.place].category is Category.WAIT and following in self._stations:
            self._queue(item, following)
        elif following == self._delivered and not hotfix:
            self._at(self._next_release(), partial(self._enter, item, following))
        else:
            self._enter(item, following)

    def _next_release(self) -> float:
        """Return when the next release goes out: everything in it, at one instant."""
        week = self._hour // _WEEK * _WEEK
        slot = next(week + slot for slot in _RELEASE_SLOTS if week + slot > self._hour)
        return self._releases.setdefault(slot, slot + self._rng.random())

    def _cancel(self, item: _Item) -> None:
        item.cancelled = (self._instant, self._rng.choice(words.CANCEL_REASONS))

    def _gets_stuck(self, item: _Item) -> bool:
        due = self._stuck_after[item.place]
        stuck = bool(due) and due[0] < self._hour
        del due[:stuck]
        return stuck
