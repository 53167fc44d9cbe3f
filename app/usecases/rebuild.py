"""Make all roll-ups of a stream anew, whatever is kept of it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from app.store import rollups
from app.store.database import Connection
from app.usecases.roll_up import next_batch

Progress = Callable[[date], None]
"""Called with the day up to which the new roll-ups reach."""


async def rebuild(
    connection: Connection,
    stream_id: int,
    bounds_hours: Sequence[int],
    progress: Progress = lambda _: None,
    settled: datetime | None = None,
) -> None:
    """Compute everything beside what readers see; the caller's commit puts it in its place.

    Until then readers see the old rows and counts, all of them: it is one transaction.
    """
    await rollups.lock(connection, stream_id)
    await rollups.begin_anew(connection, stream_id)
    while done := await next_batch(connection, stream_id, bounds_hours, settled):
        progress(done.until)
