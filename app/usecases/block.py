"""Tell that an item cannot go on, that it can again, and that it was a mistake to say so."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.block import Block, RecordedBlock
from app.domain.errors import BlockEnded, BlockVoided, InvalidValue, ItemCancelled
from app.domain.instants import check_instant
from app.domain.news import NewsKind
from app.domain.work_item import WorkItem
from app.store import blocks, news, transitions, value_streams, work_items
from app.store.database import Connection
from app.usecases.move import Expectation, check_expectation


@dataclass(frozen=True, slots=True)
class Blocking:
    """A recorded block, and the item's version after it."""

    block: RecordedBlock
    version: int


async def block(
    connection: Connection,
    item_id: int,
    expected: Expectation,
    reason: str,
    started: datetime | None = None,
    ended: datetime | None = None,
    source_event_id: str | None = None,
) -> Blocking:
    """Record a block, from now on or from a stated instant, and to its end where that is known.

    A source event that was delivered before changes nothing. Raises UnknownItem, ItemCancelled,
    PreconditionFailed, InvalidValue (started_at, ended_at).
    """
    item = await work_items.lock(connection, item_id)
    if source_event_id is not None:
        earlier = await blocks.by_event(connection, item_id, source_event_id)
        if earlier is not None:
            return Blocking(earlier, item.version)
    await _check(connection, item, expected)
    now = await transitions.clock(connection)
    since = started or now
    check_instant("started_at", since, now)
    if item.cancelled_at is not None and since > item.cancelled_at:
        raise ItemCancelled(
            f"work item {item_id} was cancelled at {item.cancelled_at.isoformat()}; restore it "
            "before blocking it"
        )
    if ended is not None:
        _check_end(since, ended, now)
    await news.note(connection, NewsKind.ITEM_BLOCKED, item.stream_id, item_id)
    found = await blocks.add(connection, item, Block(reason, since, ended, source_event_id))
    return Blocking(found, (await work_items.change(connection, item, now)).version)


async def unblock(
    connection: Connection,
    item_id: int,
    block_id: int,
    expected: Expectation,
    ended: datetime | None = None,
) -> Blocking:
    """End a block, now or at a stated instant.

    Raises UnknownItem, UnknownBlock, BlockEnded, BlockVoided, PreconditionFailed, InvalidValue
    (ended_at).
    """
    item = await work_items.lock(connection, item_id)
    found = await blocks.get(connection, item_id, block_id)
    await _check(connection, item, expected)
    _check_standing(found)
    if found.ended_at is not None:
        raise BlockEnded(f"block {block_id} ended at {found.ended_at.isoformat()}; void it instead")
    now = await transitions.clock(connection)
    until = ended or max(now, found.started_at)
    _check_end(found.started_at, until, now)
    await news.note(connection, NewsKind.ITEM_UNBLOCKED, item.stream_id, item_id)
    changed = await blocks.change(connection, block_id, ended_at=until)
    return Blocking(changed, (await work_items.change(connection, item, now)).version)


async def void_block(
    connection: Connection, item_id: int, block_id: int, expected: Expectation
) -> Blocking:
    """Take a mistaken block back; it is kept, and counts nowhere.

    Raises UnknownItem, UnknownBlock, BlockVoided, PreconditionFailed.
    """
    item = await work_items.lock(connection, item_id)
    found = await blocks.get(connection, item_id, block_id)
    await _check(connection, item, expected)
    _check_standing(found)
    now = await transitions.clock(connection)
    await news.note(connection, NewsKind.BLOCK_VOIDED, item.stream_id, item_id)
    changed = await blocks.change(connection, block_id, voided_at=now)
    return Blocking(changed, (await work_items.change(connection, item, now)).version)


async def _check(connection: Connection, item: WorkItem, expected: Expectation) -> None:
    stream = await value_streams.load_by_id(connection, item.stream_id)
    check_expectation(item, stream, expected)


def _check_standing(found: RecordedBlock) -> None:
    if found.voided_at is not None:
        raise BlockVoided(f"block {found.id} was voided at {found.voided_at.isoformat()}")


def _check_end(started: datetime, ended: datetime, now: datetime) -> None:
    check_instant("ended_at", ended, now)
    if ended < started:
        raise InvalidValue(
            "ended_at", f"expected no instant before the start, {started.isoformat()}"
        )
