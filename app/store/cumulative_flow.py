"""The cumulative flow of a window, put together from its parts."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.flow.buckets import Bucket, edges
from app.flow.cumulative_flow import CumulativeFlow, Out, Place, Step, assemble, open_stages
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.measurements import Selection, planned_once
from app.store.queries import load_query

_PART_STEPS, _KEPT_STEPS = load_query("part_steps"), load_query("kept_steps")
_PLACES = load_query("places")
_OUT_BEFORE = load_query("out_before")


async def cumulative_flow(
    connection: Connection,
    stream: ValueStream,
    selection: Selection,
    buckets: Sequence[Bucket],
    *,
    from_beginning: bool = False,
) -> CumulativeFlow:
    """Return what `flow.cumulative_flow` defines, for the selected items.

    What was out before the window is counted only on demand, since that reads all history.
    """
    whole, _ = await cumulative_flows(
        connection, stream, selection, buckets, (), from_beginning=from_beginning
    )
    return whole


async def cumulative_flows(
    connection: Connection,
    stream: ValueStream,
    selection: Selection,
    buckets: Sequence[Bucket],
    kinds: Collection[WorkItemType],
    *,
    from_beginning: bool = False,
) -> tuple[CumulativeFlow, dict[WorkItemType, CumulativeFlow]]:
    """Return the same for all items together, and for those of each of some types, read once."""
    # counts know no working hours
    elapsed = replace(selection, calendar=None)
    async with planned_once(connection):
        cutting = await Cutting.of(connection, elapsed, edges(buckets), by_type=bool(kinds))
        rows = await cutting.placed(_PART_STEPS, _KEPT_STEPS)
        present = await _PLACES.rows(connection, cutting.asked)
    lying = {each.id: each.order for each in open_stages(stream)}
    whole = _Tally(lying)
    of_type: defaultdict[str, _Tally] = defaultdict(lambda: _Tally(lying))

    def tallies(row: Any) -> tuple[_Tally, ...]:
        return (whole, of_type[row.type]) if kinds else (whole,)

    for row in present:
        for tally in tallies(row):
            tally.places[Place(row.stage_id, row.mark)] += row.items
    for slot, row in rows:
        steps = _steps(slot, row)
        for tally in tallies(row):
            tally.take(steps)
    if from_beginning:
        await _count_out_before(connection, elapsed, whole, of_type)
    return (
        whole.assembled(stream, buckets, from_beginning=from_beginning),
        {
            kind: of_type[kind].assembled(stream, buckets, from_beginning=from_beginning)
            for kind in kinds
        },
    )


@dataclass(slots=True)
class _Tally:
    """What lay where before the window, and what happened in it, of some items.

    `lying` are the orders of the stages in which items lie, by id.
    """

    lying: Mapping[int, int]
    places: Counter[Place] = field(default_factory=Counter)
    steps: Counter[Step] = field(default_factory=Counter)
    completed: int = 0
    discarded: int = 0

    def take(self, steps: Iterable[tuple[Step, int]]) -> None:
        """Go some steps back from how things stand; remember those in the window."""
        for step, count in steps:
            if step.to_id is not None and step.to_id in self.lying:
                self.places[Place(step.to_id, max(step.mark, self.lying[step.to_id]))] -= count
            if step.from_id is not None and step.from_id in self.lying:
                self.places[Place(step.from_id, step.mark)] += count
            if step.bucket >= 0:
                self.steps[step] += count

    def assembled(
        self, stream: ValueStream, buckets: Sequence[Bucket], *, from_beginning: bool
    ) -> CumulativeFlow:
        """Build the diagram, once all rows are taken."""
        before = Out(self.completed, self.discarded) if from_beginning else None
        return assemble(stream, buckets, self.places, self.steps, before)


async def _count_out_before(
    connection: Connection, selection: Selection, whole: _Tally, of_type: dict[str, _Tally]
) -> None:
    for row in await _OUT_BEFORE.rows(connection, selection.parameters):
        for tally in (whole, of_type[row.type]):
            tally.completed += row.completed
            tally.discarded += row.discarded


def _steps(slot: int, row: Any) -> list[tuple[Step, int]]:
    """Return what a row tells: moves, or cancellations that discard an item or do not."""
    left, entered = row.left_id or None, row.entered_id or None
    discarded = int(row.discarded_n)
    both = ((False, int(row.n) - discarded), (True, discarded))
    return [(Step(slot, left, entered, row.mark, out), count) for out, count in both if count]
