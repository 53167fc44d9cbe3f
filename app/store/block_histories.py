"""Merging the blocks of whole histories: what is known stays, and what was open may end.

A block is found again by its item and source event. One that was ended or voided here stays so,
whatever its source says.
"""

from dataclasses import dataclass

from sqlalchemy import text

from app.store.database import Connection

_ANY = text("SELECT EXISTS (SELECT FROM staged_blocks WHERE item >= :begin AND item < :end)")
_END_KNOWN = text(
    """
    UPDATE item_blocks known SET ended_at = b.ended_at
    FROM staged_blocks b
    JOIN staged_items i ON i.position = b.item
    WHERE b.item >= :begin AND b.item < :end
      AND known.work_item_id = i.id AND known.source_event_id = b.source_event_id
      AND known.ended_at IS NULL AND known.voided_at IS NULL
      AND b.ended_at >= known.started_at
    RETURNING known.work_item_id
    """
)
_INSERT_NEW = text(
    """
    INSERT INTO item_blocks (work_item_id, value_stream_id, started_at, ended_at, reason,
                             source_event_id)
    SELECT i.id, :stream_id, b.started_at, b.ended_at, b.reason, b.source_event_id
    FROM staged_blocks b
    JOIN staged_items i ON i.position = b.item
    WHERE b.item >= :begin AND b.item < :end
    ORDER BY b.item, b.position
    ON CONFLICT (work_item_id, source_event_id) DO NOTHING
    RETURNING work_item_id
    """
)


@dataclass(frozen=True, slots=True)
class MergedBlocks:
    """What a merge changed: numbers of blocks, and the ids of their items."""

    created: int = 0
    ended: int = 0
    items: frozenset[int] = frozenset()


async def merge(connection: Connection, stream_id: int, begin: int, end: int) -> MergedBlocks:
    """Merge the staged blocks of a range of staged items, which are stored and locked."""
    scope = {"begin": begin, "end": end}
    if not await connection.scalar(_ANY, scope):
        return MergedBlocks()
    ended = (await connection.execute(_END_KNOWN, scope)).scalars().all()
    of_stream = {"stream_id": stream_id, **scope}
    created = (await connection.execute(_INSERT_NEW, of_stream)).scalars().all()
    return MergedBlocks(len(created), len(ended), frozenset((*created, *ended)))
