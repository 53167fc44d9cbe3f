"""What a process remembers of kept parts: they are the same for every question of an hour.

Remembered is what was read, under the name of the state that it was read from. So nothing here is
ever old: parts that are kept anew, even of the same time, are parts of another state.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from app.store.database import Connection

MAX_BYTES = 8 * 2**20
"""For all that a process remembers of a database; what was asked for longest ago goes first."""

_WORD_BYTES = 200
"""About what one element of a question takes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How a kind of things is remembered.

    `made_handy` is done to what is asked for again: worth it only then. `size` is in bytes.
    """

    made_handy: Callable[[T], T]
    size: Callable[[T], int]


class Key(NamedTuple):
    """What something is remembered under: whose it is, of which version, and what was asked."""

    owner: int
    version: str
    question: tuple[Hashable, ...]


def _is_outdated(old: Key, new: Key) -> bool:
    return old.owner == new.owner and old.version != new.version


@dataclass(slots=True)
class _Entry:
    value: Any
    size: int
    is_handy: bool = False


class Memory:
    """What is remembered of one database."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()

    def recall(self, key: Key, kind: Kind[T]) -> T | None:
        """Return what is remembered, None for nothing."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        if not entry.is_handy:
            entry.value, entry.is_handy = kind.made_handy(entry.value), True
        value: T = entry.value
        return value

    def remember(self, key: Key, value: T, kind: Kind[T]) -> None:
        """Remember something, unless it is so large that all else would have to go.

        What is of another version of the same is let go: nobody will ask for it again.
        """
        for old in [each for each in self._entries if _is_outdated(each, key)]:
            self._forget(old)
        size = kind.size(value) + len(key.question) * _WORD_BYTES
        if size > self._most // 2:
            return
        self._forget(key)
        self._entries[key] = _Entry(value, size)
        self._bytes += size
        while self._bytes > self._most:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size


_MEMORIES: WeakKeyDictionary[Engine, Memory] = WeakKeyDictionary()


def memory_of(connection: Connection) -> Memory:
    """Return what this process remembers of the connection's database."""
    return _MEMORIES.setdefault(connection.engine.sync_engine, Memory())
