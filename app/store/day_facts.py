"""The parts of closed days, kept so that they need not be counted again."""

from collections.abc import Sequence

from sqlalchemy import Table, delete, text

from app.flow.periods import Period
from app.store.database import Connection
from app.store.queries import load_query
from app.store.tables import day_items, day_moves, day_passes, day_paths

_TABLES = {
    day_items: "part_items",
    day_moves: "part_moves",
    day_paths: "part_paths",
    day_passes: "part_passes",
}


def _insert(table: Table, query: str) -> str:
    """Store what a query computes for spans that are days."""
    columns = ", ".join(c.name for c in table.c if c.name not in ("value_stream_id", "date"))
    parts = load_query(query).text.rstrip().rstrip(";")
    return (
        f"INSERT INTO {table.name} (value_stream_id, date, {columns})\n"
        f"SELECT CAST(:stream_id AS integer), (CAST(:dates AS date[]))[span], {columns}\n"
        f"FROM (\n{parts}\n) AS parts"
    )


_KEEP = {table: text(_insert(table, query)) for table, query in _TABLES.items()}


async def keep(connection: Connection, stream_id: int, days: Sequence[Period]) -> None:
    """Compute and store the parts of adjacent local days, in place of what was kept of them."""
    dates = [day.first for day in days]
    asked = {
        "stream_id": stream_id,
        "dates": dates,
        "starts": [day.starts for day in days],
        "ends": [day.ends for day in days],
        "types": None,
        "calendar": None,
    }
    for table, statement in _KEEP.items():
        columns = table.c
        await connection.execute(
            delete(table).where(
                columns.value_stream_id == stream_id, columns.date.between(dates[0], dates[-1])
            )
        )
        await connection.execute(statement, asked)


async def forget(connection: Connection, stream_id: int) -> None:
    """Keep no parts of a stream any more."""
    for table in _TABLES:
        await connection.execute(delete(table).where(table.c.value_stream_id == stream_id))
