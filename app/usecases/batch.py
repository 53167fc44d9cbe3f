"""Create many work items with their histories: all of them or none."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.errors import BatchProblem, InvalidBatch
from app.domain.transition import Transition
from app.domain.work_item import ItemHistory
from app.store import value_streams
from app.store.database import Connection
from app.usecases.ingest import MAX_PROBLEMS, ingest


async def create_batch(
    connection: Connection, stream_key: str | None, told: Sequence[ItemHistory], now: datetime
) -> tuple[int, ...]:
    """Create the items in order and return their ids; an item without moves enters the first stage.

    The caller rolls back on failure. Raises UnknownStream, InvalidBatch (also for an external key
    that is taken).
    """
    stream = await value_streams.load_to_write(connection, stream_key)
    entered = [
        history
        if history.transitions
        else _with_first(history, Transition(stream.first_stage.name, history.created_at))
        for history in told
    ]
    try:
        merged = (await ingest(connection, stream, entered, now=now)).merged
    except InvalidBatch as error:
        raise InvalidBatch(list(_as_asked(told, error.problems))) from None
    taken = [
        BatchProblem(index, "external_key", f"{each.source}:{each.key} is another item's key")
        for index, (each, item_id) in enumerate(zip(told, merged.ids, strict=True))
        if item_id in merged.known
    ]
    if taken:
        raise InvalidBatch(taken[:MAX_PROBLEMS])
    return merged.ids


def _with_first(history: ItemHistory, first: Transition) -> ItemHistory:
    return replace(history, transitions=(first,))


def _as_asked(
    told: Sequence[ItemHistory], problems: Sequence[BatchProblem]
) -> Iterator[BatchProblem]:
    """Name fields as the caller wrote them: creation is `timestamp`, or else the first move's."""
    for problem in problems:
        history = told[problem.index]
        if problem.field == "created_at":
            if all(move.timestamp != history.created_at for move in history.transitions):
                yield replace(problem, field="timestamp")
        elif history.transitions or problem.field != "transitions.0.timestamp":
            yield problem
