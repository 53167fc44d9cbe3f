"""Take in whole histories: all of them or none, and none twice."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.block import Block
from app.domain.errors import BatchProblem, InvalidBatch, InvalidValue, UnknownStage
from app.domain.instants import EARLIEST, FUTURE_TOLERANCE, check_instant
from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory
from app.store import histories, staging
from app.store.database import Connection
from app.store.histories import Merged
from app.telemetry import tracing

CHUNK = 10_000
"""Items merged at once; between chunks progress is told."""

MAX_PROBLEMS = 100
"""How many problems of one batch are told; fixing those shows the rest."""

Progress = Callable[[int], None]
"""Called with the number of items done since the last call."""


@dataclass(slots=True)
class Ingested:
    """What became of histories, and which time they cover."""

    merged: Merged = field(default_factory=Merged)
    first_at: datetime | None = None
    last_at: datetime | None = None
    by_stage: dict[str, int] = field(default_factory=dict)

    def cover(self, stream: ValueStream, told: Sequence[ItemHistory]) -> None:
        """Take in which time these histories cover, and which stages they enter."""
        moves = [move for history in told for move in history.transitions]
        if moves:
            instants = [move.timestamp for move in moves]
            first, last = min(instants), max(instants)
            self.first_at = min(first, self.first_at or first)
            self.last_at = max(last, self.last_at or last)
        for name, count in Counter(move.to_stage for move in moves).items():
            stage = stream.stage(name).name
            self.by_stage[stage] = self.by_stage.get(stage, 0) + count


async def ingest(
    connection: Connection,
    stream: ValueStream,
    told: Sequence[ItemHistory],
    *,
    now: datetime,
    progress: Progress = lambda _: None,
) -> Ingested:
    """Merge histories into a stream; the caller commits, or rolls back for a dry run.

    Raises InvalidBatch, with the index of each history that cannot be right.
    """
    problems = list(check(stream, told, now))
    if problems:
        raise InvalidBatch(problems[:MAX_PROBLEMS])
    await histories.prepare(connection, stream)
    await staging.clear(connection)
    await staging.stage(connection, stream, told)
    ingested = Ingested()
    ingested.cover(stream, told)
    async for chunk in merge(connection, stream, 0, len(told)):
        ingested.merged += chunk
        progress(len(chunk.ids))
    return ingested


async def merge(
    connection: Connection, stream: ValueStream, begin: int, end: int
) -> AsyncIterator[Merged]:
    """Merge the staged histories of these positions; yields what became of each chunk."""
    for first in range(begin, end, CHUNK):
        last = min(first + CHUNK, end)
        with tracing.span("batch", items=last - first, stream=stream.key):
            merged = await histories.merge_staged(connection, stream, first, last)
        yield merged


def check(
    stream: ValueStream, told: Sequence[ItemHistory], now: datetime
) -> Iterator[BatchProblem]:
    """Yield what cannot be right, history by history."""
    seen: dict[tuple[str | None, str], int] = {}
    for index, history in enumerate(told):
        for name, message in _faults(stream, history, now):
            yield BatchProblem(index, name, message)
        if history.key is not None:
            earlier = seen.setdefault((history.source, history.key), index)
            if earlier != index:
                yield BatchProblem(index, "external_key", f"the same as that of item {earlier}")


def _faults(stream: ValueStream, history: ItemHistory, now: datetime) -> Iterator[tuple[str, str]]:
    """Check the instants, stages, events and blocks of one history."""
    events: dict[str, object] = {}
    for position, move in enumerate(history.transitions):
        if move.source_event_id and events.setdefault(move.source_event_id, move) != move:
            yield f"transitions.{position}.source_event_id", "another move of the item has this id"
        try:
            stream.stage(move.to_stage)
        except UnknownStage as error:
            yield f"transitions.{position}.to_stage", error.detail
    if history.cancelled_at is not None:
        last = max((move.timestamp for move in history.transitions), default=history.created_at)
        if history.cancelled_at < last:
            yield "cancelled_at", f"expected no instant before the last move, {last.isoformat()}"
    yield from _block_faults(history.blocks)
    if _is_plain(history, now):
        return
    for name, instant in _instants(history):
        try:
            check_instant(name, instant, now)
        except InvalidValue as error:
            yield error.field, error.message


def _is_plain(history: ItemHistory, now: datetime) -> bool:
    """Tell whether all instants can be right, without naming each."""
    if history.blocks or history.cancelled_at is not None:
        return False
    instants = [history.created_at, *(move.timestamp for move in history.transitions)]
    return min(instants) >= EARLIEST and max(instants) <= now + FUTURE_TOLERANCE


def _instants(history: ItemHistory) -> Iterator[tuple[str, datetime]]:
    """Yield the instants of a history, with their names."""
    yield "created_at", history.created_at
    for position, block in enumerate(history.blocks):
        yield f"blocks.{position}.started_at", block.started
        if block.ended is not None:
            yield f"blocks.{position}.ended_at", block.ended
    for position, move in enumerate(history.transitions):
        yield f"transitions.{position}.timestamp", move.timestamp
    if history.cancelled_at is not None:
        yield "cancelled_at", history.cancelled_at


def _block_faults(blocks: Sequence[Block]) -> Iterator[tuple[str, str]]:
    """Check the order and the events of blocks."""
    events: set[str] = set()
    for position, block in enumerate(blocks):
        if block.ended is not None and block.ended < block.started:
            started = block.started.isoformat()
            yield f"blocks.{position}.ended_at", f"expected no instant before the start, {started}"
        if block.source_event_id in events:
            yield f"blocks.{position}.source_event_id", "another block of the item has this id"
        if block.source_event_id is not None:
            events.add(block.source_event_id)
