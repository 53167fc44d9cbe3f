"""Take in whole histories: all of them or none, and none twice."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.block import Block
from app.domain.errors import BatchProblem, InvalidBatch, InvalidValue, UnknownStage
from app.domain.instants import check_instant
from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory
from app.store import histories
from app.store.database import Connection
from app.store.histories import Merged
from app.telemetry import tracing

CHUNK = 10_000
"""Items merged at once; between chunks progress is told."""

MAX_PROBLEMS = 100
"""How many problems of one batch are told; fixing those shows the rest."""

Progress = Callable[[int], None]
"""Called with the number of items done since the last call."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of the histories, and which time they cover."""

    merged: Merged
    first_at: datetime | None = None
    last_at: datetime | None = None
    by_stage: dict[str, int] = field(default_factory=dict)


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
    problems = list(_problems(stream, told, now))
    if problems:
        raise InvalidBatch(problems[:MAX_PROBLEMS])
    await histories.prepare(connection, stream)
    merged = Merged()
    for begin in range(0, len(told), CHUNK):
        chunk = told[begin : begin + CHUNK]
        with tracing.span("batch", items=len(chunk), stream=stream.key):
            merged += await histories.merge(connection, stream, chunk)
        progress(len(chunk))
    instants = [move.timestamp for history in told for move in history.transitions]
    return Ingested(
        merged=merged,
        first_at=min(instants, default=None),
        last_at=max(instants, default=None),
        by_stage=dict(
            Counter(stream.stage(move.to_stage).name for each in told for move in each.transitions)
        ),
    )


def _problems(
    stream: ValueStream, told: Sequence[ItemHistory], now: datetime
) -> Iterator[BatchProblem]:
    """Find what cannot be right, history by history."""
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
    instants = [("created_at", history.created_at), *_ends(history.blocks)]
    events: dict[str, object] = {}
    for position, move in enumerate(history.transitions):
        instants.append((f"transitions.{position}.timestamp", move.timestamp))
        if move.source_event_id and events.setdefault(move.source_event_id, move) != move:
            yield f"transitions.{position}.source_event_id", "another move of the item has this id"
        try:
            stream.stage(move.to_stage)
        except UnknownStage as error:
            yield f"transitions.{position}.to_stage", error.detail
    if history.cancelled_at is not None:
        instants.append(("cancelled_at", history.cancelled_at))
        last = max((move.timestamp for move in history.transitions), default=history.created_at)
        if history.cancelled_at < last:
            yield "cancelled_at", f"expected no instant before the last move, {last.isoformat()}"
    yield from _block_faults(history.blocks)
    for name, instant in instants:
        try:
            check_instant(name, instant, now)
        except InvalidValue as error:
            yield error.field, error.message


def _ends(blocks: Sequence[Block]) -> Iterator[tuple[str, datetime]]:
    """Yield the instants of blocks, with their names."""
    for position, block in enumerate(blocks):
        yield f"blocks.{position}.started_at", block.started
        if block.ended is not None:
            yield f"blocks.{position}.ended_at", block.ended


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
