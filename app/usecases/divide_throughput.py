"""Divide the throughput into the kinds of work that it was made of."""

from app.flow.distribution import FlowDistribution
from app.store import distribution
from app.store.database import Connection
from app.usecases.scope import Scope


async def divide_throughput(connection: Connection, scope: Scope) -> FlowDistribution:
    """Return the flow distribution of the scope."""
    return await distribution.distribution(connection, scope.selection)
