"""Merging the blocks of whole histories: what is known stays, and what was open may end.

A block is found again by its item and source event. One that was ended or voided here stays so,
whatever its source says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from app.domain.work_item import ItemHistory
from app.store.database import Connection
from app.store.staging import copy_into

_STAGED_BLOCKS = text(
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_blocks (
        item integer, position integer, started_at timestamptz, ended_at timestamptz, reason text,
        source_event_id text
    ) ON COMMIT DROP
    """
)
_COLUMNS = ["item", "position", "started_at", "ended_at", "reason", "source_event_id"]

_END_KNOWN = text(
    """
    UPDATE item_blocks known SET ended_at = b.ended_at
    FROM staged_blocks b
    JOIN staged_items i ON i.position = b.item
    WHERE known.work_item_id = i.id AND known.source_event_id = b.source_event_id
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


async def merge(
    connection: Connection, stream_id: int, histories: Sequence[ItemHistory]
) -> MergedBlocks:
    """Merge the blocks of histories whose items are staged, known or stored, and locked."""
    records = [
        (item, n, block.started, block.ended, block.reason, block.source_event_id)
        for item, history in enumerate(histories)
        for n, block in enumerate(history.blocks)
    ]
    if not records:
        return MergedBlocks()
    await connection.execute(_STAGED_BLOCKS)
    await connection.execute(text("TRUNCATE staged_blocks"))
    await copy_into(connection, "staged_blocks", _COLUMNS, records)
    ended = (await connection.execute(_END_KNOWN)).scalars().all()
    created = (await connection.execute(_INSERT_NEW, {"stream_id": stream_id})).scalars().all()
    return MergedBlocks(len(created), len(ended), frozenset((*created, *ended)))
