"""What was measured lately of the last days. A scrape may not take as long as to sort a month.

A measure is a number with two labels: the id of the stage it is about, and what it is of.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, func, insert, select, text

from app.store.database import Connection
from app.store.tables import recent_measures, value_streams

EVERY = timedelta(minutes=5)
"""How often a stream is measured, by whichever process comes to it first."""

FRESH = 3 * EVERY
"""For how long a measure is told: after that, none is better than an old one."""

_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(hashtext('vsm-service measures'), :stream_id)")
_EARLY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number: of a stage, by its id as a text, or of the whole stream, which is ''."""

    series: str
    label: str
    other: str
    value: float


async def due(connection: Connection) -> list[str]:
    """Return the keys of the streams that nobody has measured lately."""
    columns = recent_measures.c
    measured = exists().where(
        columns.value_stream_id == value_streams.c.id,
        columns.measured_at > func.now() - (EVERY - _EARLY),
    )
    query = select(value_streams.c.key).where(~measured).order_by(value_streams.c.id)
    return list((await connection.execute(query)).scalars())


async def keep(connection: Connection, stream_id: int, measures: Sequence[Measure]) -> None:
    """Keep these measures of a stream instead of the earlier ones."""
    await connection.execute(_TAKE_TURNS, {"stream_id": stream_id})
    columns = recent_measures.c
    await connection.execute(delete(recent_measures).where(columns.value_stream_id == stream_id))
    rows = [{"value_stream_id": stream_id, **asdict(measure)} for measure in measures]
    await connection.execute(insert(recent_measures), rows)


async def load(connection: Connection) -> list[tuple[int, Measure]]:
    """Return the measures that are fresh, each with the id of its stream."""
    columns = recent_measures.c
    query = select(
        columns.value_stream_id, columns.series, columns.label, columns.other, columns.value
    ).where(columns.measured_at > func.now() - FRESH)
    return [(row[0], Measure(*row[1:])) for row in await connection.execute(query)]
