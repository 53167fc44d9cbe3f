"""Accumulate the flow of a scope: how far work has come by the end of each bucket."""

from app.flow.buckets import BucketSize, cut
from app.flow.cumulative_flow import CumulativeFlow
from app.store import cumulative_flow
from app.store.database import Connection
from app.usecases.scope import Scope


async def accumulate(
    connection: Connection, scope: Scope, size: BucketSize, *, from_beginning: bool = False
) -> CumulativeFlow:
    """Return lines and ledger of the scope. Raises InvalidValue for too many buckets."""
    return await cumulative_flow.cumulative_flow(
        connection,
        scope.stream,
        scope.selection,
        cut(scope.window, size, scope.tz),
        from_beginning=from_beginning,
    )
