"""Measure the flow of a value stream in a window of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.work_item import WorkItemType
from app.flow.histogram import Duration
from app.flow.slowest import SlowItem
from app.flow.summary import FlowSummary, added_up
from app.flow.value_stream_map import ValueStreamMap
from app.store import data_quality
from app.store.database import Connection
from app.store.flow_summary import durations_of, summary_of
from app.store.parts import Parts, gather
from app.store.turns import sent, tasks
from app.usecases.find_slowest import find_slowest
from app.usecases.map_stream import map_parts, maps_by_type
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class Measurement:
    """The flow of a scope: as a whole, by type, stage by stage, and how good the data are.

    `slowest` are the items that took longest, by either duration; see `find_slowest`.
    `contradictions` counts what the data say against themselves, by rule. `maps_by_type` has
    the map of each type, if asked for.
    """

    summary: FlowSummary
    by_type: Mapping[WorkItemType, FlowSummary]
    map: ValueStreamMap
    contradictions: Mapping[str, int]
    slowest: Mapping[Duration, Sequence[SlowItem] | None]
    maps_by_type: Mapping[WorkItemType, ValueStreamMap]


async def measure(connection: Connection, scope: Scope, *, by_type: bool = False) -> Measurement:
    """Return all metrics of the scope, and with `by_type` the map of each of its types."""
    parts = await gather(connection, scope.selection)
    async with tasks() as group:
        odd = group.create_task(data_quality.contradictions(connection, scope.selection, parts))
        await sent()
        summary, of_types = _summaries(parts, scope)
    return Measurement(
        summary=summary,
        by_type=of_types,
        map=await map_parts(connection, scope, parts),
        contradictions=odd.result(),
        slowest={
            each: await find_slowest(connection, scope, each, summary.throughput)
            for each in Duration
        },
        maps_by_type=await maps_by_type(connection, scope, parts) if by_type else {},
    )


def _summaries(
    parts: Parts, scope: Scope
) -> tuple[FlowSummary, Mapping[WorkItemType, FlowSummary]]:
    """Return the numbers of all items and those of each type, of which they are the sums."""
    of_types = {kind: summary_of(parts.only([kind])) for kind in scope.kinds}
    if not of_types:
        return summary_of(parts), of_types
    return added_up(list(of_types.values()), *durations_of([parts])), of_types
