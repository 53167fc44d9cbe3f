"""Cumulative flow: how far work has come by the end of each bucket, and what went in and out.

No one stack of lines can have all three: lines that never fall, bands that are what lies in each
stage, and a last line that is throughput, once items move back. So there are two exact things. The
lines of the diagram count how far items have ever come; the ledger counts who is where.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.value_stream import Stage, ValueStream, Zone
from app.domain.visit import Visit
from app.flow.buckets import Bucket
from app.flow.times import ItemTimes
from app.flow.wip import entered_doing, left_doing

NOWHERE = -(2**31)
"""The mark of an item that has not entered any stage: below the order of every stage."""


@dataclass(frozen=True, slots=True)
class CumulativeState:
    """How things stand at one instant, what happens at that very instant excluded.

    - `reached`: for each todo and doing stage, in order, how many items ever entered it or a later
      one, or were discarded: the lines. Never decreasing over time, nor increasing along stages.
    - `completed`, `discarded`: how many items have come out, finished or given up unfinished.
      Their sum is the last line.
    - `in_stage`: for each todo and doing stage how many items lie in it.
    - `backflow_items`: items in todo or doing that have once been further on. While it is 0, the
      distance of a line to the next one is exactly what lies in its stage.

    Items that were out before the window are in none of these counts.
    """

    reached: tuple[int, ...]
    completed: int
    discarded: int
    in_stage: tuple[int, ...]
    backflow_items: int

    @property
    def out(self) -> int:
        """The last line: completed and discarded."""
        return self.completed + self.discarded


@dataclass(frozen=True, slots=True)
class Ledger:
    """What happened in one bucket, for each stage of the stream, in order.

    `arrivals` are visits begun, `departures` visits ended, by a move or by cancellation.
    `entered_doing` and `left_doing` are entries into and exits from zone doing: WIP at the end =
    WIP before + entered - left, always.
    """

    arrivals: tuple[int, ...]
    departures: tuple[int, ...]
    entered_doing: int
    left_doing: int


@dataclass(frozen=True, slots=True)
class CumulativePoint:
    """A bucket: its ledger, and the state at its end."""

    bucket: Bucket
    ledger: Ledger
    state: CumulativeState


@dataclass(frozen=True, slots=True)
class Out:
    """How many items were out before the window: finished, and given up unfinished."""

    completed: int
    discarded: int


@dataclass(frozen=True, slots=True)
class CumulativeFlow:
    """The state before the window, and one point for each bucket.

    All lines leave out the items that were out `before` the window: to count from the first item
    on, add its sum to every line. It is None when nobody asked, since it costs reading all history.
    """

    opening: CumulativeState
    points: tuple[CumulativePoint, ...]
    before: Out | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item lies, and the largest stage order it ever came to, its high-water mark."""

    stage_id: int
    mark: int


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of event in a bucket: an item of this mark left a stage and entered another.

    `from_id` is None for an item's first move. `to_id` is None for a cancellation; one of an
    unfinished item is `discarded`.
    """

    bucket: int
    from_id: int | None
    to_id: int | None
    mark: int
    discarded: bool = False


def open_stages(stream: ValueStream) -> tuple[Stage, ...]:
    """Return the stages of the zones todo and doing: those that have a line."""
    return tuple(stage for stage in stream.stages if stream.zone(stage) is not Zone.DONE)


def cumulative_flow(
    items: Iterable[ItemTimes], stream: ValueStream, buckets: Sequence[Bucket]
) -> CumulativeFlow:
    """Count lines, states and ledger by their definitions.

    The items must be in normal form as of the window's `as_of`. In the example week, at the end of
    its fourth day, 7, 6, 4, 3 and 2 items had reached Backlog to Deployment; 2 were out.
    """
    known, start = tuple(items), buckets[0].start
    outs = [item for item in known if _is_out(item, start)]
    inside = [item for item in known if not _is_out(item, start)]
    return CumulativeFlow(
        opening=_state(inside, outs, stream, start),
        points=tuple(
            CumulativePoint(
                bucket,
                _ledger(known, stream, bucket),
                _state(inside, outs, stream, bucket.end),
            )
            for bucket in buckets
        ),
        before=Out(
            completed=sum(item.finished is not None for item in outs),
            discarded=sum(item.finished is None for item in outs),
        ),
    )


def assemble(
    stream: ValueStream,
    buckets: Sequence[Bucket],
    places: Mapping[Place, int],
    steps: Mapping[Step, int],
    before: Out | None = None,
) -> CumulativeFlow:
    """Build the same from what lay where before the window, and from its events by kind."""
    balance = _Balance(stream, places)
    opening = balance.state()
    by_bucket: list[list[tuple[Step, int]]] = [[] for _ in buckets]
    for step, count in steps.items():
        by_bucket[step.bucket].append((step, count))
    points = tuple(
        CumulativePoint(bucket, balance.post(happened), balance.state())
        for bucket, happened in zip(buckets, by_bucket, strict=True)
    )
    return CumulativeFlow(opening, points, before)


class _Balance:
    """The running totals of the diagram."""

    def __init__(self, stream: ValueStream, places: Mapping[Place, int]) -> None:
        self._stream = stream
        self._open = open_stages(stream)
        self._done_from = stream.stages[len(self._open)].order
        self._orders = {stage.id: stage.order for stage in stream.stages}
        self._doing = {stage.id for stage in self._open if stream.zone(stage) is Zone.DOING}
        self._reached: Counter[int] = Counter()
        self._in_stage: Counter[int] = Counter()
        self._completed = self._discarded = self._backflow = 0
        for place, count in places.items():
            self._in_stage[place.stage_id] += count
            self._backflow += count * self._below(place.stage_id, place.mark)
            if place.mark < self._done_from:  # else it was out before, and has come back
                self._cross(NOWHERE, place.mark, count)

    def state(self) -> CumulativeState:
        """Return how things stand."""
        return CumulativeState(
            reached=tuple(self._reached[stage.id] for stage in self._open),
            completed=self._completed,
            discarded=self._discarded,
            in_stage=tuple(self._in_stage[stage.id] for stage in self._open),
            backflow_items=self._backflow,
        )

    def post(self, happened: Iterable[tuple[Step, int]]) -> Ledger:
        """Book the events of one bucket."""
        arrivals: Counter[int | None] = Counter()
        departures: Counter[int | None] = Counter()
        entered = left = 0
        for step, count in happened:
            arrivals[step.to_id] += count
            departures[step.from_id] += count
            was, will_be = step.from_id in self._doing, step.to_id in self._doing
            entered += count * (will_be and not was)
            left += count * (was and not will_be)
            self._advance(step, count)
        for stage in self._open:
            self._in_stage[stage.id] += arrivals[stage.id] - departures[stage.id]
        return Ledger(
            arrivals=tuple(arrivals[stage.id] for stage in self._stream.stages),
            departures=tuple(departures[stage.id] for stage in self._stream.stages),
            entered_doing=entered,
            left_doing=left,
        )

    def _advance(self, step: Step, count: int) -> None:
        """Move the lines that lie between the mark and where the item goes."""
        below = self._below(step.to_id, step.mark) - self._below(step.from_id, step.mark)
        self._backflow += count * below
        if step.to_id is not None:
            target = self._orders[step.to_id]
            self._cross(step.mark, target, count)
            self._completed += count * (step.mark < self._done_from <= target)
        elif step.discarded:
            self._cross(step.mark, self._done_from, count)
            self._discarded += count

    def _cross(self, mark: int, target: int, count: int) -> None:
        for stage in self._open:
            self._reached[stage.id] += count * (mark < stage.order <= target)

    def _below(self, stage_id: int | None, mark: int) -> int:
        if stage_id is None:
            return 0
        order = self._orders[stage_id]
        return int(order < mark and order < self._done_from)


def _is_out(item: ItemTimes, end: datetime) -> bool:
    out = item.finished or item.discarded
    return out is not None and out < end


def _state(
    inside: Sequence[ItemTimes], outs: Sequence[ItemTimes], stream: ValueStream, end: datetime
) -> CumulativeState:
    stages = open_stages(stream)
    lying = [visit for item in (*inside, *outs) for visit in item.visits if _lasts(visit, end)]
    return CumulativeState(
        reached=tuple(sum(_has_reached(item, stage, end) for item in inside) for stage in stages),
        completed=sum(item.finished is not None and item.finished < end for item in inside),
        discarded=sum(item.discarded is not None and item.discarded < end for item in inside),
        in_stage=tuple(sum(visit.stage == stage for visit in lying) for stage in stages),
        backflow_items=sum(_is_below_its_mark(item, stages, end) for item in (*inside, *outs)),
    )


def _has_reached(item: ItemTimes, stage: Stage, end: datetime) -> bool:
    """Tell whether the item had been in this stage or a later one, or had been discarded."""
    if item.discarded is not None and item.discarded < end:
        return True
    return any(visit.entered < end and visit.stage.order >= stage.order for visit in item.visits)


def _is_below_its_mark(item: ItemTimes, stages: Sequence[Stage], end: datetime) -> bool:
    mark = max((visit.stage.order for visit in item.visits if visit.entered < end), default=NOWHERE)
    return any(
        visit.stage in stages and visit.stage.order < mark
        for visit in item.visits
        if _lasts(visit, end)
    )


def _lasts(visit: Visit, end: datetime) -> bool:
    """Tell whether the item lay there just before an instant."""
    return visit.entered < end and (visit.exited is None or visit.exited >= end)


def _ledger(items: Sequence[ItemTimes], stream: ValueStream, bucket: Bucket) -> Ledger:
    visits = [visit for item in items for visit in item.visits]
    begun = Counter(visit.stage for visit in visits if visit.entered in bucket.window)
    ended = Counter(visit.stage for visit in visits if visit.exited in bucket.window)
    return Ledger(
        arrivals=tuple(begun[stage] for stage in stream.stages),
        departures=tuple(ended[stage] for stage in stream.stages),
        entered_doing=entered_doing(items, bucket.window),
        left_doing=left_doing(items, bucket.window),
    )
