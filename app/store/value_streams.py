"""Value streams and their stages."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.domain.errors import SchemaOutdated, UnknownStream
from app.domain.value_stream import (
    Category,
    MovePolicy,
    MoveRules,
    ServiceLevel,
    Stage,
    ValueStream,
    WipPolicy,
)
from app.domain.working_time import from_plain
from app.store import definition_locks
from app.store.database import Connection
from app.store.queries import Row, load_query
from app.store.tables import value_streams

_STREAM = load_query("stream")


async def load(connection: Connection, key: str | None = None) -> ValueStream:
    """Return the stream of this key, or the default stream; raises UnknownStream."""
    rows = await _STREAM.rows(connection, {"key": key, "id": None})
    if not rows:
        raise SchemaOutdated if key is None else UnknownStream(key)
    return _stream(rows)


async def load_to_write(connection: Connection, key: str | None = None) -> ValueStream:
    """Return the stream as `load` does, and keep its definition from changing until the end.

    For whoever is going to write items or moves that name its stages.
    """
    held = await definition_locks.share(connection, key)
    stream = await load(connection, key)
    if stream.id == held:
        return stream
    # another stream has become the default one, or has come to be, while we waited
    return await load_to_write(connection, stream.key)


async def load_by_id(connection: Connection, stream_id: int) -> ValueStream:
    """Return the stream that a stored row refers to."""
    return _stream(await _STREAM.rows(connection, {"key": None, "id": stream_id}))


async def keys(connection: Connection) -> list[str]:
    """Return the keys of all streams, the default stream's first."""
    query = select(value_streams.c.key).order_by(value_streams.c.is_default.desc(), "key")
    return list((await connection.execute(query)).scalars())


def _stream(rows: Sequence[Row]) -> ValueStream:
    head = rows[0]
    return ValueStream(
        id=head.stream_id,
        key=head.key,
        name=head.stream_name,
        description=head.stream_description,
        is_default=head.is_default,
        zone_info=ZoneInfo(head.time_zone),
        definitions_version=head.definitions_version,
        moves=MoveRules(
            policy=MovePolicy(head.move_policy),
            allowed=frozenset((row.name, to) for row in rows for to in row.allowed or ()),
            backward_reason=MovePolicy(head.backward_reason),
        ),
        service_level=None
        if head.service_level_percent is None
        else ServiceLevel(head.service_level_percent, head.service_level_hours),
        calendar=None if head.working_time is None else from_plain(head.working_time),
        stages=tuple(
            Stage(
                id=row.id,
                name=row.name,
                order=row.order,
                type=row.type,
                category=Category(row.category),
                wip_limit=row.wip_limit,
                wip_policy=WipPolicy(row.wip_policy),
                description=row.description,
            )
            for row in rows
        ),
    )
