"""Tell an item's journey: its moves, and the times that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.transition import RecordedTransition, Transition
from app.domain.work_item import ItemHistory, WorkItem
from app.flow.times import ItemTimes, item_times
from app.store import transitions, value_streams, work_items
from app.store.database import Connection


@dataclass(frozen=True, slots=True)
class Journey:
    """An item with its moves, as of an instant."""

    item: WorkItem
    moves: Sequence[RecordedTransition]
    times: ItemTimes
    as_of: datetime


async def tell_journey(
    connection: Connection, item_id: int, *, with_voided: bool = False
) -> Journey:
    """Return the item's journey until now. Raises UnknownItem."""
    item = await work_items.get(connection, item_id)
    stream = await value_streams.load_by_id(connection, item.stream_id)
    moves = await transitions.history(connection, item_id, with_voided=with_voided)
    history = ItemHistory(
        title=item.title,
        type=item.type,
        created_at=item.created_at,
        transitions=tuple(
            Transition(move.to_stage, move.timestamp) for move in moves if move.voided_at is None
        ),
        cancelled_at=item.cancelled_at,
    )
    return Journey(
        item=item,
        moves=moves,
        times=item_times(history, stream),
        as_of=await transitions.clock(connection),
    )
