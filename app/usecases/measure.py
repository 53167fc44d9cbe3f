"""Measure the flow of a value stream in a window of time."""

from app.flow.summary import FlowSummary
from app.store import measurements
from app.store.database import Connection
from app.usecases.scope import Scope


async def measure(connection: Connection, scope: Scope) -> FlowSummary:
    """Return the core metrics of the scope, all from one snapshot."""
    return await measurements.flow_summary(connection, scope.selection)
