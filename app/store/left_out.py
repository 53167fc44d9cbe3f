"""What is not in a sample of finished items, by reason."""

from dataclasses import replace

from sqlalchemy import func, select

from app.domain.value_stream import Zone
from app.flow.calendar import MICROSECOND, Window
from app.store.database import Connection
from app.store.flow_summary import State
from app.store.measurements import Selection
from app.store.parts import Parts, gather_buckets
from app.store.spans import Phase
from app.store.tables import work_items


async def left_out(connection: Connection, selection: Selection) -> dict[str, int]:
    """Count the items given up in the window, and those in process and not started at its end."""
    window = selection.window
    # states need only what has flowed since
    last = Window(window.end - MICROSECOND, window.end, window.as_of)
    brief = replace(selection, window=last, calendar=None)
    parts = await gather_buckets(connection, brief, (last.start, last.end), by_type=False)
    return left_out_of(parts) | {"cancelled": await _discarded(connection, selection)}


def left_out_of(parts: Parts) -> dict[str, int]:
    """Count the same in the parts of a window."""
    inside = (each for each in parts.moves if each.phase is Phase.INSIDE)
    return {
        "cancelled": sum(each.discarded_n for each in inside),
        "in_progress": State(parts, Zone.DOING).at_end,
        "not_started": State(parts, Zone.TODO).at_end,
    }


async def _discarded(connection: Connection, selection: Selection) -> int:
    columns, window = work_items.c, selection.window
    query = select(func.count()).where(
        columns.value_stream_id == selection.stream_id,
        columns.cancelled_at >= window.start,
        columns.cancelled_at < window.end,
        columns.finished_at.is_(None),
    )
    if selection.types is not None:
        query = query.where(columns.type.in_(selection.types))
    found: int = (await connection.execute(query)).scalar_one()
    return found
