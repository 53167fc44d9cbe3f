"""The primary and, where there is one, a standby: which of them answers what.

Writes go to the primary. Reads go there as well, so that who has written finds what he wrote; but
numbers, which cost more and for which a moment matters less, may come from a standby. While the
primary is away, a standby answers all reads. What it answers may be stale, so it tells by how much.

Numbers get half of the connections at most: a wall of dashboards keeps nobody from moving an item.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from app.domain.errors import DatabaseBusy, DatabaseUnavailable
from app.store.connecting import DEFAULT_LIMITS, UNREACHABLE, Connector, Limits, Role
from app.store.database import Connection, Database, pool, transaction
from app.store.lookout import Lookout, Tell
from app.store.retry import repeated

Result = TypeVar("Result")

AWAY = "the database is away; its state is looked at several times a second, so try again soon"

REPLAYED = """
    SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() - '0/0'::pg_lsn,
           extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8
"""
"""Is it a standby, up to where has it replayed, and how long ago was the last of that committed?"""


@dataclass(frozen=True, slots=True)
class Options:
    """How the servers are used: times in seconds, sizes in connections."""

    limits: Limits = DEFAULT_LIMITS
    pool_size: int = 10
    pool_timeout: float = 5
    max_lag: float = 10
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer was read from. `staleness`, of a standby: seconds at most; None: unknown."""

    standby: bool = False
    staleness: float | None = None
    degraded: bool = False


Work = Callable[[Connection, Seen], Awaitable[Result]]


class _Server:
    """A pool of connections to a server of one role, and the lookout for it."""

    def __init__(self, url: str, role: Role, options: Options, tell: Tell) -> None:
        connector = Connector(url, options.limits, role)
        self.lookout = Lookout(connector, role, tell)
        self.pool = pool(
            url,
            connector,
            size=options.pool_size,
            patience=options.pool_timeout,
            echo=options.echo,
        )


class Databases:
    """The servers that a process uses."""

    def __init__(self, url: str, read_url: str | None, options: Options, tell: Tell) -> None:
        """Use the primary at `url`, and a standby at `read_url`, if any, for numbers as well.

        Where `url` names several hosts, a standby among them answers while the primary is away.
        """
        self._options = options
        self._numbers = asyncio.Semaphore(max(1, options.pool_size // 2))
        self._primary = _Server(url, Role.PRIMARY, options, tell)
        self.primary = self._primary.pool
        self._for_numbers = read_url is not None
        other = read_url or (url if self._primary.lookout.connector.has_several_hosts else None)
        self._standby = _Server(other, Role.STANDBY, options, tell) if other else None

    @property
    def pools(self) -> list[Database]:
        """Every pool of connections, the primary's first."""
        return [each.pool for each in (self._primary, self._standby) if each]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look out for the servers during the block; close all connections after it."""
        servers = [each for each in (self._primary, self._standby) if each]
        async with AsyncExitStack() as stack:
            for server in servers:
                stack.push_async_callback(server.pool.dispose)
                await stack.enter_async_context(server.lookout.running())
            yield

    async def primary_is_up(self) -> bool:
        """Tell whether the primary takes writes."""
        return await self._primary.lookout.is_up()

    async def standby_is_up(self) -> bool | None:
        """Tell whether a standby can answer; None: there is none."""
        return await self._standby.lookout.is_up() if self._standby else None

    async def connect(self, settings: Mapping[str, str]) -> asyncpg.Connection:
        """Return a connection to the primary beside its pool; it is cut when that is away.

        Raises DatabaseUnavailable: at once while the primary is known to be away.
        """
        self._refuse_if_away()
        try:
            return await self._primary.lookout.connector.connect(settings)
        except UNREACHABLE as error:
            raise DatabaseUnavailable(passing=not isinstance(error, TimeoutError)) from error

    def _refuse_if_away(self) -> None:
        if self._primary.lookout.up is False:
            raise DatabaseUnavailable(AWAY)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """Run a transaction on the primary; raises at once while it is known to be away."""
        self._refuse_if_away()
        async with transaction(self.primary) as connection:
            yield connection

    async def read(self, work: Work[Result], *, may_lag: bool = False) -> Result:
        """Read on the primary, or on a standby: if `may_lag`, and while the primary is away.

        What may lag are numbers, of which a few are read at a time. Raises DatabaseBusy where a
        turn does not come.
        """
        if not may_lag:
            return await self._read(work, may_lag=False)
        async with self._turn_of_numbers():
            return await self._read(work, may_lag=True)

    @asynccontextmanager
    async def _turn_of_numbers(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._options.pool_timeout):
                await self._numbers.acquire()
        except TimeoutError as error:
            raise DatabaseBusy from error
        try:
            yield
        finally:
            self._numbers.release()

    async def _read(self, work: Work[Result], *, may_lag: bool) -> Result:
        standby = self._standby
        if may_lag and standby and self._for_numbers and standby.lookout.up:
            try:
                return await self._read_standby(standby, work, self._options.max_lag)
            except DatabaseUnavailable as error:
                if not error.passing:
                    raise
        try:
            return await repeated(lambda: self._read_primary(work), finds_itself=lambda: True)
        except DatabaseUnavailable as error:
            lost = error.passing or self._primary.lookout.up is False
            if not standby or not lost:
                raise
        return await repeated(lambda: self._read_standby(standby, work, None))

    async def _read_primary(self, work: Work[Result]) -> Result:
        async with self.writing() as connection:
            return await work(connection, Seen())

    async def _read_standby(
        self, standby: _Server, work: Work[Result], max_lag: float | None
    ) -> Result:
        """Read on the standby; raises if it is staler than `max_lag`, unless that is None."""
        async with transaction(standby.pool) as connection:
            staleness = await self._staleness(connection)
            if max_lag is not None and (staleness is None or staleness > max_lag):
                raise DatabaseUnavailable("the standby is too far behind", passing=True)
            away = max_lag is None or self._primary.lookout.up is False
            return await work(connection, Seen(True, staleness, degraded=away))

    async def _staleness(self, connection: Connection) -> float | None:
        """Tell how many seconds stale at most the data are that this connection will read.

        Either we saw the primary at this position, or its last commit tells, which is long ago
        where little is written. Asked past the transaction, whose snapshot is still to be taken.
        """
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None, "it was just taken from the pool"  # noqa: S101
        standby, position, since_commit = await driver.fetchrow(REPLAYED)
        if not standby:
            await connection.invalidate()  # promoted meanwhile; the primary's pool will find it
            raise DatabaseUnavailable("the standby is none any more", passing=True)
        seen = None if position is None else self._primary.lookout.staleness(int(position))
        known = [max(each, 0.0) for each in (seen, since_commit) if each is not None]
        return min(known, default=None)
