"""The value stream map: what happens to an item on its way through the stages, and how long.

Under the map lies the ladder: the mean time that the items finished in the window spent in each
stage, between creation and finish, 0 where they skipped one. Means, because they add up to the mean
lead time; medians do not (Rother & Shook, Learning to See).

All times on the ladder are by the items' clock, working or elapsed; either adds up.

Time in an *active* stage counts as process time although nobody can see whether the work was
touched all along. Process time, activity ratio and flow efficiency are therefore upper bounds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from app.domain.value_stream import Category, Stage, ValueStream, Zone
from app.domain.working_time import Clock
from app.flow.calendar import Window
from app.flow.quality import Quality, quality
from app.flow.rule_breaks import RuleBreaks
from app.flow.stage_times import (
    US_PER_HOUR,
    Limits,
    StagePresence,
    StageTimes,
    stage_presence,
    visits_to,
)
from app.flow.times import ItemTimes


class NoEfficiency(StrEnum):
    """Why there is no flow efficiency."""

    NOTHING_FINISHED = "nothing_finished"
    NO_CYCLE_TIME = "no_cycle_time"
    NO_WAIT_SIGNAL = "no_wait_signal"


@dataclass(frozen=True, slots=True)
class Rung:
    """The time that all finished items together spent in one stage, before their finish.

    `blocked_us` is the part of it in which they were blocked, after their start.
    """

    stage: Stage
    zone: Zone
    time_us: int
    blocked_us: int = 0

    @property
    def process_us(self) -> int:
        """The part that counts as process time: in an active stage what was not blocked."""
        return self.time_us - self.blocked_us if self.stage.category is Category.ACTIVE else 0

    @property
    def wait_us(self) -> int:
        """The part that counts as waiting."""
        return self.time_us - self.process_us


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where the lead time of the finished items went; sums over all of them, in microseconds.

    `unplaced_us` is the time between creation and the first stage. Exactly, for the sums and for
    each item alone: unplaced + all rungs = lead time. `is_block_told` says that the stream has any
    blocks: without them nothing is known, rather than nothing blocked.
    """

    items: int
    lead_us: int
    cycle_us: int
    unplaced_us: int
    rungs: tuple[Rung, ...]
    is_block_told: bool = False

    @property
    def blocked_us(self) -> int | None:
        """The part of the cycle times in which items were blocked; None when nobody tells."""
        return sum(rung.blocked_us for rung in self.rungs) if self.is_block_told else None

    def with_blocks(self, blocked_us: Mapping[Stage, int]) -> Self:
        """Return the same ladder, told in which stages its items were blocked for how long."""
        rungs = (replace(rung, blocked_us=blocked_us.get(rung.stage, 0)) for rung in self.rungs)
        return replace(self, rungs=tuple(rungs), is_block_told=True)

    @property
    def process_us(self) -> int:
        """Unblocked time in active stages. All of it lies between start and finish."""
        return sum(rung.process_us for rung in self.rungs)

    @property
    def wait_us(self) -> int:
        """Lead time - process time."""
        return self.lead_us - self.process_us

    @property
    def cycle_wait_us(self) -> int:
        """Waiting between start and finish: cycle time - process time, parked time included."""
        return self.cycle_us - self.process_us

    @property
    def parked_us(self) -> int:
        """The part of the cycle time spent back in todo."""
        return self.cycle_us - sum(rung.time_us for rung in self.rungs if rung.zone is Zone.DOING)

    @property
    def activity_ratio(self) -> float | None:
        """Process time / lead time, sum over sum; None when that is 0 (Martin & Osterling)."""
        return self.process_us / self.lead_us if self.lead_us else None

    @property
    def flow_efficiency(self) -> float | None:
        """Process time / cycle time, sum over sum; None for the reason `no_efficiency` gives."""
        return None if self.no_efficiency else self.process_us / self.cycle_us

    @property
    def no_efficiency(self) -> NoEfficiency | None:
        """Why there is no flow efficiency, None when there is one.

        Where doing has no waiting stage, nothing was parked and nobody tells what is blocked, no
        wait can be seen: the ratio would be 1 by construction, whatever happened.
        """
        if not self.items:
            return NoEfficiency.NOTHING_FINISHED
        if not self.cycle_us:
            return NoEfficiency.NO_CYCLE_TIME
        waits = any(rung.zone is Zone.DOING and not _is_active(rung.stage) for rung in self.rungs)
        seen = waits or self.parked_us or self.is_block_told
        return None if seen else NoEfficiency.NO_WAIT_SIGNAL

    def mean_hours(self, total_us: int) -> float | None:
        """Return a sum as hours per finished item; None without items."""
        return total_us / (self.items * US_PER_HOUR) if self.items else None


@dataclass(frozen=True, slots=True)
class ValueStreamMap:
    """One window of a value stream: presence now, times and quality of what was finished.

    Beside it, the rules that were broken, which do not follow from histories. `clock` tells by
    which clock the times are.
    """

    window: Window
    presence: StagePresence
    ladder: Ladder
    quality: Quality
    broken_rules: RuleBreaks = field(default_factory=RuleBreaks)
    clock: Clock = Clock.ELAPSED

    @property
    def wip_us(self) -> int:
        """The integral of WIP over the window, in item-microseconds: over the stages in doing."""
        return sum(each.occupancy_us or 0 for each in self._stages_in(Zone.DOING))

    @property
    def wip_at_end(self) -> int:
        """Items in process when the window ends."""
        return sum(each.at_end or 0 for each in self._stages_in(Zone.DOING))

    @property
    def backlog_at_end(self) -> int:
        """Items before the start when the window ends, in no stage or in one of todo."""
        waiting = sum(each.at_end or 0 for each in self._stages_in(Zone.TODO))
        return waiting + self.presence.unplaced_at_end

    @property
    def queues(self) -> tuple[int | None, ...]:
        """For each stage, the items waiting for it when the window ends; None for a waiting stage.

        They lie in the waiting stages directly before it; for the first stage of all, also in no
        stage yet. Over all stages this counts every waiting item once.
        """
        waiting = self.presence.unplaced_at_end
        found: list[int | None] = []
        for each in self.presence.stages:
            if each.stage.category is Category.WAIT:
                found.append(None)
                waiting += each.at_end or 0
            else:
                found.append(waiting)
                waiting = 0
        return tuple(found)

    def _stages_in(self, zone: Zone) -> list[StageTimes]:
        pairs = zip(self.presence.stages, self.ladder.rungs, strict=True)
        return [times for times, rung in pairs if rung.zone is zone]


def ladder(items: Iterable[ItemTimes], stream: ValueStream, window: Window) -> Ladder:
    """Add up where the lead time of the items finished in the window went."""
    cohort = [item for item in items if item.finished in window]
    return Ladder(
        items=len(cohort),
        lead_us=sum(item.lead_us or 0 for item in cohort),
        cycle_us=sum(item.cycle_us or 0 for item in cohort),
        unplaced_us=sum(_unplaced_us(item) for item in cohort),
        rungs=tuple(
            Rung(stage, stream.zone(stage), sum(stage_us(item, stage) for item in cohort))
            for stage in stream.stages
        ),
    )


def stage_us(item: ItemTimes, stage: Stage) -> int:
    """Return the time an item spent in a stage until its finish; 0 for a skipped one."""
    return sum(
        item.until_finish_us(visit.entered, visit.exited) for visit in visits_to([item], stage)
    )


def value_stream_map(
    items: Iterable[ItemTimes], stream: ValueStream, window: Window, limits: Limits | None = None
) -> ValueStreamMap:
    """Draw up the map of a window from items in normal form."""
    known = tuple(items)
    return ValueStreamMap(
        window=window,
        presence=stage_presence(known, stream, window, limits),
        ladder=ladder(known, stream, window),
        quality=quality(known, stream, window),
    )


def _unplaced_us(item: ItemTimes) -> int:
    return item.until_finish_us(item.created, item.visits[0].entered) if item.visits else 0


def _is_active(stage: Stage) -> bool:
    return stage.category is Category.ACTIVE
