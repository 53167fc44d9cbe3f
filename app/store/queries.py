r"""The queries of the store: most are files in `sql/`, and each of those runs in psql as well.

A parameter is written `:name`, as psql's variables are: `\set stream_id 1`, then `\i file.sql`.

They are run by the driver. An answer takes a dozen of them, most of which PostgreSQL answers in a
tenth of a millisecond; what SQLAlchemy does around a statement takes about as long again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import asyncpg
from sqlalchemy import text

from app.store.database import Connection
from app.store.watching import watched

_FOLDER = Path(__file__).parent / "sql"
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_BEGIN = text("SELECT 1")
_NOTHING: Mapping[str, object] = {}


class Row(asyncpg.Record):  # type: ignore[misc] # the driver has no types
    """A row, with its columns as attributes."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Return a column."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def items(self) -> Any:
        """The column of this name, which several queries have; the driver has a method there."""
        return self["items"]


_KINDS: dict[str, type[Row]] = {}
"""What the rows of each query are, once its columns are known: found by name they cost far more."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query: as it is written, and as the driver takes it, with `$1` and so on for its names."""

    name: str
    text: str
    numbered: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, name: str, written: str) -> Self:
        """Return the query that is written so."""
        names: list[str] = list(dict.fromkeys(_PARAMETER.findall(written)))
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", written)
        return cls(name, written, numbered, tuple(names))

    async def rows(
        self, connection: Connection, asked: Mapping[str, object] = _NOTHING
    ) -> list[Row]:
        """Return its rows, within the connection's transaction; `asked` may hold more names."""
        driver = await _driver(connection)
        values = [asked[name] for name in self.names]
        kind = _KINDS.get(self.numbered, Row)
        with watched(connection, self.name, self.numbered, values):
            found: list[Row] = await driver.fetch(self.numbered, *values, record_class=kind)
        if found and kind is Row:
            _KINDS[self.numbered] = _kind_of(found[0])
        return found

    async def row(self, connection: Connection, asked: Mapping[str, object] = _NOTHING) -> Row:
        """Return the only row of a query that always has one."""
        [found] = await self.rows(connection, asked)
        return found


def _kind_of(row: Row) -> type[Row]:
    """Return a class whose attributes are the columns of this row."""
    columns = {name: property(itemgetter(name)) for name in row.keys()}  # noqa: SIM118 - not a dict
    return type("Row", (Row,), {"__slots__": (), **columns})


def load_query(name: str) -> Query:
    """Return the query kept in `sql/<name>.sql`."""
    return Query.of(name, (_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))


async def _driver(connection: Connection) -> asyncpg.Connection:
    """Return the driver's connection, with the transaction begun."""
    assert connection.sync_connection is not None, "it is open"  # noqa: S101
    driver: asyncpg.Connection = connection.sync_connection.connection.driver_connection
    if not driver.is_in_transaction():
        await connection.execute(_BEGIN)  # SQLAlchemy begins it with the first statement
    return driver
