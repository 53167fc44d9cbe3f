"""The rows of a file whose items are scattered over it, put in order by the database.

A temporary table: a file may be larger than the memory of this process.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import text

from app.store.database import Connection
from app.store.staging import copy_into

_TABLE = text(
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS told_rows (
        key text COLLATE "C", line integer, at timestamptz, word text, said_at text, title text,
        type text, created timestamptz, said_created text, cancelled timestamptz,
        said_cancelled text, discarded boolean, from_word text, event_id text, reason text
    ) ON COMMIT DROP
    """
)
_COLUMNS = (
    *("key", "line", "at", "word", "said_at", "title", "type", "created", "said_created"),
    *("cancelled", "said_cancelled", "discarded", "from_word", "event_id", "reason"),
)
# items in the order of their first rows, and the rows of each in theirs
_IN_ORDER = f"""
    SELECT {", ".join(_COLUMNS)}
    FROM (SELECT *, min(line) OVER (PARTITION BY key) AS first FROM told_rows) AS told
    ORDER BY first, line
"""  # noqa: S608 - its own constants


async def prepare(connection: Connection) -> None:
    """Make the table, empty; it is gone at the end of the transaction."""
    await connection.execute(_TABLE)
    await connection.execute(text("TRUNCATE told_rows"))


async def add(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows, each in the order of the table's columns."""
    await copy_into(connection, "told_rows", _COLUMNS, rows)


async def in_order(connection: Connection, batch: int) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """Yield the rows item by item, so many at once."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None, "the connection is checked out"  # noqa: S101 - for the type checker
    cursor = await driver.cursor(_IN_ORDER)
    while rows := await cursor.fetch(batch):
        yield rows
