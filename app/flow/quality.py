"""How often work has to be done again: complete and accurate, first time through, rework.

The cohort is the items finished in a window, each with its moves up to its first finish. Nothing
that happens later changes these figures, and nothing unfinished is in them.

A move backward within doing is **rework**. Moving from doing back to todo is a decommit, a decision
about priorities rather than a defect; coming back from done is a reopening. Both are reported
elsewhere.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from app.domain.value_stream import Stage, ValueStream, Zone
from app.domain.visit import Visit
from app.flow.calendar import Window
from app.flow.times import ItemTimes


@dataclass(frozen=True, slots=True)
class StageQuality:
    """How often what a stage handed on came back to it.

    `forward_exits` are the moves from here to a later stage. One of them is `returned` when the
    item's **next** entry into this stage is a rework move: the stage that has to do its work again
    is charged, once for each time that it passed the work on.
    """

    stage: Stage
    forward_exits: int
    returned: int

    @property
    def complete_and_accurate(self) -> float | None:
        """%C&A = 1 - returned / forward exits, between 0 and 1; None when nothing was handed on.

        Martin & Osterling ask the next step how much arrived usable, and book the answer on the
        step before. This reads the same from the board, where only work that was moved back shows.
        """
        return 1 - self.returned / self.forward_exits if self.forward_exits else None


@dataclass(frozen=True, slots=True)
class ReworkLoop:
    """How many rework moves went from one stage back to another."""

    from_stage: Stage
    to_stage: Stage
    moves: int


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of the flow that ended in one window.

    `stages` are those of todo and doing, in order; `loops` begin with the most travelled.
    `cycle_us` is the sum of the cycle times.
    """

    items: int
    reworked_items: int
    rework_us: int
    cycle_us: int
    stages: tuple[StageQuality, ...]
    loops: tuple[ReworkLoop, ...]

    @property
    def rolled_complete_and_accurate(self) -> float | None:
        """The product of %C&A over the stages that handed something on; None without any.

        The share of work that would pass all stages unreturned if they erred independently of one
        another. Never more than the worst stage's own.
        """
        known = [each.complete_and_accurate for each in self.stages]
        shares = [share for share in known if share is not None]
        return prod(shares) if shares else None

    @property
    def first_time_through(self) -> float | None:
        """The share of finished items without any rework move; None without items.

        What was observed. Compare with the rolled %C&A, which assumes independent stages.
        """
        return 1 - self.reworked_items / self.items if self.items else None

    @property
    def rework_rate(self) -> float | None:
        """The share of finished items with at least one rework move; None without items."""
        return self.reworked_items / self.items if self.items else None

    @property
    def rework_moves(self) -> int:
        """How many rework moves there were."""
        return sum(loop.moves for loop in self.loops)

    @property
    def rework_time_share(self) -> float | None:
        """Rework time over the sum of the cycle times; None when that is 0."""
        return self.rework_us / self.cycle_us if self.cycle_us else None

    @property
    def returns_unattributed(self) -> int:
        """Rework moves that are charged to no stage.

        They brought an item into a stage that it had skipped, or that it had left backward: that
        stage never handed it on, so it cannot have handed it on in a bad state.
        """
        return self.rework_moves - sum(each.returned for each in self.stages)


def quality(items: Iterable[ItemTimes], stream: ValueStream, window: Window) -> Quality:
    """Measure the quality of what was finished in the window, from items in normal form."""
    cohort = [item for item in items if item.finished in window]
    paths = [_Path(item, stream) for item in cohort]
    forward = Counter(stage for path in paths for stage in path.forward_exits)
    returned = Counter(stage for path in paths for stage in path.returned)
    return Quality(
        items=len(cohort),
        reworked_items=sum(bool(path.rework) for path in paths),
        rework_us=sum(path.rework_us for path in paths),
        cycle_us=sum(item.cycle_us or 0 for item in cohort),
        stages=tuple(
            StageQuality(stage, forward[stage], returned[stage]) for stage in unfinished(stream)
        ),
        loops=ranked_loops(Counter(move for path in paths for move in path.rework)),
    )


def unfinished(stream: ValueStream) -> list[Stage]:
    """Return the stages of todo and doing: those that can hand work on."""
    return [stage for stage in stream.stages if stream.zone(stage) is not Zone.DONE]


def ranked_loops(moves: Counter[tuple[Stage, Stage]]) -> tuple[ReworkLoop, ...]:
    """Return the loops, most travelled first, then in the order of the stages."""
    loops = [ReworkLoop(source, target, count) for (source, target), count in moves.items()]
    ranking = sorted(
        loops, key=lambda loop: (-loop.moves, loop.from_stage.order, loop.to_stage.order)
    )
    return tuple(ranking)


class _Path:
    """One finished item's way to its finish: every visit before it, and the finishing entry."""

    def __init__(self, item: ItemTimes, stream: ValueStream) -> None:
        finish = next(n for n, v in enumerate(item.visits) if stream.zone(v.stage) is Zone.DONE)
        self._stream = stream
        self._between = item.between
        self._visits = item.visits[: finish + 1]
        stages = [visit.stage for visit in self._visits]
        self._moves = list(pairwise(stages))
        self.rework = [move for move in self._moves if self._is_rework(*move)]
        self.forward_exits = [a for a, b in self._moves if a.order < b.order]

    def _is_rework(self, source: Stage, target: Stage) -> bool:
        zones = (self._stream.zone(source), self._stream.zone(target))
        return target.order < source.order and zones == (Zone.DOING, Zone.DOING)

    @property
    def returned(self) -> list[Stage]:
        """The stage of each forward exit whose next entry into that stage is a rework move."""
        found = []
        for n, (source, target) in enumerate(self._moves):
            later = self._moves[n + 1 :]
            back = next((move for move in later if move[1] == source), None)
            if source.order < target.order and back is not None and self._is_rework(*back):
                found.append(source)
        return found

    @property
    def rework_us(self) -> int:
        """The time in doing at or below the highest stage from which the item was sent back.

        It runs from the rework move until the item passes that stage, and so contains doing
        again what comes in between, such as testing again. Going on after a decommit is no rework.
        """
        total = 0
        sent_back_from: list[int] = []
        for visit, move in zip(self._visits[1:], self._moves, strict=True):
            if self._is_rework(*move):
                sent_back_from.append(move[0].order)
            if sent_back_from and visit.stage.order <= max(sent_back_from):
                total += self._doing_us(visit)
        return total

    def _doing_us(self, visit: Visit) -> int:
        if visit.exited is None or self._stream.zone(visit.stage) is not Zone.DOING:
            return 0
        return self._between(visit.entered, visit.exited)
