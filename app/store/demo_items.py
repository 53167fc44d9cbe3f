"""Items that were made up to look around: known by their source, and gone without a trace."""

from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select

from app.domain.work_item import DEMO_SOURCE
from app.store.database import Connection
from app.store.tables import broken_rules, item_blocks, stage_transitions, work_items


@dataclass(frozen=True, slots=True)
class DemoItems:
    """How many items of a stream are made up, and whether there are others."""

    made_up: int
    others: bool


async def count(connection: Connection, stream_id: int) -> DemoItems:
    """Count a stream's made-up items."""
    of_stream = work_items.c.value_stream_id == stream_id
    made_up = await connection.scalar(
        select(func.count()).where(of_stream, work_items.c.source == DEMO_SOURCE)
    )
    others = await connection.scalar(
        select(exists().where(of_stream, work_items.c.source.is_distinct_from(DEMO_SOURCE)))
    )
    return DemoItems(int(made_up or 0), bool(others))


async def remove(connection: Connection, stream_id: int) -> int:
    """Delete a stream's made-up items with all that was recorded about them; returns how many.

    The log's guard lets the moves of such items go, and no others.
    """
    found = await connection.scalars(
        select(work_items.c.id)
        .where(work_items.c.value_stream_id == stream_id, work_items.c.source == DEMO_SOURCE)
        .order_by(work_items.c.id)
        .with_for_update()
    )
    ids = list(found)
    for table in (broken_rules, item_blocks, stage_transitions):
        await connection.execute(delete(table).where(table.c.work_item_id == func.any(ids)))
    await connection.execute(delete(work_items).where(work_items.c.id == func.any(ids)))
    return len(ids)
