"""Create a work item: it enters its first stage with the same instant, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.broken_rule import BrokenRule
from app.domain.errors import InvalidValue, UnknownStage
from app.domain.instants import check_instant
from app.domain.transition import ActorKind, Transition
from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import ItemFacts, WorkItem, WorkItemType
from app.store import invalidations, transitions, value_streams, work_items
from app.store.broken_rules import Breach
from app.store.database import Connection
from app.usecases.keep_rules import Entry, check_rules, record_broken, reserve_place


@dataclass(frozen=True, slots=True)
class Creation:
    """What a caller says of a new item. Unsaid: the first stage, now, the default stream."""

    title: str
    type: WorkItemType
    timestamp: datetime | None = None
    stage: str | None = None
    stream: str | None = None
    source: str | None = None
    external_key: str | None = None
    reason: str | None = None
    actor_kind: ActorKind | None = None
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A new item, its stream, and the rules that its entry broke."""

    item: WorkItem
    stream: ValueStream
    broken: Sequence[BrokenRule] = ()


async def create(connection: Connection, creation: Creation) -> Created:
    """Store the item and its first transition.

    Raises InvalidValue (stage, timestamp), UnknownStream, DuplicateItem, WipLimitReached.
    """
    stream = await value_streams.load_to_write(connection, creation.stream)
    stage = _entry_stage(stream, creation.stage)
    now = await transitions.clock(connection)
    entered = creation.timestamp or now
    check_instant("timestamp", entered, now)
    item = await work_items.add(connection, _new_item(creation, stream, stage, entered, now))
    load = await reserve_place(connection, stream, stage, item.id)
    broken = check_rules(
        Entry(stream, None, stage, creation.reason, creation.override_reason), load
    )
    if load is not None and creation.timestamp is None:
        # the place may have become free only while this waited for it
        entered = now = await transitions.clock(connection)
        item = await work_items.restamp(connection, item, entered, _facts(stream, stage, entered))
    first = Transition(
        to_stage=stage.name,
        timestamp=entered,
        reason=creation.reason,
        actor_kind=creation.actor_kind,
    )
    first_id = await transitions.add(connection, item, None, stage, first)
    breach = Breach(item, stage, entered, first_id, creation.override_reason)
    await record_broken(connection, breach, broken)
    await invalidations.invalidate(connection, stream.id, entered, now)
    return Created(item, stream, broken)


def _new_item(
    creation: Creation, stream: ValueStream, stage: Stage, entered: datetime, now: datetime
) -> work_items.NewItem:
    return work_items.NewItem(
        stream_id=stream.id,
        title=creation.title,
        type=creation.type,
        created_at=entered,
        updated_at=max(entered, now),
        facts=_facts(stream, stage, entered),
        source=source_of(creation),
        external_key=creation.external_key,
    )


def source_of(creation: Creation) -> str | None:
    """Return where the item's external key is from; None when it has none."""
    return creation.source or ("api" if creation.external_key else None)


def _facts(stream: ValueStream, stage: Stage, entered: datetime) -> ItemFacts:
    return ItemFacts(created_at=entered).after(stage, stream.zone(stage), entered)


def _entry_stage(stream: ValueStream, name: str | None) -> Stage:
    """Return the stage a new item enters; an unknown name is a wrong value, not a missing page."""
    if name is None:
        return stream.first_stage
    try:
        return stream.stage(name)
    except UnknownStage as error:
        raise InvalidValue("stage", error.detail) from error
