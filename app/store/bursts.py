"""Streams in which much has happened since the time that is kept."""

from datetime import datetime

from sqlalchemy import text

from app.store.database import Connection

_IS_BUSY = text(
    """
    SELECT EXISTS (
        SELECT FROM stage_transitions
        WHERE value_stream_id = :stream_id AND timestamp >= :starts AND timestamp < :ends
        OFFSET :others
    )
    """
)
_BUSY_STREAMS = text(
    """
    SELECT s.value_stream_id
    FROM rollup_state s
    WHERE s.hours_until IS NOT NULL
      AND EXISTS (
          SELECT FROM stage_transitions t
          WHERE t.value_stream_id = s.value_stream_id
            AND t.timestamp >= coalesce(s.burst_edges[cardinality(s.burst_edges)], s.hours_until)
            AND t.timestamp < :ends
          OFFSET :others)
    ORDER BY s.value_stream_id
    """
)


async def busy_streams(connection: Connection, until: datetime, moves: int) -> list[int]:
    """Return the ids of streams with at least so many moves, by an instant, that are not kept."""
    asked = {"ends": until, "others": moves - 1}
    return list((await connection.execute(_BUSY_STREAMS, asked)).scalars())


async def is_busy(
    connection: Connection, stream_id: int, starts: datetime, ends: datetime, moves: int
) -> bool:
    """Tell whether a stream had at least so many moves in a time; looks at no more of them."""
    asked = {"stream_id": stream_id, "starts": starts, "ends": ends, "others": moves - 1}
    return bool(await connection.scalar(_IS_BUSY, asked))
