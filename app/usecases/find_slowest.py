"""Find the items that took longest, where it costs little to look at each."""

from collections.abc import Sequence

from app.flow.histogram import Duration
from app.flow.slowest import SlowItem
from app.store import cycle_times
from app.store.database import Connection
from app.usecases.scope import Scope

MOST_LOOKED_AT = 10_000
"""All other figures come from what is kept, however much was finished: this may not be slower."""


async def find_slowest(
    connection: Connection, scope: Scope, duration: Duration, finished: int
) -> Sequence[SlowItem] | None:
    """Return the slowest of the `finished` items of a scope; None of more than are looked at."""
    if finished > MOST_LOOKED_AT:
        return None
    return await cycle_times.slowest(connection, scope.selection, duration)
