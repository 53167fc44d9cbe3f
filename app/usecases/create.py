"""Create a work item: it enters its first stage with the same instant, in one transaction."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import InvalidValue, UnknownStage
from app.domain.instants import check_instant
from app.domain.transition import ActorKind, Transition
from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import ItemFacts, WorkItem, WorkItemType
from app.store import invalidations, transitions, value_streams, work_items
from app.store.database import Connection


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


async def create(connection: Connection, creation: Creation) -> tuple[WorkItem, ValueStream]:
    """Store the item and its first transition; returns the item and its stream.

    Raises InvalidValue (stage, timestamp), UnknownStream, DuplicateItem.
    """
    stream = await value_streams.load_to_write(connection, creation.stream)
    stage = _entry_stage(stream, creation.stage)
    now = await transitions.clock(connection)
    entered = creation.timestamp or now
    check_instant("timestamp", entered, now)
    new = work_items.NewItem(
        stream_id=stream.id,
        title=creation.title,
        type=creation.type,
        created_at=entered,
        updated_at=max(entered, now),
        facts=ItemFacts(created_at=entered).after(stage, stream.zone(stage), entered),
        source=creation.source or ("api" if creation.external_key else None),
        external_key=creation.external_key,
    )
    item = await work_items.add(connection, new)
    first = Transition(
        to_stage=stage.name,
        timestamp=entered,
        reason=creation.reason,
        actor_kind=creation.actor_kind,
    )
    await transitions.add(connection, item, None, stage, first)
    await invalidations.invalidate(connection, stream.id, entered, now)
    return item, stream


def _entry_stage(stream: ValueStream, name: str | None) -> Stage:
    """Return the stage a new item enters; an unknown name is a wrong value, not a missing page."""
    if name is None:
        return stream.first_stage
    try:
        return stream.stage(name)
    except UnknownStage as error:
        raise InvalidValue("stage", error.detail) from error
