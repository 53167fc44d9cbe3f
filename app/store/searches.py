"""Searching closed days and hours for what is odd, once, and finding it again for a window."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Table, insert, text

from app.flow.data_quality import BATCH, JUMP
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query
from app.store.spans import Piece
from app.store.tables import kept_oddities, kept_searches, kept_sources

RULES = {"jump": JUMP, "batch": BATCH}
"""What `part_oddities.sql` is told of the rules."""

_SEARCHED = load_query("searched")
_UNSEARCHED = load_query("unsearched")
_PIECE = ("value_stream_id", "starts", "ends")


def _insert(table: Table, query: str) -> str:
    """Store what a query computes for spans."""
    columns = ", ".join(column.name for column in table.c if column.name not in _PIECE)
    parts = load_query(query).text.rstrip().rstrip(";")
    return (
        f"INSERT INTO {table.name} ({', '.join(_PIECE)}, {columns})\n"
        "SELECT CAST(:stream_id AS integer), (CAST(:starts AS timestamptz[]))[span],\n"
        f"       (CAST(:ends AS timestamptz[]))[span], {columns}\n"
        f"FROM (\n{parts}\n) AS parts"
    )


_KEEP = [
    text(_insert(kept_oddities, "part_oddities")),
    text(_insert(kept_sources, "part_sources")),
]


async def search(connection: Connection, stream_id: int, pieces: Sequence[Piece]) -> None:
    """Search these pieces, which do not overlap, and keep what is found.

    To be called once their parts are kept anew, which has let go of what was found before.
    """
    if not pieces:
        return
    await connection.execute(
        insert(kept_searches),
        [
            {"value_stream_id": stream_id, "starts": each.starts, "ends": each.ends}
            for each in pieces
        ],
    )
    asked = {
        "stream_id": stream_id,
        "starts": [each.starts for each in pieces],
        "ends": [each.ends for each in pieces],
        "types": None,
        **RULES,
    }
    for statement in _KEEP:
        await connection.execute(statement, asked)


async def search_more(connection: Connection, stream_id: int, most: int) -> None:
    """Search the latest closed pieces that were kept by a version which does not search."""
    asked = {"stream_id": stream_id, "most": most}
    found = [Piece(*row) for row in await _UNSEARCHED.rows(connection, asked)]
    hours = [each for each in found if (each.ends - each.starts).total_seconds() <= 3600]  # noqa: PLR2004 - one hour
    await search(connection, stream_id, hours)
    await search(connection, stream_id, [each for each in found if each not in hours])


async def cutting_of(connection: Connection, selection: Selection) -> Cutting:
    """Cut the window of a selection into what was searched, and what has to be."""
    # moves are odd by the clock on the wall
    cutting = (await Cutting.of(connection, replace(selection, calendar=None))).inside()
    kept = cutting.cut.kept
    if not kept:
        return replace(cutting, asked={**cutting.asked, **RULES})
    edges = {"starts": [each.starts for each in kept], "ends": [each.ends for each in kept]}
    rows = await _SEARCHED.rows(connection, {"stream_id": selection.stream_id, **edges})
    searched = {tuple(row) for row in rows}
    known = [each for each in kept if (each.starts, each.ends) in searched]
    others = [each for each in kept if (each.starts, each.ends) not in searched]
    return replace(
        cutting,
        cut=replace(cutting.cut, kept=known, counted=[*cutting.cut.counted, *others]),
        asked={**cutting.asked, **RULES},
    )
