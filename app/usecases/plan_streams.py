"""Tell what definitions would change: in the streams, and in last quarter's numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.stream_changes import difference
from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import ValueStream
from app.flow.calendar import rolling_window
from app.store import measurements
from app.store.database import Connection, rehearsal
from app.usecases.configure import AppliedStream, prepare, put_in_force
from app.usecases.measure import Measurement, measure
from app.usecases.scope import Scope

PLAN_DAYS = 90
"""Last quarter: of how many days back from now a plan shows the metrics."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of a scope."""

    scope: Scope
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class PlannedStream:
    """What would be changed in one stream, and what its metrics are and would become.

    There are none of a stream that is new, or stays as it is.
    """

    applied: AppliedStream
    before: Measured | None = None
    after: Measured | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be changed, stream by stream."""

    streams: tuple[PlannedStream, ...]

    @property
    def changed(self) -> bool:
        """Tell whether anything would be changed."""
        return any(each.applied.changes for each in self.streams)


async def plan(
    connection: Connection,
    definitions: Sequence[StreamDefinition],
    now: datetime | None = None,
    effective_from: datetime | None = None,
) -> Plan:
    """Apply the definitions, measure, and take it all back, so that what is told would happen.

    Raises what `apply` would. Nobody writes to these streams meanwhile, so that what differs
    between the numbers before and after is the definition.
    """
    async with rehearsal(connection):
        prepared = await prepare(connection, definitions, now, effective_from)
        before = {
            current.id: await _measured(connection, current, prepared.now)
            for current, definition in prepared.pairs
            if current is not None and difference(current, definition).changes
        }
        applied = await put_in_force(connection, prepared)
        after = {
            each.stream.id: await _measured(connection, each.stream, prepared.now)
            for each in applied.streams
            if each.stream.id in before
        }
        return Plan(
            tuple(
                PlannedStream(each, before.get(each.stream.id), after.get(each.stream.id))
                for each in applied.streams
            )
        )


async def _measured(connection: Connection, stream: ValueStream, now: datetime) -> Measured:
    """Measure last quarter, as `/api/v1/metrics` would of these days at this instant."""
    window = rolling_window(now, PLAN_DAYS)
    extent = await measurements.extent(connection, stream.id, window.as_of)
    scope = Scope(stream, window, stream.zone_info, None, extent)
    return Measured(scope, await measure(connection, scope))
