"""Move a work item between stages, and take mistaken moves back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.broken_rule import BrokenRule
from app.domain.errors import (
    EventIdReused,
    ItemCancelled,
    PreconditionFailed,
    TransitionVoided,
)
from app.domain.instants import check_instant
from app.domain.news import NewsKind
from app.domain.transition import ActorKind, Moved, RecordedTransition, Transition
from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import WorkItem
from app.store import broken_rules, invalidations, news, transitions, value_streams, work_items
from app.store.broken_rules import Breach
from app.store.database import Connection
from app.usecases.keep_rules import Entry, check_rules, over_limit, record_broken, reserve_place


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a caller believes of the item; a move happens only if it is still so."""

    versions: frozenset[int] | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What a caller says of a move. Without a timestamp it happens now, after all known moves.

    `override_reason` says why an enforced rule of the stream may be broken.
    """

    to_stage: str
    timestamp: datetime | None = None
    reason: str | None = None
    actor_kind: ActorKind | None = None
    source_event_id: str | None = None
    override_reason: str | None = None


async def move(connection: Connection, item_id: int, asked: Move, expected: Expectation) -> Moved:
    """Record one move.

    A source event that was delivered before gives the earlier answer and changes nothing. The
    stream's rules are about where a live item is now: a move that does not change that breaks none.
    Raises UnknownItem, UnknownStage, ItemCancelled, PreconditionFailed, EventIdReused,
    InvalidValue, MoveNotAllowed, ReasonNeeded, WipLimitReached.
    """
    item = await work_items.lock(connection, item_id)
    stream = await value_streams.load_by_id(connection, item.stream_id)
    to_stage = stream.stage(asked.to_stage)
    delivered = await _delivered_before(connection, item, asked, to_stage)
    if delivered is not None:
        return Moved(delivered, item.version)
    check_expectation(item, stream, expected)
    entry = _entry(item, stream, asked, to_stage)
    load = await reserve_place(connection, stream, to_stage if entry else None, item.id)
    now = await transitions.clock(connection)
    transition = _transition(item, asked, now)
    _refuse_after_cancellation(item, transition.timestamp)
    broken = check_rules(entry, load) if entry else ()
    recorded_id, version = await _append(connection, item, stream, transition, now)
    breach = Breach(item, to_stage, transition.timestamp, recorded_id, asked.override_reason)
    await record_broken(connection, breach, broken)
    return Moved(await transitions.get(connection, item.id, recorded_id), version, broken)


def _entry(item: WorkItem, stream: ValueStream, asked: Move, to_stage: Stage) -> Entry | None:
    """Return what the move changes about where the item is now; None when it is history only."""
    stays = item.cancelled_at is not None or item.facts.stage_id == to_stage.id
    if stays or not _is_last(item, asked.timestamp):
        return None
    left = stream.stage_by_id(item.facts.stage_id)
    return Entry(stream, left, to_stage, asked.reason, asked.override_reason)


def _is_last(item: WorkItem, timestamp: datetime | None) -> bool:
    """Tell whether a move of this instant, or of now, comes after all known ones."""
    last = item.facts.last_transition_at
    return timestamp is None or last is None or timestamp >= last


async def _append(
    connection: Connection,
    item: WorkItem,
    stream: ValueStream,
    transition: Transition,
    now: datetime,
) -> tuple[int, int]:
    """Write the move into the log and let the facts follow; returns its id and the version."""
    to_stage, last = stream.stage(transition.to_stage), item.facts.last_transition_at
    if _is_last(item, transition.timestamp):
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
    return recorded_id, item.version


@dataclass(frozen=True, slots=True)
class Voided:
    """A move that was taken back, and the rules that the item breaks where it is back now."""

    transition: RecordedTransition
    broken: Sequence[BrokenRule] = ()


async def void(connection: Connection, item_id: int, transition_id: int, reason: str) -> Voided:
    """Take a mistaken move out of the item's history; the log keeps it, marked void.

    It is never refused for a rule's sake: the log tells what happened. Raises UnknownItem,
    UnknownTransition, TransitionVoided, ItemCancelled.
    """
    item = await work_items.lock(connection, item_id)
    mistaken = await transitions.get(connection, item_id, transition_id)
    if mistaken.voided_at is not None:
        raise TransitionVoided(f"transition {transition_id} was voided at {mistaken.voided_at}")
    if item.cancelled_at is not None:
        raise ItemCancelled(f"work item {item_id} is cancelled; restore it before correcting it")
    now = await transitions.clock(connection)
    await transitions.void(connection, transition_id, reason, now)
    await broken_rules.void(connection, item.stream_id, transition_id, mistaken.timestamp, now)
    await transitions.derive_facts(connection, [item_id])
    corrected = await work_items.change(connection, item, now)
    await news.note(connection, NewsKind.MOVE_VOIDED, item.stream_id, item_id)
    last = item.facts.last_transition_at
    await _invalidate(connection, item, mistaken.timestamp, last, now)
    broken = await _over_limit_again(connection, item, corrected)
    return Voided(await transitions.get(connection, item_id, transition_id), broken)


async def _over_limit_again(
    connection: Connection, before: WorkItem, after: WorkItem
) -> Sequence[BrokenRule]:
    """Return the limit of the stage that a correction has put the item back into, if exceeded."""
    if after.facts.stage_id == before.facts.stage_id:
        return ()
    stream = await value_streams.load_by_id(connection, after.stream_id)
    stage = stream.stage_by_id(after.facts.stage_id)
    return over_limit(await reserve_place(connection, stream, stage, after.id))


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
