"""Sort the durations of what was finished into bins."""

from app.flow.histogram import Duration, Histogram, histogram
from app.store import cycle_times
from app.store.database import Connection
from app.usecases.scope import Scope


async def bin_durations(connection: Connection, scope: Scope, duration: Duration) -> Histogram:
    """Return the histogram of cycle or lead times of the scope."""
    return histogram(await cycle_times.by_hour(connection, scope.selection, duration))
