"""Create many work items with their histories: all of them or none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.errors import BatchProblem, InvalidBatch
from app.domain.transition import Transition
from app.domain.work_item import ItemHistory
from app.store import value_streams, work_items
from app.store.database import Connection
from app.usecases.ingest import ingest


async def create_batch(
    connection: Connection, stream_key: str | None, told: Sequence[ItemHistory], now: datetime
) -> tuple[int, ...]:
    """Create the items in order and return their ids; an item without moves enters the first stage.

    Raises UnknownStream, InvalidBatch (also for an external key that is taken).
    """
    stream = await value_streams.load(connection, stream_key)
    entered = [
        history
        if history.transitions
        else _with_first(history, Transition(stream.first_stage.name, history.created_at))
        for history in told
    ]
    taken = await work_items.taken_keys(
        connection, stream.id, [(each.source, each.key) for each in told if each.key is not None]
    )
    problems = [
        BatchProblem(index, "external_key", f"{each.source}:{each.key} is another item's key")
        for index, each in enumerate(told)
        if (each.source, each.key) in taken
    ]
    if problems:
        raise InvalidBatch(problems)
    return (await ingest(connection, stream, entered, now=now)).merged.ids


def _with_first(history: ItemHistory, first: Transition) -> ItemHistory:
    return replace(history, transitions=(first,))
