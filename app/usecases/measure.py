"""Measure the flow of a value stream in a window of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.work_item import WorkItemType
from app.flow.data_quality import Finding
from app.flow.summary import FlowSummary
from app.flow.value_stream_map import ValueStreamMap
from app.store import data_quality, measurements
from app.store.database import Connection
from app.usecases.map_stream import map_stream
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class Measurement:
    """The flow of a scope: as a whole, by type, stage by stage, and how good the data are."""

    summary: FlowSummary
    by_type: Mapping[WorkItemType, FlowSummary]
    map: ValueStreamMap
    findings: Sequence[Finding]


async def measure(connection: Connection, scope: Scope) -> Measurement:
    """Return all metrics of the scope."""
    selection = scope.selection
    types = list(WorkItemType) if scope.types is None else scope.types
    return Measurement(
        summary=await measurements.flow_summary(connection, selection),
        by_type={
            kind: await measurements.flow_summary(connection, replace(selection, types=[kind]))
            for kind in types
        },
        map=await map_stream(connection, scope),
        findings=await data_quality.contradictions(connection, selection),
    )
