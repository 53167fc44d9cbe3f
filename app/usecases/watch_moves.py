"""Tell whoever watches of each new move, and of what else happens, within a second.

One reader per process, however many watch, and none while nobody does. Polling, not NOTIFY: that
would take a lock of the whole server at the end of each writing transaction. Moves are read from
the log, so that they cost their writers nothing; the rarer rest from what its writers noted.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from app.domain.errors import TooManyWatchers, VsmError
from app.store import new_moves, news
from app.store.database import Connection, Database, transaction
from app.store.new_moves import NewMove
from app.store.news import News

log = structlog.get_logger()

MOST_WATCHERS = 200
"""Per process; each holds a connection of a client, none of the database."""

PERIOD = 1.0
"""Seconds between two looks at the log."""

MOST_AT_ONCE = 200
"""More moves than these come from an import: their number is told, not each of them."""

_OVERLAP = 200
"""Moves are numbered before they are committed: so many numbers back are looked at again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is new since the last look."""

    moves: Sequence[NewMove] = ()
    news: Sequence[News] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.moves or self.news)


Watch = asyncio.Queue[Told | None]
"""What one watcher is told; None at the end."""


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=_Numbered)


class _Tail(Generic[Row]):
    """The end of a growing list: what of it is new since the last look."""

    def __init__(
        self,
        newest_id: Callable[[Connection], Awaitable[int]],
        after: Callable[[Connection, int, int], Awaitable[Sequence[Row]]],
    ) -> None:
        self._newest_id, self._after = newest_id, after
        self._newest = 0
        self._told: set[int] = set()

    async def begin(self, connection: Connection) -> None:
        """Take what has been recorded so far for told."""
        self._newest = await self._newest_id(connection)
        known = await self._after(connection, self._newest - _OVERLAP, _OVERLAP)
        self._told = {row.id for row in known}

    async def look(self, connection: Connection) -> Sequence[Row]:
        """Return what has been recorded since; only the last of very many rows."""
        newest = await self._newest_id(connection)
        since = max(self._newest - _OVERLAP, newest - MOST_AT_ONCE - _OVERLAP)
        found = await self._after(connection, since, 2 * MOST_AT_ONCE + _OVERLAP)
        fresh = [row for row in found if row.id not in self._told]
        self._newest = newest
        self._told = {row.id for row in found if row.id > newest - _OVERLAP}
        return fresh


class MoveFeed:
    """What is new, for everybody who watches at this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: set[Watch] = set()
        self._moves = _Tail(new_moves.newest_id, new_moves.after)
        self._news = _Tail(news.newest_id, news.after)
        self._reader: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    def require_room(self) -> None:
        """Raise TooManyWatchers when as many watch as may."""
        if len(self._watchers) >= MOST_WATCHERS:
            raise TooManyWatchers(f"{MOST_WATCHERS} watch already; ask for the metrics instead")

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Watch]:
        """Watch until the block ends: what is recorded after the block's beginning is told."""
        watch: Watch = asyncio.Queue(maxsize=100)
        self._watchers.add(watch)
        if self._reader is None:
            self._begun.clear()
            self._reader = asyncio.create_task(self._read(), name="watch for new moves")
        try:
            await self._begun.wait()
            yield watch
        finally:
            self._watchers.discard(watch)
            if not self._watchers:
                self._stop()

    def close(self) -> None:
        """End every watch: the service stops."""
        self._stop()
        for watch in self._watchers:
            _tell(watch, None)

    def _stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _begin(self) -> None:
        async with transaction(self._database) as connection:
            await self._moves.begin(connection)
            await self._news.begin(connection)

    async def _look(self) -> Told:
        async with transaction(self._database) as connection:
            return Told(await self._moves.look(connection), await self._news.look(connection))

    async def _read(self) -> None:
        while True:
            told = Told()
            try:
                if not self._begun.is_set():
                    await self._begin()
                    self._begun.set()
                told = await self._look()
            except VsmError as error:
                log.warning("cannot watch for moves", detail=error.detail)
            for watch in self._watchers if told else ():
                _tell(watch, told)
            await asyncio.sleep(PERIOD)


def _tell(watch: Watch, told: Told | None) -> None:
    """Tell one watcher; who does not listen for long misses the oldest."""
    if watch.full():
        watch.get_nowait()
    watch.put_nowait(told)
