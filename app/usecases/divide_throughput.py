"""Divide the throughput into the kinds of work that it was made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.flow.distribution import FlowDistribution
from app.store import distribution, left_out
from app.store.database import Connection
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class Divided:
    """The flow distribution, and what is not in it."""

    distribution: FlowDistribution
    left_out: Mapping[str, int]


async def divide_throughput(connection: Connection, scope: Scope) -> Divided:
    """Return the flow distribution of the scope."""
    return Divided(
        distribution=await distribution.distribution(connection, scope.selection),
        left_out=await left_out.left_out(connection, scope.selection),
    )
