"""How often what was finished came back, counted where the data is."""

from collections.abc import Sequence
from datetime import timedelta

from app.flow.buckets import Bucket, edges
from app.flow.reopening import ReopenRate, finish_week
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_REOPENED = load_query("reopened")


async def reopen_rate(
    connection: Connection, selection: Selection, buckets: Sequence[Bucket], follow_up: timedelta
) -> ReopenRate:
    """Return what `flow.reopening.reopen_rate` defines, for the selected items."""
    asked = {**selection.parameters, "edges": edges(buckets), "follow_up": follow_up}
    rows = {row.bucket: row for row in await _REOPENED.rows(connection, asked)}
    weeks = []
    for number, bucket in enumerate(buckets, start=1):
        row = rows.get(number)
        finished, reopened = (row.finished, row.reopened) if row else (0, 0)
        weeks.append(finish_week(bucket, finished, reopened, follow_up))
    return ReopenRate(follow_up, tuple(weeks))
