"""Blocks of items: kept, ended, taken back, and added up for finished work."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, or_, select, update

from app.domain.block import Block, RecordedBlock
from app.domain.errors import UnknownBlock
from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import WorkItem
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query
from app.store.tables import item_blocks

_BLOCKED_TIMES = load_query("blocked_times")
_COLUMNS = tuple(item_blocks.c[name] for name in RecordedBlock.__dataclass_fields__)

_OBSTACLES = (
    select(item_blocks.c.work_item_id, item_blocks.c.started_at, item_blocks.c.reason)
    .where(
        item_blocks.c.value_stream_id == bindparam("stream_id"),
        item_blocks.c.started_at <= bindparam("as_of"),
        or_(item_blocks.c.ended_at.is_(None), item_blocks.c.ended_at > bindparam("as_of")),
        item_blocks.c.voided_at.is_(None),
    )
    .order_by(item_blocks.c.started_at.desc(), item_blocks.c.id.desc())
)
_OBSTACLES_OF = _OBSTACLES.where(item_blocks.c.work_item_id.in_(bindparam("items", expanding=True)))
"""Built once: a list built into a condition leaves a cycle behind each time, and is asked often."""


async def add(connection: Connection, item: WorkItem, block: Block) -> RecordedBlock:
    """Store a block of a locked item."""
    statement = (
        insert(item_blocks)
        .values(
            work_item_id=item.id,
            value_stream_id=item.stream_id,
            reason=block.reason,
            started_at=block.started,
            ended_at=block.ended,
            source_event_id=block.source_event_id,
        )
        .returning(*_COLUMNS)
    )
    return _block((await connection.execute(statement)).one())


async def change(connection: Connection, block_id: int, **columns: datetime) -> RecordedBlock:
    """Set `ended_at` or `voided_at` of a block."""
    statement = (
        update(item_blocks)
        .where(item_blocks.c.id == block_id)
        .values(**columns)
        .returning(*_COLUMNS)
    )
    return _block((await connection.execute(statement)).one())


async def get(connection: Connection, item_id: int, block_id: int) -> RecordedBlock:
    """Return one block of an item; raises UnknownBlock."""
    columns = item_blocks.c
    query = select(*_COLUMNS).where(columns.work_item_id == item_id, columns.id == block_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise UnknownBlock(item_id, block_id)
    return _block(row)


async def of_item(
    connection: Connection, item_id: int, *, with_voided: bool = False
) -> list[RecordedBlock]:
    """Return the blocks of an item, oldest first."""
    columns = item_blocks.c
    query = select(*_COLUMNS).where(columns.work_item_id == item_id)
    if not with_voided:
        query = query.where(columns.voided_at.is_(None))
    query = query.order_by(columns.started_at, columns.id)
    return [_block(row) for row in await connection.execute(query)]


async def by_event(
    connection: Connection, item_id: int, source_event_id: str
) -> RecordedBlock | None:
    """Return the block that a source's event led to, if it was delivered before."""
    columns = item_blocks.c
    query = select(*_COLUMNS).where(
        columns.work_item_id == item_id, columns.source_event_id == source_event_id
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _block(row)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Since when an item has been blocked, and why."""

    since: datetime
    reason: str


async def obstacles(
    connection: Connection,
    stream_id: int,
    as_of: datetime,
    items: Collection[int] | None = None,
) -> Mapping[int, Obstacle]:
    """Return what items of a stream, all or these, are blocked by at an instant.

    Of several blocks the first.
    """
    asked = {"stream_id": stream_id, "as_of": as_of}
    if items is None:
        rows = await connection.execute(_OBSTACLES, asked)
    else:
        rows = await connection.execute(_OBSTACLES_OF, {**asked, "items": list(items)})
    return {row.work_item_id: Obstacle(row.started_at, row.reason) for row in rows}


async def blocked_times(
    connection: Connection, selection: Selection, stream: ValueStream
) -> Mapping[Stage, int] | None:
    """Return how long the finished items were blocked by stage; None when nobody tells."""
    rows = await _BLOCKED_TIMES.rows(connection, selection.parameters)
    stages = {stage.id: stage for stage in stream.stages}
    if not any(row.stage_id is None for row in rows):
        return None
    return {stages[row.stage_id]: int(row.blocked_us) for row in rows if row.stage_id is not None}


def _block(row: Row[Any]) -> RecordedBlock:
    return RecordedBlock(**row._asdict())
