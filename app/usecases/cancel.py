"""Cancel a work item that will not be finished, and take that back."""

from datetime import datetime

from app.domain.errors import CancelBeforeLastMove, ItemCancelled, ItemNotCancelled
from app.domain.instants import check_instant
from app.domain.work_item import WorkItem
from app.store import invalidations, transitions, work_items
from app.store.database import Connection


async def cancel(
    connection: Connection, item_id: int, reason: str, timestamp: datetime | None = None
) -> WorkItem:
    """Close the item without finishing it, now or at a stated instant not before its last move.

    Raises UnknownItem, ItemCancelled, CancelBeforeLastMove, InvalidValue (timestamp).
    """
    item = await work_items.lock(connection, item_id)
    if item.cancelled_at is not None:
        raise ItemCancelled(f"work item {item_id} was cancelled at {item.cancelled_at.isoformat()}")
    now = await transitions.clock(connection)
    if timestamp is not None:
        check_instant("timestamp", timestamp, now)
    last = item.facts.last_transition_at or item.facts.created_at
    when = timestamp or max(now, last)
    if when < last:
        raise CancelBeforeLastMove(
            f"work item {item_id} last moved at {last.isoformat()}; cancel it then or later, or "
            "void the move"
        )
    await invalidations.invalidate(connection, item.stream_id, when, now)
    return await work_items.change(connection, item, now, cancelled_at=when, cancel_reason=reason)


async def restore(connection: Connection, item_id: int) -> WorkItem:
    """Take a cancellation back; the item stands where it stood.

    Raises UnknownItem, ItemNotCancelled.
    """
    item = await work_items.lock(connection, item_id)
    if item.cancelled_at is None:
        raise ItemNotCancelled(f"work item {item_id} is not cancelled")
    now = await transitions.clock(connection)
    await invalidations.invalidate(connection, item.stream_id, item.cancelled_at, now)
    return await work_items.change(connection, item, now, cancelled_at=None, cancel_reason=None)
