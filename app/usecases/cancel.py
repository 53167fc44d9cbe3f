"""Cancel a work item that will not be finished, and take that back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.broken_rule import BrokenRule
from app.domain.errors import CancelBeforeLastMove, ItemCancelled, ItemNotCancelled
from app.domain.instants import check_instant
from app.domain.news import NewsKind
from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItem
from app.store import invalidations, news, transitions, value_streams, work_items
from app.store.broken_rules import Breach
from app.store.database import Connection
from app.usecases.keep_rules import Entry, check_rules, record_broken, reserve_place


@dataclass(frozen=True, slots=True)
class Restored:
    """An item that lives again, its stream, and the rules that this broke."""

    item: WorkItem
    stream: ValueStream
    broken: Sequence[BrokenRule] = ()


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
    await news.note(connection, NewsKind.ITEM_CANCELLED, item.stream_id, item_id)
    return await work_items.change(connection, item, now, cancelled_at=when, cancel_reason=reason)


async def restore(
    connection: Connection, item_id: int, override_reason: str | None = None
) -> Restored:
    """Take a cancellation back; the item stands where it stood, if the stage has room for it.

    Raises UnknownItem, ItemNotCancelled, WipLimitReached.
    """
    item = await work_items.lock(connection, item_id)
    if item.cancelled_at is None:
        raise ItemNotCancelled(f"work item {item_id} is not cancelled")
    stream = await value_streams.load_by_id(connection, item.stream_id)
    stage = stream.stage_by_id(item.facts.stage_id)
    load = await reserve_place(connection, stream, stage, item.id)
    now = await transitions.clock(connection)
    broken: Sequence[BrokenRule] = ()
    if stage is not None:
        broken = check_rules(Entry(stream, None, stage, None, override_reason), load)
        breach = Breach(item, stage, now, override_reason=override_reason)
        await record_broken(connection, breach, broken)
    await invalidations.invalidate(connection, item.stream_id, item.cancelled_at, now)
    await news.note(connection, NewsKind.ITEM_RESTORED, item.stream_id, item_id)
    restored = await work_items.change(connection, item, now, cancelled_at=None, cancel_reason=None)
    return Restored(restored, stream, broken)
