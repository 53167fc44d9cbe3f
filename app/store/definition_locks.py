"""Who writes to a stream shares its definition; who changes the definition has it alone.

Advisory locks, held until the transaction ends. What is written to a stream names its stages, so
none of them may be merged or retired between the look at the stream and the commit. Row locks would
not do: writers insert moves, which lock neither the stream's row nor stages that do not exist yet.
The lock is taken before any row of the stream is locked, in every transaction, so that two never
wait for each other.
"""

from sqlalchemy import ColumnElement, Integer, SQLColumnExpression, cast, func, select, text

from app.store.database import Connection
from app.store.tables import value_streams

_DEFINITION = func.hashtext("vsm-service definition")


def shared(stream_id: SQLColumnExpression[int]) -> ColumnElement[None]:
    """Return the expression that shares a stream's definition when a query computes it."""
    return func.pg_advisory_xact_lock_shared(_DEFINITION, cast(stream_id, Integer))


async def share(connection: Connection, key: str | None) -> int | None:
    """Wait while the definition of a stream (None: the default one) changes, then keep it as is.

    Returns the stream's id, None when there is no such stream.
    """
    which = value_streams.c.is_default if key is None else value_streams.c.key == key
    query = select(value_streams.c.id, shared(value_streams.c.id)).where(which)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else int(row.id)


async def own(connection: Connection, stream_id: int) -> None:
    """Wait until nobody writes to the stream, and keep all others from it."""
    await connection.execute(select(func.pg_advisory_xact_lock(_DEFINITION, stream_id)))


async def take_turn(connection: Connection) -> None:
    """Wait until no other definitions are being changed in this installation."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('vsm-service definitions'), 0)")
    )
