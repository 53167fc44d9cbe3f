"""Move a work item between stages, and take mistaken moves back."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import (
    EventIdReused,
    ItemCancelled,
    PreconditionFailed,
    TransitionVoided,
)
from app.domain.instants import check_instant
from app.domain.transition import ActorKind, RecordedTransition, Transition
from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import WorkItem
from app.store import invalidations, transitions, value_streams, work_items
from app.store.database import Connection


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a caller believes of the item; a move happens only if it is still so."""

    versions: frozenset[int] | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What a caller says of a move. Without a timestamp it happens now, after all known moves."""

    to_stage: str
    timestamp: datetime | None = None
    reason: str | None = None
    actor_kind: ActorKind | None = None
    source_event_id: str | None = None


async def move(
    connection: Connection, item_id: int, asked: Move, expected: Expectation
) -> tuple[RecordedTransition, int]:
    """Record one move; returns it and the item's version.

    A source event that was delivered before gives the earlier answer and changes nothing. Raises
    UnknownItem, UnknownStage, ItemCancelled, PreconditionFailed, EventIdReused, InvalidValue.
    """
    item = await work_items.lock(connection, item_id)
    stream = await value_streams.load_by_id(connection, item.stream_id)
    to_stage = stream.stage(asked.to_stage)
    delivered = await _delivered_before(connection, item, asked, to_stage)
    if delivered is not None:
        return delivered, item.version
    check_expectation(item, stream, expected)
    now = await transitions.clock(connection)
    transition = _transition(item, asked, now)
    _refuse_after_cancellation(item, transition.timestamp)
    last = item.facts.last_transition_at
    if last is None or transition.timestamp >= last:
        # at the end of the history, the facts follow from those before
        recorded_id = await transitions.add(connection, item, item.facts, to_stage, transition)
        facts = item.facts.after(to_stage, stream.zone(to_stage), transition.timestamp)
        item = await work_items.set_facts(connection, item, facts, now)
        last = None
    else:
        recorded_id = await transitions.add(connection, item, None, to_stage, transition)
        await transitions.derive_facts(connection, [item.id])
        item = await work_items.change(connection, item, now)
    await _invalidate(connection, item, transition.timestamp, last, now)
    return await transitions.get(connection, item.id, recorded_id), item.version


async def void(
    connection: Connection, item_id: int, transition_id: int, reason: str
) -> RecordedTransition:
    """Take a mistaken move out of the item's history; the log keeps it, marked void.

    Raises UnknownItem, UnknownTransition, TransitionVoided, ItemCancelled.
    """
    item = await work_items.lock(connection, item_id)
    mistaken = await transitions.get(connection, item_id, transition_id)
    if mistaken.voided_at is not None:
        raise TransitionVoided(f"transition {transition_id} was voided at {mistaken.voided_at}")
    if item.cancelled_at is not None:
        raise ItemCancelled(f"work item {item_id} is cancelled; restore it before correcting it")
    now = await transitions.clock(connection)
    await transitions.void(connection, transition_id, reason, now)
    await transitions.derive_facts(connection, [item_id])
    await work_items.change(connection, item, now)
    last = item.facts.last_transition_at
    await _invalidate(connection, item, mistaken.timestamp, last, now)
    return await transitions.get(connection, item_id, transition_id)


async def _invalidate(
    connection: Connection, item: WorkItem, changed: datetime, last: datetime | None, now: datetime
) -> None:
    """Mark what a change touches: up to the last move, when that stands as it did.

    A change at the last move is felt ever since; one to a cancelled item also at its cancellation.
    """
    at_the_end = last is None or changed >= last or item.cancelled_at is not None
    through = None if at_the_end else last
    await invalidations.invalidate(connection, item.stream_id, changed, now, through)


def check_expectation(item: WorkItem, stream: ValueStream, expected: Expectation) -> None:
    """Raise PreconditionFailed when the item is not as the caller believes."""
    if expected.versions is not None and item.version not in expected.versions:
        raise PreconditionFailed(
            f"work item {item.id} has version {item.version}; read it again and repeat"
        )
    if expected.stage is None:
        return
    current = stream.stage_by_id(item.facts.stage_id)
    if current is None or current.id != stream.stage(expected.stage).id:
        raise PreconditionFailed(
            f"work item {item.id} is in {current.name if current else 'no stage'}, "
            f"not in {expected.stage}"
        )


async def _delivered_before(
    connection: Connection, item: WorkItem, asked: Move, to_stage: Stage
) -> RecordedTransition | None:
    """Return the move that this source event led to before, if any."""
    if asked.source_event_id is None:
        return None
    earlier = await transitions.by_event(connection, item.id, asked.source_event_id)
    if earlier is not None and earlier.to_stage != to_stage.name:
        raise EventIdReused(
            f"event {asked.source_event_id!r} moved work item {item.id} to {earlier.to_stage}"
        )
    return earlier


def _transition(item: WorkItem, asked: Move, now: datetime) -> Transition:
    """Give the move its instant: the stated one, or now but never before the last known move."""
    if asked.timestamp is not None:
        check_instant("timestamp", asked.timestamp, now)
    last = item.facts.last_transition_at
    return Transition(
        to_stage=asked.to_stage,
        timestamp=asked.timestamp or (max(now, last) if last else now),
        source_event_id=asked.source_event_id,
        reason=asked.reason,
        actor_kind=asked.actor_kind,
    )


def _refuse_after_cancellation(item: WorkItem, timestamp: datetime) -> None:
    if item.cancelled_at is not None and timestamp > item.cancelled_at:
        raise ItemCancelled(
            f"work item {item.id} was cancelled at {item.cancelled_at.isoformat()}; restore it "
            "before moving it"
        )
