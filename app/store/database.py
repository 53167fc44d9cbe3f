"""The connection to PostgreSQL: pool, transactions, and what their failures mean to callers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio.engine import AsyncConnection, AsyncEngine, create_async_engine

from app.domain.errors import DatabaseBusy, DatabaseUnavailable, OutcomeUnknown, SchemaOutdated
from app.store.connecting import Connector, Limits

Connection = AsyncConnection
"""What every function of the store takes: a connection inside the caller's transaction."""

Database = AsyncEngine
"""The pool that a process holds; composition roots make it and close it."""

_UNREACHABLE = (OSError, asyncpg.PostgresConnectionError, InterfaceError, asyncpg.InterfaceError)

_UNDONE = {"40001", "40P01"}
"""A commit that fails with these is undone for certain: serialisation failure, deadlock."""
_READ_ONLY = "25006"
"""A write was refused: the server is a standby by now."""
_PASSING = _UNDONE | {_READ_ONLY, "57P01", "57P02", "57P03"}
"""All of it is undone, and another attempt may succeed: those above, and a server's shutdown."""


@dataclass(frozen=True, slots=True)
class _Turns:
    """Who waits for a connection of a pool, in order, and for how many seconds."""

    free: asyncio.Semaphore
    patience: float


_TURNS: WeakKeyDictionary[Engine, _Turns] = WeakKeyDictionary()


def open_database(
    url: str,
    *,
    pool_size: int = 10,
    statement_timeout: float = 30,
    echo: bool = False,
) -> Database:
    """Return a pool for the server at `url`; connects on first use.

    `statement_timeout` (seconds) holds on the server and, a little later, on the client, so that
    a frozen server cannot hold a request for minutes.
    """
    connector = Connector(url, Limits(statement=statement_timeout))
    return pool(url, connector, size=pool_size, echo=echo)


def pool(
    url: str, connector: Connector, *, size: int, patience: float = 5, echo: bool = False
) -> Database:
    """Return a pool of at most `size` connections; who gets none for `patience` seconds is told.

    A connection whose server hung up is replaced when it is taken from the pool. The driver knows,
    so that costs no round trip, as asking the server would.
    """
    made = create_async_engine(
        url,
        echo=echo,
        pool_size=size,
        max_overflow=0,
        pool_timeout=patience,
        pool_use_lifo=True,  # the connection that was used last has its statements prepared
        async_creator=connector.connect,
    )
    event.listen(made.sync_engine, "checkout", _refuse_closed)
    _TURNS[made.sync_engine] = _Turns(asyncio.Semaphore(size), patience)
    return made


def _refuse_closed(adapted: Any, _record: Any, _proxy: Any) -> None:
    if adapted.driver_connection.is_closed():
        raise DisconnectionError


@asynccontextmanager
async def _turn(database: Database) -> AsyncIterator[None]:
    """Wait for a connection to be free, and keep it for the block; raises DatabaseBusy.

    The pool itself gives a connection to whoever asks at the right moment, and sends those who
    wait to the end of the queue again: under load some would wait until they are refused.
    """
    turns = _TURNS[database.sync_engine]
    try:
        async with asyncio.timeout(turns.patience):
            await turns.free.acquire()
    except TimeoutError as error:
        raise DatabaseBusy from error
    try:
        yield
    finally:
        turns.free.release()


@asynccontextmanager
async def transaction(database: Database) -> AsyncIterator[Connection]:
    """Run one unit of work: commits at the end, rolls back on any exception.

    Raises DatabaseUnavailable when the server cannot be reached, is shutting down, or took too
    long, and SchemaOutdated when its tables are not there. What fails before the commit is sent is
    undone. If the connection is lost during the commit, nobody knows: OutcomeUnknown.
    """
    committing = False
    try:
        async with _turn(database), database.connect() as connection:
            try:
                yield connection
                committing = True
                await connection.commit()
            except (DBAPIError, asyncpg.PostgresError) as error:
                if _state(error) == _READ_ONLY:
                    await connection.invalidate(error)  # its server will take no write again
                raise
    except PoolTimeout as error:
        raise DatabaseBusy from error
    except (TimeoutError, *_UNREACHABLE, DBAPIError, asyncpg.PostgresError) as error:
        raise _meaning(error, committing=committing) from error


@asynccontextmanager
async def rehearsal(connection: Connection) -> AsyncIterator[None]:
    """Do something and take it back: what is read meanwhile is what would be."""
    savepoint = await connection.begin_nested()
    try:
        yield
    finally:
        await savepoint.rollback()


def _meaning(error: Exception, *, committing: bool) -> Exception:
    """Translate a driver error that no caller expected, wrapped by SQLAlchemy or not."""
    state = _state(error)
    if state in ("42P01", "42703", "3F000"):  # undefined table, column, schema
        return SchemaOutdated()
    if not _is_outage(error, state):
        return error
    hung_up = not isinstance(error, TimeoutError) and (not state or state.startswith("08"))
    passing = hung_up or state in _PASSING
    if committing and state not in _UNDONE:
        return OutcomeUnknown(passing=passing)
    return DatabaseUnavailable(passing=passing)


def _state(error: Exception) -> str:
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""


def _is_outage(error: Exception, state: str) -> bool:
    """Tell whether the database is to blame, not what it was asked."""
    lost = isinstance(error, (TimeoutError, *_UNREACHABLE, OperationalError))
    # 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout),
    # 40 rollback (deadlock, serialisation), 28/3D cannot log in, 55P03 lock not available,
    # 25P03 idle in a transaction for too long
    codes = state[:2] in ("08", "53", "57", "40", "28", "3D")
    single = state in ("55P03", "25P03", _READ_ONLY)
    return lost or codes or single or getattr(error, "connection_invalidated", False)
