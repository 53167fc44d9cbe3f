"""What the rules of data quality find in histories: the definition, in plain Python.

The database finds the same. Left out are the two rules that need what a history does not hold:
when a move was recorded, and how lively its source is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import attrgetter

from app.domain.value_stream import Stage, ValueStream, Zone
from app.domain.visit import Ending
from app.domain.work_item import ItemHistory
from app.flow.calendar import Window, elapsed_us, utc
from app.flow.data_quality import (
    BATCH,
    IDLE_DEFAULT_US,
    IDLE_MIN_VISITS,
    JUMP,
    Finding,
    idle_rank,
    rule,
)
from app.flow.times import ItemTimes, item_times


@dataclass(frozen=True, slots=True)
class _Move:
    """A move with what the order of moves tells about it; `item` is the item's place."""

    item: int
    at: datetime
    left: Stage | None
    left_since: datetime | None
    entered: Stage
    asserted: Stage | None

    @property
    def is_real(self) -> bool:
        return self.left != self.entered


def find(
    histories: Sequence[ItemHistory], stream: ValueStream, window: Window
) -> dict[str, Finding]:
    """Return what each rule finds, by its name; items are named by their place, from 0."""
    moves = [
        move
        for place, told in enumerate(histories)
        for move in _moves(place, told, stream)
        if move.at in window
    ]
    items = [item_times(told, stream, window.as_of) for told in histories]
    findings = [*_in_moves(moves, stream), *_in_items(histories, items, window)]
    findings.append(_long_idle(items, stream, window))
    return {finding.rule.name: finding for finding in findings}


def _moves(place: int, told: ItemHistory, stream: ValueStream) -> Iterable[_Move]:
    ordered = sorted(told.transitions, key=attrgetter("timestamp"))
    stages = [None, *(stream.stage(each.to_stage) for each in ordered)]
    since: datetime | None = None
    for transition, (left, entered) in zip(ordered, pairwise(stages), strict=True):
        at, asserted = utc(transition.timestamp), transition.from_stage
        if entered is not None:
            yield _Move(
                place, at, left, since, entered, stream.stage(asserted) if asserted else None
            )
        since = since if left == entered else at


def _in_moves(moves: Sequence[_Move], stream: ValueStream) -> list[Finding]:
    changes = [move for move in moves if move.is_real and move.left is not None]
    unfinished = [
        move for move in moves if move.is_real and stream.zone(move.entered) is not Zone.DONE
    ]
    together = Counter((move.entered, move.at) for move in unfinished)

    def jumps(move: _Move) -> bool:
        places = stream.stages.index
        return move.left is not None and places(move.entered) - places(move.left) >= JUMP

    return [
        _among("from_mismatch", [m for m in moves if m.asserted], lambda m: m.asserted != m.left),
        _among("teleports", changes, jumps),
        _among("instant_visits", changes, lambda move: move.at == move.left_since),
        _among("batch_moves", unfinished, lambda m: together[m.entered, m.at] >= BATCH),
        _among("self_transitions", moves, lambda move: not move.is_real),
    ]


def _among(name: str, population: Sequence[_Move], holds: Callable[[_Move], bool]) -> Finding:
    found = [move.item for move in population if holds(move)]
    return _finding(name, len(population), found)


def _finding(name: str, population: int, found: Sequence[int]) -> Finding:
    items = tuple(sorted(set(found)))
    return Finding(rule(name), population, len(found), len(items), items)


def _in_items(
    histories: Sequence[ItemHistory], items: Sequence[ItemTimes], window: Window
) -> list[Finding]:
    created = [place for place, item in enumerate(items) if item.created in window]
    finished = [place for place, item in enumerate(items) if item.finished in window]
    return [
        _finding(
            "items_without_transition",
            len(created),
            [place for place in created if not items[place].visits],
        ),
        _finding(
            "created_after_first_transition",
            len(created),
            [place for place in created if items[place].created < utc(histories[place].created_at)],
        ),
        _finding(
            "completed_without_start",
            len(finished),
            [place for place in finished if items[place].cycle_us == 0],
        ),
    ]


def _long_idle(items: Sequence[ItemTimes], stream: ValueStream, window: Window) -> Finding:
    limit = idle_limit_us(items, stream, window)
    standing = {
        place: max(visit.entered for visit in item.visits if visit.entered <= window.last)
        for place, item in enumerate(items)
        if item.in_process(window.last)
    }
    idle = [place for place, at in standing.items() if elapsed_us(at, window.end) > limit]
    return _finding("long_idle", len(standing), idle)


def idle_limit_us(items: Iterable[ItemTimes], stream: ValueStream, window: Window) -> int:
    """Return how long a stay in doing may last before it is long, in microseconds.

    The 95th percentile (an order statistic, PostgreSQL's `percentile_disc`) of the stays in doing
    that ended in the window by a move; 30 days for fewer than 20 of them.
    """
    stays = sorted(
        elapsed_us(visit.entered, visit.exited)
        for item in items
        for visit in item.visits
        if visit.exited is not None
        and visit.exited in window
        and visit.ending is Ending.MOVED
        and stream.zone(visit.stage) is Zone.DOING
    )
    if len(stays) < IDLE_MIN_VISITS:
        return IDLE_DEFAULT_US
    return stays[idle_rank(len(stays))]
