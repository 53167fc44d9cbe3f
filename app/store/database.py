"""The connection to PostgreSQL: engine, transactions, and what its failures mean to callers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.domain.errors import DatabaseUnavailable, SchemaOutdated

Connection = AsyncConnection
"""What every function of the store takes: a connection inside the caller's transaction."""

Database = AsyncEngine
"""The pool that a process holds; composition roots make it and close it."""

_UNREACHABLE = (OSError, asyncio.TimeoutError, asyncpg.PostgresConnectionError, InterfaceError)


def open_database(
    url: str, *, pool_size: int = 10, statement_timeout: float = 30, echo: bool = False
) -> Database:
    """Return a pool for the server at `url`; connects on first use.

    `statement_timeout` (seconds) holds on the server and, a little later, on the client, so that
    a frozen server cannot hold a request for minutes.
    """
    return create_async_engine(
        url,
        echo=echo,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={
            "timeout": 5,
            "command_timeout": statement_timeout + 1,
            "server_settings": {
                "application_name": "vsm-service",
                "timezone": "UTC",
                "statement_timeout": str(int(statement_timeout * 1000)),
            },
        },
    )


@asynccontextmanager
async def transaction(database: Database) -> AsyncIterator[Connection]:
    """Run one unit of work: commits at the end, rolls back on any exception.

    Raises DatabaseUnavailable when the server cannot be reached, is shutting down, or took too
    long, and SchemaOutdated when its tables are not there.
    """
    try:
        async with database.begin() as connection:
            yield connection
    except PoolTimeout as error:
        raise DatabaseUnavailable("every database connection is busy; try again") from error
    except _UNREACHABLE as error:
        raise DatabaseUnavailable from error
    except (DBAPIError, asyncpg.PostgresError) as error:  # the latter from COPY
        raise _meaning(error) from error


@asynccontextmanager
async def rehearsal(connection: Connection) -> AsyncIterator[None]:
    """Do something and take it back: what is read meanwhile is what would be."""
    savepoint = await connection.begin_nested()
    try:
        yield
    finally:
        await savepoint.rollback()


def _meaning(error: DBAPIError | asyncpg.PostgresError) -> Exception:
    """Translate a driver error that no caller expected, wrapped by SQLAlchemy or not."""
    state: str = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    if state in ("42P01", "42703", "3F000"):  # undefined table, column, schema
        return SchemaOutdated()
    lost = isinstance(error, OperationalError) or getattr(error, "connection_invalidated", False)
    # 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout),
    # 40 rollback (deadlock, serialisation), 55P03 lock not available, 28/3D cannot log in
    if lost or state[:2] in ("08", "53", "57", "40", "28", "3D") or state == "55P03":
        return DatabaseUnavailable()
    return error


async def is_reachable(database: Database, within: float = 2) -> bool:
    """Tell whether the server answers within so many seconds."""
    try:
        async with asyncio.timeout(within):
            async with transaction(database) as connection:
                await connection.execute(text("SELECT 1"))
    except (DatabaseUnavailable, TimeoutError):
        return False
    return True
