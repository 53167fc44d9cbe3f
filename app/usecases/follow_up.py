"""Follow up what was finished: how much of it came back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.flow.buckets import BucketSize, cut
from app.flow.reopening import ReopenRate
from app.store import left_out, reopening
from app.store.database import Connection
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """The reopen rate by finish week, and what is not in it."""

    reopening: ReopenRate
    left_out: Mapping[str, int]


async def follow_up(connection: Connection, scope: Scope, time: timedelta) -> FollowedUp:
    """Return the reopen rate of the scope. Raises InvalidValue for too many weeks."""
    weeks = cut(scope.window, BucketSize.WEEK, scope.tz)
    return FollowedUp(
        reopening=await reopening.reopen_rate(connection, scope.selection, weeks, time),
        left_out=await left_out.left_out(connection, scope.selection),
    )
