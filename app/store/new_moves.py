"""Moves that have just been recorded, in the order in which the log numbered them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.domain.work_item import WorkItemType
from app.store.database import Connection
from app.store.tables import stage_transitions, stages, value_streams, work_items

_TO, _FROM = stages.alias("to_stage"), stages.alias("from_stage")


@dataclass(frozen=True, slots=True)
class NewMove:
    """A move as a watcher wants to see it; `from_stage` is None for an item's first one."""

    id: int
    work_item_id: int
    title: str
    type: WorkItemType
    value_stream: str
    from_stage: str | None
    to_stage: str
    timestamp: datetime


async def newest_id(connection: Connection) -> int:
    """Return the id of the log's newest move, 0 for an empty log."""
    newest = await connection.scalar(select(func.max(stage_transitions.c.id)))
    return int(newest or 0)


async def after(connection: Connection, move_id: int, limit: int) -> Sequence[NewMove]:
    """Return the moves that were numbered later, oldest first, but for those taken back."""
    moves, items = stage_transitions.c, work_items.c
    query = (
        select(
            moves.id,
            moves.work_item_id,
            items.title,
            items.type,
            value_streams.c.key,
            _FROM.c.name,
            _TO.c.name,
            moves.timestamp,
        )
        .join_from(stage_transitions, work_items, items.id == moves.work_item_id)
        .join(value_streams, value_streams.c.id == moves.value_stream_id)
        .join(_TO, _TO.c.id == moves.to_stage_id)
        .outerjoin(_FROM, _FROM.c.id == moves.from_stage_id)
        .where(moves.id > move_id, moves.voided_at.is_(None))
        .order_by(moves.id)
        .limit(limit)
    )
    return [
        NewMove(id_, item, title, WorkItemType(kind), stream, left, entered, timestamp)
        for id_, item, title, kind, stream, left, entered, timestamp in await connection.execute(
            query
        )
    ]
