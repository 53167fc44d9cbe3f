"""The cumulative flow of a window, put together from its parts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.domain.value_stream import ValueStream, Zone
from app.flow.buckets import Bucket, edges
from app.flow.cumulative_flow import CumulativeFlow, Out, Place, Step, assemble
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
    # counts know no working hours
    elapsed = replace(selection, calendar=None)
    async with planned_once(connection):
        cutting = await Cutting.of(connection, elapsed, edges(buckets))
        rows = await cutting.placed(_PART_STEPS, _KEPT_STEPS)
        present = (await connection.execute(_PLACES, cutting.asked)).all()
    places = Counter({Place(row.stage_id, row.mark): row.items for row in present})
    steps: Counter[Step] = Counter()
    for slot, row in rows:
        for step, count in _steps(slot, row):
            _undo(places, step, count, stream)
            if slot >= 0:
                steps[step] += count
    before = None
    if from_beginning:
        before = Out(*(await connection.execute(_OUT_BEFORE, elapsed.parameters)).one())
    return assemble(stream, buckets, places, steps, before)


def _steps(slot: int, row: Any) -> list[tuple[Step, int]]:
    """Return what a row tells: moves, or cancellations that discard an item or do not."""
    left, entered = row.left_id or None, row.entered_id or None
    discarded = int(row.discarded_n)
    both = ((False, int(row.n) - discarded), (True, discarded))
    return [(Step(slot, left, entered, row.mark, out), count) for out, count in both if count]


def _undo(places: Counter[Place], step: Step, count: int, stream: ValueStream) -> None:
    """Put the items of a step back to where they lay before it; what is done lies nowhere."""
    lying = {each.id: each for each in stream.stages if stream.zone(each) is not Zone.DONE}
    if step.to_id in lying:
        places[Place(step.to_id, max(step.mark, lying[step.to_id].order))] -= count
    if step.from_id in lying:
        places[Place(step.from_id, step.mark)] += count
