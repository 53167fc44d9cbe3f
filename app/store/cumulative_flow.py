"""The cumulative flow of a window, computed where the data is."""

from collections import Counter
from collections.abc import Sequence

from app.domain.value_stream import ValueStream
from app.flow.buckets import Bucket, edges
from app.flow.cumulative_flow import NOWHERE, CumulativeFlow, Out, Place, Step, assemble
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_CUMULATIVE_FLOW = load_query("cumulative_flow")
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
    parameters = {**selection.parameters, "edges": edges(buckets)}
    places: Counter[Place] = Counter()
    steps: Counter[Step] = Counter()
    for row in await connection.execute(_CUMULATIVE_FLOW, parameters):
        mark = NOWHERE if row.mark is None else row.mark
        if row.bucket == 0:
            places[Place(row.from_stage_id, mark)] += row.items
        else:
            step = Step(row.bucket - 1, row.from_stage_id, row.to_stage_id, mark, row.discarded)
            steps[step] += int(row.items)
    before = None
    if from_beginning:
        before = Out(*(await connection.execute(_OUT_BEFORE, selection.parameters)).one())
    return assemble(stream, buckets, places, steps, before)
