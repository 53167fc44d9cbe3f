"""Items as step functions: where each was when, by the moves that were told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = 10**18
NOWHERE = "∅"


def us(instant: datetime | str) -> int:
    """Return an instant as microseconds."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    apart = instant - EPOCH
    return (apart.days * 86_400 + apart.seconds) * 10**6 + apart.microseconds


@dataclass(frozen=True)
class Board:
    """The stages: order and category by name, and the zone of each."""

    order: dict[str, int]
    category: dict[str, str]

    @classmethod
    def of(cls, stages: Sequence[dict[str, Any]]) -> "Board":
        """Read what `GET /api/v1/stages` answers."""
        return cls(
            {each["name"]: each["order"] for each in stages},
            {each["name"]: each["category"] for each in stages},
        )

    def zone(self, stage: str) -> str:
        """Tell where a stage lies: work begins at the first active one."""
        if stage == NOWHERE:
            return "todo"
        if self.category[stage] == "done":
            return "done"
        begin = min(at for name, at in self.order.items() if self.category[name] == "active")
        return "todo" if self.order[stage] < begin else "doing"

    def of_zone(self, *zones: str) -> list[str]:
        """Return the stages of some zones, in order."""
        return [
            name
            for name in sorted(self.order, key=self.order.__getitem__)
            if self.zone(name) in zones
        ]


@dataclass(frozen=True)
class Visit:
    """A stay of an item in a stage, `[enter, leave)`; `to` is where it went, None for nowhere."""

    stage: str
    enter: int
    leave: int
    to: str | None
    cancelled: bool

    def within(self, start: int, end: int) -> int:
        """Return how much of it lies in `[start, end)`."""
        return max(0, min(self.leave, end) - max(self.enter, start))


@dataclass(frozen=True)
class Item:
    """An item as of an instant."""

    id: int
    type: str
    board: Board
    visits: tuple[Visit, ...]
    created: int
    started: int | None
    finished: int | None
    cancelled: int | None
    told: tuple[tuple[int, str], ...]
    said_created: int
    blocks: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, told: dict[str, Any], board: Board, as_of: int) -> "Item | None":
        """Bring what was told into normal form; None for an item of which nothing was known."""
        moves = sorted(
            ((us(at), stage) for at, stage in told["moves"] if us(at) <= as_of),
            key=lambda move: move[0],
        )
        created = min([us(told["created"]), *(at for at, _ in moves)])
        if created > as_of:
            return None
        cancelled = us(told["cancelled"]) if told["cancelled"] else None
        if cancelled is not None and cancelled > as_of:
            cancelled = None
        entries = [(created, NOWHERE)]
        for at, stage in moves:
            if stage != entries[-1][1]:
                entries.append((at, stage))
        visits = tuple(_visits(entries, board, cancelled))
        entered = [(v.enter, board.zone(v.stage)) for v in visits if v.stage != NOWHERE]
        started = next((at for at, zone in entered if zone != "todo"), None)
        finished = next((at for at, zone in entered if zone == "done"), None)
        blocks = tuple(
            (us(begins), us(ends) if ends else FOREVER)
            for begins, ends in told.get("blocks", ())
            if us(begins) <= as_of
        )
        return cls(
            told["id"], told["type"], board, visits, created, started, finished, cancelled,
            tuple(moves), us(told["created"]), blocks,
        )  # fmt: skip

    @property
    def stays(self) -> list[Visit]:
        """The visits to stages, without the time before the first."""
        return [visit for visit in self.visits if visit.stage != NOWHERE]

    def zone(self, visit: Visit) -> str:
        """Tell the zone of a visit."""
        return self.board.zone(visit.stage)

    def zone_at(self, instant: int) -> str | None:
        """Tell in which zone the item is at an instant; None before its creation and after."""
        for visit in self.visits:
            if visit.enter <= instant < visit.leave:
                return self.zone(visit)
        return None

    def stage_at(self, instant: int) -> str | None:
        """Tell in which stage the item is at an instant."""
        return next((v.stage for v in self.visits if v.enter <= instant < v.leave), None)

    def in_doing(self, start: int, end: int) -> int:
        """Return the time in process within `[start, end)`."""
        return sum(v.within(start, end) for v in self.visits if self.zone(v) == "doing")

    def blocked_in(self, visit: Visit) -> int:
        """Return how long a visit was blocked, between the first start and the first finish."""
        start, end = max(visit.enter, self.started or 0), min(visit.leave, self.finished or 0)
        edges = sorted({start, end, *(at for block in self.blocks for at in block)})
        return sum(
            b - a
            for a, b in pairwise(edges)
            if start <= a and b <= end and any(x <= a and b <= y for x, y in self.blocks)
        )

    @property
    def discarded(self) -> int | None:
        """When it was given up, unfinished."""
        return self.cancelled if self.finished is None else None

    def before_finish(self) -> list[Visit]:
        """Return the visits that ended by the first finish."""
        found = []
        for visit in self.visits:
            if self.zone(visit) == "done":
                break
            found.append(visit)
        return found

    def moved(self) -> Iterator[Visit]:
        """Tell of the visits that a move ended."""
        return (visit for visit in self.visits if visit.to is not None)


def _visits(
    entries: Sequence[tuple[int, str]], board: Board, cancelled: int | None
) -> Iterator[Visit]:
    """Tell the visits; what is delivered stays, whatever is cancelled."""
    for number, (at, stage) in enumerate(entries):
        if number + 1 < len(entries):
            leave, to = entries[number + 1]
            if stage == NOWHERE and leave == at:
                continue  # created by its first move
            yield Visit(stage, at, leave, to, cancelled=False)
        elif cancelled is not None and board.zone(stage) != "done":
            yield Visit(stage, at, cancelled, None, cancelled=True)
        else:
            yield Visit(stage, at, FOREVER, None, cancelled=False)
