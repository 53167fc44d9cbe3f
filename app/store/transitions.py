"""The append-only log of moves, and the facts that follow from it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, Select, insert, select, text, update

from app.domain.errors import UnknownTransition
from app.domain.transition import ActorKind, RecordedTransition, Transition
from app.domain.value_stream import Stage
from app.domain.work_item import ItemFacts, WorkItem
from app.store.database import Connection
from app.store.queries import load_query
from app.store.tables import stage_transitions, stages

_DERIVE_FACTS = load_query("derive_facts")
_CLOCK = text("SELECT clock_timestamp()")
_TO, _FROM = stages.alias("to_stage"), stages.alias("from_stage")


async def clock(connection: Connection) -> datetime:
    """Return the database's clock: one clock for all replicas.

    Read after a lock was taken, so that whoever gets the lock later also reads a later time.
    """
    now: datetime = await connection.scalar(_CLOCK)
    return now


async def add(
    connection: Connection,
    item: WorkItem,
    left: ItemFacts | None,
    to_stage: Stage,
    transition: Transition,
) -> int:
    """Append a move of a locked item to the log; returns the transition's id.

    `left` are the facts before the move; None when there are none, or when `derive_facts` follows.
    """
    statement = (
        insert(stage_transitions)
        .values(
            work_item_id=item.id,
            value_stream_id=item.stream_id,
            from_stage_id=left.stage_id if left else None,
            from_stage_since=left.stage_since if left else None,
            to_stage_id=to_stage.id,
            timestamp=transition.timestamp,
            source_event_id=transition.source_event_id,
            reason=transition.reason,
            actor_kind=transition.actor_kind,
        )
        .returning(stage_transitions.c.id)
    )
    return int((await connection.execute(statement)).scalar_one())


async def derive_facts(connection: Connection, item_ids: Sequence[int]) -> None:
    """Recompute from the log what each move left and what the items' facts are.

    Needed whenever the log changed elsewhere than at its end: a late arrival, a void, an import.
    """
    await _DERIVE_FACTS.rows(connection, {"item_ids": list(item_ids)})


async def void(connection: Connection, transition_id: int, reason: str, now: datetime) -> None:
    """Take a mistaken move out of the history; the row stays in the log."""
    columns = stage_transitions.c
    await connection.execute(
        update(stage_transitions)
        .where(columns.id == transition_id)
        .values(voided_at=now, void_reason=reason)
    )


async def history(
    connection: Connection, item_id: int, *, with_voided: bool = False
) -> list[RecordedTransition]:
    """Return the moves of an item, oldest first."""
    columns = stage_transitions.c
    query = _recorded().where(columns.work_item_id == item_id)
    if not with_voided:
        query = query.where(columns.voided_at.is_(None))
    query = query.order_by(columns.timestamp, columns.id)
    return [_transition(row) for row in await connection.execute(query)]


async def get(connection: Connection, item_id: int, transition_id: int) -> RecordedTransition:
    """Return one move of an item; raises UnknownTransition."""
    columns = stage_transitions.c
    query = _recorded().where(columns.work_item_id == item_id, columns.id == transition_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise UnknownTransition(item_id, transition_id)
    return _transition(row)


async def by_event(
    connection: Connection, item_id: int, source_event_id: str
) -> RecordedTransition | None:
    """Return the move that a source's event led to, if it was delivered before."""
    columns = stage_transitions.c
    query = _recorded().where(
        columns.work_item_id == item_id, columns.source_event_id == source_event_id
    )
    row = (await connection.execute(query)).one_or_none()
    return _transition(row) if row is not None else None


def _recorded() -> Select[tuple[object, ...]]:
    """Select transitions with the names of both stages."""
    columns = stage_transitions.c
    return (
        select(
            columns.id,
            columns.work_item_id,
            _FROM.c.name.label("from_stage"),
            _TO.c.name.label("to_stage"),
            columns.timestamp,
            columns.reason,
            columns.actor_kind,
            columns.source_event_id,
            columns.voided_at,
            columns.void_reason,
        )
        .join_from(stage_transitions, _TO, _TO.c.id == columns.to_stage_id)
        .outerjoin(_FROM, _FROM.c.id == columns.from_stage_id)
    )


def _transition(row: Row[tuple[object, ...]]) -> RecordedTransition:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    kind = values.pop("actor_kind")
    return RecordedTransition(**values, actor_kind=ActorKind(kind) if kind else None)
