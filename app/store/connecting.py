"""How a connection comes about: which host of several, within which time, and with which limits.

The driver can try several hosts, one after the other; a frozen one, whose kernel still accepts
connections, would then use up the time of all. So each host has a time-out of its own here, and
when the one that answered last does not do so soon, the others are asked as well, all at once.
"""

import asyncio
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from weakref import WeakSet

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.engine import make_url

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""A silent peer is asked after 10 s, and given up after three questions in 15 s."""
SILENT_MS = 15_000
"""How long what was sent may stay unacknowledged, by either side's kernel."""
IDLE_FACTOR = 10
"""A transaction may idle this many statement time-outs; reading a file to import is idling."""
LOCK_SHARE = 1 / 3
"""The part of its time-out that a statement may spend waiting for a lock."""

HEAD_START = 0.5
"""Seconds that the host which was right last has before the others are asked."""

AGAIN = 0.25
"""Seconds after which a host that refused is asked again, while another one is silent."""

Place = tuple[str | None, int | None]
"""Host and port."""

Attempt = asyncio.Task[asyncpg.Connection]

NO_SETTINGS: Mapping[str, str] = {}

UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a failed attempt to connect raises."""


class Role(StrEnum):
    """What a server has to be for a connection to be of use."""

    PRIMARY = "a primary that takes writes"
    STANDBY = "a standby"


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds: to connect to one host, and for one statement."""

    connect: float = 3
    statement: float = 30

    def of_session(self) -> dict[str, str]:
        """Return what PostgreSQL is told when a session begins."""
        seconds = {
            "statement_timeout": self.statement,
            "lock_timeout": self.statement * LOCK_SHARE,
            "idle_in_transaction_session_timeout": self.statement * IDLE_FACTOR,
        }
        return {
            "application_name": "vsm-service",
            "timezone": "UTC",
            **{name: str(max(int(value * 1000), 1)) for name, value in seconds.items()},
            "tcp_keepalives_idle": str(KEEPALIVE["TCP_KEEPIDLE"]),
            "tcp_keepalives_interval": str(KEEPALIVE["TCP_KEEPINTVL"]),
            "tcp_keepalives_count": str(KEEPALIVE["TCP_KEEPCNT"]),
            "tcp_user_timeout": str(SILENT_MS),
        }


DEFAULT_LIMITS = Limits()


class Connector:
    """Connects to whichever of the hosts in a URL has the role that is asked for.

    It knows its open connections, so that all can be cut when their server has fallen silent.
    """

    def __init__(
        self, url: str, limits: Limits = DEFAULT_LIMITS, role: Role = Role.PRIMARY
    ) -> None:
        _, arguments = dialect.dialect().create_connect_args(make_url(url))  # type: ignore[no-untyped-call]
        hosts, ports = arguments.pop("host", None), arguments.pop("port", None)
        self._places = list(zip(_listed(hosts), _listed(ports), strict=True))
        self._arguments: dict[str, Any] = arguments
        self._limits = limits
        self._role = role
        self._open: WeakSet[asyncpg.Connection] = WeakSet()

    @property
    def has_several_hosts(self) -> bool:
        """Whether there is a choice."""
        return len(self._places) > 1

    async def connect(self, settings: Mapping[str, str] = NO_SETTINGS) -> asyncpg.Connection:
        """Return a new connection, with settings of its session; raises one of UNREACHABLE."""
        connection = await self._find(settings)
        _keep_alive(connection)
        self._open.add(connection)
        return connection

    def cut(self, but: asyncpg.Connection | None = None) -> None:
        """Cut the open connections; who waits for an answer there is told at once."""
        for connection in list(self._open):
            if connection is not but:
                connection.terminate()

    async def _find(self, settings: Mapping[str, str]) -> asyncpg.Connection:
        """Ask the host that was right last, then, without waiting for it for long, all others.

        While one of them is silent, those that have refused are asked again: one may take over.
        """

        def ask(places: Sequence[Place], after: float = 0) -> dict[Attempt, Place]:
            return {
                asyncio.create_task(self._reach(each, settings, after)): each for each in places
            }

        others = self._places[1:]
        attempts = ask(self._places[:1])
        asked = waiting = set(attempts)
        error: BaseException | None = None
        try:
            while asked & waiting:
                patience = HEAD_START if others else None
                done, waiting = await asyncio.wait(
                    waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                again = []
                for attempt in done:
                    error, place = attempt.exception(), attempts.pop(attempt)
                    if error is None:
                        self._prefer(place)
                        return attempt.result()
                    again.append(place)
                first, later = ask(others), ask(again, AGAIN)
                attempts |= first | later
                asked, others = asked | set(first), []
                waiting |= set(first) | set(later)
        finally:
            await _abandon(attempts)
        assert error is not None, "an attempt that did not succeed failed"  # noqa: S101
        raise error

    async def _reach(
        self, place: Place, settings: Mapping[str, str], after: float
    ) -> asyncpg.Connection:
        """Connect to one host; raises ConnectionError when its server has another role."""
        await asyncio.sleep(after)
        host, port = place
        connection = await asyncpg.connect(
            host=host,
            port=port,
            timeout=self._limits.connect,
            command_timeout=self._limits.statement + 1,  # the server gives up first, if it lives
            max_cached_statement_lifetime=0,  # to plan a query anew may take longer than to run it
            server_settings={**self._limits.of_session(), **settings},
            **self._arguments,
        )
        try:
            async with asyncio.timeout(self._limits.connect):
                fits = await _in_recovery(connection) == (self._role is Role.STANDBY)
        except BaseException:
            connection.terminate()
            raise
        if not fits:
            connection.terminate()
            raise ConnectionError(f"{host}:{port} is not {self._role}")
        return connection

    def _prefer(self, place: Place) -> None:
        self._places = [place, *(each for each in self._places if each != place)]


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


async def _abandon(attempts: Iterable[Attempt]) -> None:
    for attempt in attempts:
        attempt.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(outcome, asyncpg.Connection):
            outcome.terminate()


async def _in_recovery(connection: asyncpg.Connection) -> bool:
    """Tell whether the server is a standby; PostgreSQL 14 and later said so in its greeting."""
    told = getattr(connection.get_settings(), "in_hot_standby", None)
    if told is not None:
        return bool(told == "on")
    return bool(await connection.fetchval("SELECT pg_is_in_recovery()"))


def _keep_alive(connection: asyncpg.Connection) -> None:
    """Have the kernel notice a peer that is gone without a word; not every system can."""
    with _what_the_system_can():
        peer = connection._transport.get_extra_info("socket")  # noqa: SLF001 - there is no other way
        if peer.family in (socket.AF_INET, socket.AF_INET6):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE.items():
                peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_MS)


@contextmanager
def _what_the_system_can() -> Iterator[None]:
    with suppress(OSError, AttributeError):
        yield
