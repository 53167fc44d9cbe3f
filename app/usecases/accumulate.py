"""Accumulate the flow of a scope: how far work has come by the end of each bucket."""

from app.flow.buckets import BucketSize, cut
from app.flow.cumulative_flow import CumulativeFlow
from app.store.cumulative_flow import cumulative_flows
from app.store.database import Connection
from app.store.left_out import left_out
from app.usecases.measure_groups import Groups
from app.usecases.scope import Scope


async def accumulate(
    connection: Connection,
    scope: Scope,
    size: BucketSize,
    *,
    from_beginning: bool = False,
    by_type: bool = False,
) -> Groups[CumulativeFlow]:
    """Return lines and ledger of the scope, and with `by_type` those of each of its types.

    Raises InvalidValue for too many buckets.
    """
    whole, groups = await cumulative_flows(
        connection,
        scope.stream,
        scope.selection,
        cut(scope.window, size, scope.tz),
        scope.kinds if by_type else (),
        from_beginning=from_beginning,
    )
    return Groups(whole, groups, await left_out(connection, scope.selection))
