"""PostgreSQL works while we compute: a query is sent before the rows of the last one are used.

A connection runs one query at a time. Who waits for it, makes something of the rows and only
then sends the next one lets each side idle while the other works.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from app.store.database import Connection
from app.store.queries import Query, Row


class Turns:
    """The queries of several tasks on one connection, in the order in which they are asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def rows(self, query: Query, asked: Mapping[str, object]) -> list[Row]:
        """Return a query's rows, once that of the next task is on its way."""
        self._waiting += 1
        async with self._turn:
            self._waiting -= 1
            found = await query.rows(self._connection, asked)
        if self._waiting:
            await sent()
        return found


@asynccontextmanager
async def tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks beside the block, until all are done; raises what the first failed with."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def sent() -> None:
    """Let the tasks that are ready go on until what they have sent is on its way."""
    await asyncio.sleep(0)  # they write
    await asyncio.sleep(0)  # the event loop passes it on
