"""Value streams and their stages."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.domain.errors import SchemaOutdated, UnknownStream
from app.domain.value_stream import Category, Stage, ValueStream
from app.store.database import Connection
from app.store.tables import stages, value_streams

_STAGE_COLUMNS = select(
    value_streams.c.id.label("stream_id"),
    value_streams.c.key,
    value_streams.c.name.label("stream_name"),
    value_streams.c.time_zone,
    value_streams.c.definitions_version,
    stages.c.id,
    stages.c.name,
    stages.c.order,
    stages.c.type,
    stages.c.category,
    stages.c.wip_limit,
).join_from(value_streams, stages)


async def load(connection: Connection, key: str | None = None) -> ValueStream:
    """Return the stream of this key, or the default stream; raises UnknownStream."""
    which = value_streams.c.is_default if key is None else value_streams.c.key == key
    query = _STAGE_COLUMNS.where(which).order_by(stages.c.order)
    rows = (await connection.execute(query)).all()
    if not rows:
        raise SchemaOutdated if key is None else UnknownStream(key)
    return _stream(rows)


async def load_by_id(connection: Connection, stream_id: int) -> ValueStream:
    """Return the stream that a stored row refers to."""
    query = _STAGE_COLUMNS.where(value_streams.c.id == stream_id).order_by(stages.c.order)
    return _stream((await connection.execute(query)).all())


def _stream(rows: Sequence[Any]) -> ValueStream:
    head = rows[0]
    return ValueStream(
        id=head.stream_id,
        key=head.key,
        name=head.stream_name,
        zone_info=ZoneInfo(head.time_zone),
        definitions_version=head.definitions_version,
        stages=tuple(
            Stage(
                id=row.id,
                name=row.name,
                order=row.order,
                type=row.type,
                category=Category(row.category),
                wip_limit=row.wip_limit,
            )
            for row in rows
        ),
    )
