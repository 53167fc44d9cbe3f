"""Look at a server again and again, so that requests need not find out by waiting that it is away.

A killed server hangs up, which is seen at once. A frozen one does not: its kernel still accepts
connections and takes what is sent. Without a lookout, each request would wait for its own time-out,
and hold a connection of the pool until then. The lookout asks once a second over a connection of
its own; when no answer comes, neither there nor on a new connection, all others are cut.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

import asyncpg
import structlog

from app.store.connecting import UNREACHABLE, Connector, Role

log = structlog.get_logger()

EVERY = 1.0
"""Seconds between two looks at a server that is there."""
SOON = 0.25
"""Seconds between two looks at one that is away."""
PATIENCE = 1.5
"""Seconds that an answer may take. One that takes longer is asked for again, anew."""
TOO_LATE = 0.5
"""Seconds of lateness of our own from which silence proves nothing about the server."""
REMEMBERED = 600
"""Positions that are remembered, one for each look."""

QUESTIONS = {
    Role.PRIMARY: "SELECT pg_postmaster_start_time(), pg_current_wal_lsn() - '0/0'::pg_lsn",
    Role.STANDBY: """
        SELECT pg_postmaster_start_time(), pg_last_wal_replay_lsn() - '0/0'::pg_lsn
        WHERE pg_is_in_recovery()
    """,
}
"""Which server is it, and how far in the write-ahead log? It fails for one in another role."""


Tell = Callable[[str, bool], None]
"""Called after each look with the role, in lower case, and whether the server is there."""


class _Lateness:
    """How late, at most, this process came to its own appointments during a block, in seconds."""

    STEP = 0.1

    def __init__(self) -> None:
        self.most = 0.0
        self._make_appointment()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self.most = max(self.most, time.monotonic() - self._due)

    def _make_appointment(self) -> None:
        self._due = time.monotonic() + self.STEP
        self._timer = asyncio.get_running_loop().call_later(self.STEP, self._come)

    def _come(self) -> None:
        self.most = max(self.most, time.monotonic() - self._due)
        self._make_appointment()


@dataclass
class Lookout:
    """What is known about one server; `up` is None as long as nobody has looked."""

    connector: Connector
    role: Role
    tell: Tell = lambda _role, _up: None
    up: bool | None = None
    _connection: asyncpg.Connection | None = None
    _server: object = None
    _positions: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def is_up(self) -> bool:
        """Tell what the last look saw; look if nobody has."""
        if self.up is None:
            async with self._looking:
                if self.up is None:
                    await self._look()
        return bool(self.up)

    def staleness(self, position: int) -> float | None:
        """Tell how many seconds ago at most this server was at a position; None: longer ago.

        A standby that has replayed up to there knows everything that was committed until then.
        """
        now = time.monotonic()
        ages = (now - when for when, seen in reversed(self._positions) if seen <= position)
        return next(ages, None)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look again and again during the block."""
        task = asyncio.create_task(
            self._repeat(), name=f"look out for the {self.role.name.lower()}"
        )
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if self._connection:
                self._connection.terminate()

    async def _repeat(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hung_up.wait(), SOON if self.up is False else EVERY)
            self._hung_up.clear()
            async with self._looking:
                await self._look()

    async def _look(self) -> None:
        cause, refused = "", False
        with _Lateness() as own:
            try:
                up = await self._still_there() or await self._there_again()
            except UNREACHABLE as error:
                up, cause = False, repr(error)
                refused = isinstance(error, OSError) and not isinstance(error, TimeoutError)
        if not up and not refused and own.most > TOO_LATE:
            return  # it may have answered in time, and we were too busy to see it
        if up is not (self.up is not False):
            log.warning("database", role=self.role.name.lower(), up=up, cause=cause)
        self.up = up
        self.tell(self.role.name.lower(), up)
        if not up:
            self.connector.cut()

    async def _still_there(self) -> bool:
        """Ask over the connection of last time; a false alarm may come of our own being busy."""
        if self._connection is None or self._connection.is_closed():
            return False
        with suppress(*UNREACHABLE):
            await self._ask(self._connection)
            return True
        return False

    async def _there_again(self) -> bool:
        """Ask over a new connection. If another server answers, the old one's are of no use."""
        before = self._server
        if self._connection:
            self._connection.terminate()
        self._connection = connection = await self.connector.connect()
        await self._ask(connection)
        if before not in (None, self._server):
            self.connector.cut(but=connection)
        self._hung_up.clear()
        connection.add_termination_listener(lambda _connection: self._hung_up.set())
        return True

    async def _ask(self, connection: asyncpg.Connection) -> None:
        """Ask the role's question; raises one of UNREACHABLE unless it is answered in time.

        Out of patience, the connection is cut: to cancel would be to ask a silent server.
        """
        asked = time.monotonic()
        cut = asyncio.get_running_loop().call_later(PATIENCE, connection.terminate)
        try:
            row = await connection.fetchrow(QUESTIONS[self.role])
        finally:
            cut.cancel()
        if row is None or row[1] is None:
            connection.terminate()
            raise ConnectionError(f"the server is not {self.role}")
        self._server = row[0]
        self._positions.append((asked, int(row[1])))
