"""The parts of closed days and hours, kept so that they need not be counted again."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Table, delete, text, tuple_

from app.store import searches
from app.store.database import Connection
from app.store.queries import load_query
from app.store.spans import Piece
from app.store.tables import (
    kept_crossings,
    kept_items,
    kept_levels,
    kept_moves,
    kept_passes,
    kept_paths,
    kept_searches,
    kept_steps,
)

PARTS_VERSION = 2
"""Parts that another version has kept are kept anew, as if by other rules."""

ONE_HOUR = timedelta(hours=1)
_TABLES = {
    kept_items: "part_items",
    kept_moves: "part_moves",
    kept_paths: "part_paths",
    kept_passes: "part_passes",
    kept_steps: "part_steps",
    kept_crossings: "part_crossings",
    kept_levels: "part_levels",
}


def _insert(table: Table, query: str) -> str:
    """Store what a query computes for spans."""
    place = ("value_stream_id", "starts", "ends")
    columns = ", ".join(c.name for c in table.c if c.name not in place)
    parts = load_query(query).text.rstrip().rstrip(";")
    return (
        f"INSERT INTO {table.name} ({', '.join(place)}, {columns})\n"
        "SELECT CAST(:stream_id AS integer), (CAST(:starts AS timestamptz[]))[span],\n"
        f"       (CAST(:ends AS timestamptz[]))[span], {columns}\n"
        f"FROM (\n{parts}\n) AS parts"
    )


_SORT_IN_MEMORY = text("SET LOCAL work_mem = '64MB'")
_KEEP = {table: text(_insert(table, query)) for table, query in _TABLES.items()}


async def keep(connection: Connection, stream_id: int, pieces: Sequence[Piece]) -> None:
    """Compute and store the parts of these pieces, in place of what was kept of them.

    The pieces do not overlap: an item's way is followed within one.
    """
    if not pieces:
        return
    asked = {
        "stream_id": stream_id,
        "starts": [each.starts for each in pieces],
        "ends": [each.ends for each in pieces],
        "types": None,
        "calendar": None,
        "by_type": True,
    }
    await drop(connection, stream_id, pieces)
    await connection.execute(_SORT_IN_MEMORY)
    for statement in _KEEP.values():
        await connection.execute(statement, asked)
    await searches.search(connection, stream_id, pieces)


async def drop_hours(connection: Connection, stream_id: int, before: datetime) -> None:
    """Keep the hours that end by an instant no more; the days stay."""
    for table in (*_TABLES, kept_searches):
        columns = table.c
        await connection.execute(
            delete(table).where(
                columns.value_stream_id == stream_id,
                columns.ends <= before,
                columns.ends == columns.starts + ONE_HOUR,
            )
        )


async def drop(connection: Connection, stream_id: int, pieces: Collection[Piece]) -> None:
    """Keep the parts of these pieces no more."""
    if not pieces:
        return
    same = [(each.starts, each.ends) for each in pieces]
    for table in (*_TABLES, kept_searches):
        columns = table.c
        await connection.execute(
            delete(table).where(
                columns.value_stream_id == stream_id,
                tuple_(columns.starts, columns.ends).in_(same),
            )
        )


async def forget(connection: Connection, stream_id: int) -> None:
    """Keep no parts of a stream any more."""
    for table in (*_TABLES, kept_searches):
        await connection.execute(delete(table).where(table.c.value_stream_id == stream_id))
