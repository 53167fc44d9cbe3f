"""Tell whoever watches of each new move, a second after it was recorded at the latest.

One reader of the log per process, however many watch, and none while nobody does. Polling, not
NOTIFY: that would take a lock of the whole server at the end of each writing transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from app.domain.errors import TooManyWatchers, VsmError
from app.store import new_moves
from app.store.database import Database, transaction
from app.store.new_moves import NewMove

log = structlog.get_logger()

MOST_WATCHERS = 200
"""Per process; each holds a connection of a client, none of the database."""

PERIOD = 1.0
"""Seconds between two looks at the log."""

MOST_AT_ONCE = 200
"""More moves than these come from an import: their number is told, not each of them."""

_OVERLAP = 200
"""Moves are numbered before they are committed: so many numbers back are looked at again."""

Watch = asyncio.Queue[Sequence[NewMove] | None]
"""What one watcher is told: new moves; None at the end."""


class MoveFeed:
    """The new moves of a process, for everybody who watches there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: set[Watch] = set()
        self._told: set[int] = set()
        self._newest = 0
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
        """Take what has been recorded so far for told."""
        async with transaction(self._database) as connection:
            self._newest = await new_moves.newest_id(connection)
            known = await new_moves.after(connection, self._newest - _OVERLAP, _OVERLAP)
        self._told = {move.id for move in known}

    async def _read(self) -> None:
        while True:
            try:
                if not self._begun.is_set():
                    await self._begin()
                    self._begun.set()
                moves = await self._look()
            except VsmError as error:
                log.warning("cannot watch for moves", detail=error.detail)
                moves = []
            for watch in self._watchers if moves else ():
                _tell(watch, moves)
            await asyncio.sleep(PERIOD)

    async def _look(self) -> Sequence[NewMove]:
        """Return what has been recorded since the last look; only the last of very many moves."""
        async with transaction(self._database) as connection:
            newest = await new_moves.newest_id(connection)
            since = max(self._newest - _OVERLAP, newest - MOST_AT_ONCE - _OVERLAP)
            found = await new_moves.after(connection, since, 2 * MOST_AT_ONCE + _OVERLAP)
        fresh = [move for move in found if move.id not in self._told]
        self._newest = newest
        self._told = {move.id for move in found if move.id > newest - _OVERLAP}
        return fresh


def _tell(watch: Watch, moves: Sequence[NewMove] | None) -> None:
    """Tell one watcher; who does not listen for long misses the oldest."""
    if watch.full():
        watch.get_nowait()
    watch.put_nowait(moves)
