"""Follow up what was finished: how much of it came back."""

from datetime import timedelta

from app.flow.buckets import BucketSize, cut
from app.flow.reopening import ReopenRate
from app.store import reopening
from app.store.database import Connection
from app.usecases.scope import Scope


async def follow_up(connection: Connection, scope: Scope, time: timedelta) -> ReopenRate:
    """Return the reopen rate of the scope. Raises InvalidValue for too many weeks."""
    weeks = cut(scope.window, BucketSize.WEEK, scope.tz)
    return await reopening.reopen_rate(connection, scope.selection, weeks, time)
