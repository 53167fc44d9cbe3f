"""Work items: create, find, lock, change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, TextClause, and_, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.errors import DuplicateItem, UnknownItem
from app.domain.work_item import ItemFacts, WorkItem, WorkItemState, WorkItemType
from app.store import definition_locks
from app.store.database import Connection
from app.store.tables import stage_zones, work_items

_COLUMNS = tuple(work_items.c)


@dataclass(frozen=True, slots=True)
class NewItem:
    """What is stored of a new item; its first transition follows in the same transaction."""

    stream_id: int
    title: str
    type: WorkItemType
    created_at: datetime
    updated_at: datetime
    facts: ItemFacts
    source: str | None = None
    external_key: str | None = None


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which items a reader wants; None does not narrow. `before_id` continues a listing.

    `population` is a condition made by `store.populations`.
    """

    stream_id: int
    stage_id: int | None = None
    types: Sequence[WorkItemType] | None = None
    state: WorkItemState | None = None
    source: str | None = None
    external_key: str | None = None
    text: str | None = None
    population: TextClause | None = None
    before_id: int | None = None
    limit: int = 50


async def add(connection: Connection, item: NewItem) -> WorkItem:
    """Store a new item; raises DuplicateItem when its external key is taken."""
    statement = (
        insert(work_items)
        .values(
            value_stream_id=item.stream_id,
            title=item.title,
            type=item.type,
            created_at=item.created_at,
            updated_at=item.updated_at,
            source=item.source,
            external_key=item.external_key,
            **_fact_columns(item.facts),
        )
        .on_conflict_do_nothing(index_elements=["value_stream_id", "source", "external_key"])
        .returning(*_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise DuplicateItem(f"{item.source}:{item.external_key} is another work item's key")
    return _item(row)


async def lock(connection: Connection, item_id: int) -> WorkItem:
    """Return the item and keep others from changing it until the transaction ends.

    Moves of one item take turns here, so that the chain of from and to never breaks. Its stream's
    definition stays as it is, too: columns are computed, and so that lock is taken, before the row
    is locked.
    """
    held = definition_locks.shared(work_items.c.value_stream_id).label("held")
    query = select(*_COLUMNS, held).where(work_items.c.id == item_id)
    query = query.with_for_update(key_share=True)
    return _found(item_id, (await connection.execute(query)).one_or_none())


async def get(connection: Connection, item_id: int) -> WorkItem:
    """Return the item; raises UnknownItem."""
    query = select(*_COLUMNS).where(work_items.c.id == item_id)
    return _found(item_id, (await connection.execute(query)).one_or_none())


async def find(connection: Connection, query: ItemQuery) -> list[WorkItem]:
    """Return at most `query.limit` items, newest first."""
    statement = (
        select(*_COLUMNS)
        .where(and_(*_conditions(query)))
        .order_by(work_items.c.id.desc())
        .limit(query.limit)
    )
    return [_item(row) for row in await connection.execute(statement)]


async def count(connection: Connection, query: ItemQuery) -> int:
    """Count all items that a listing shows on its pages."""
    statement = select(func.count()).select_from(work_items).where(and_(*_conditions(query)))
    found: int = (await connection.execute(statement)).scalar_one()
    return found


def _conditions(query: ItemQuery) -> list[ColumnElement[bool] | TextClause]:
    """Build one condition per stated part of the query."""
    columns = work_items.c
    conditions: list[ColumnElement[bool] | TextClause] = [
        columns.value_stream_id == query.stream_id
    ]
    equal = {
        columns.current_stage_id: query.stage_id,
        columns.source: query.source,
        columns.external_key: query.external_key,
    }
    conditions += [column == value for column, value in equal.items() if value is not None]
    if query.population is not None:
        conditions.append(query.population)
    if query.types is not None:
        conditions.append(columns.type.in_(query.types))
    if query.text is not None:
        conditions.append(columns.title.icontains(query.text, autoescape=True))
    if query.before_id is not None:
        conditions.append(columns.id < query.before_id)
    if query.state is not None:
        conditions.append(_in_state(query.state))
    return conditions


def _in_state(state: WorkItemState) -> ColumnElement[bool]:
    """Express a state by the facts; `backlog` and `in_progress` follow the current stage's zone."""
    columns = work_items.c
    live = columns.cancelled_at.is_(None)
    zones = {
        name: columns.current_stage_id.in_(
            select(stage_zones.c.stage_id).where(stage_zones.c.zone == name)
        )
        for name in ("todo", "doing")
    }
    return {
        WorkItemState.OPEN: and_(live, columns.finished_at.is_(None)),
        WorkItemState.BACKLOG: and_(live, or_(columns.current_stage_id.is_(None), zones["todo"])),
        WorkItemState.IN_PROGRESS: and_(live, zones["doing"]),
        WorkItemState.FINISHED: columns.finished_at.is_not(None),
        WorkItemState.CANCELLED: not_(live),
    }[state]


async def change(
    connection: Connection, item: WorkItem, now: datetime, **columns: object
) -> WorkItem:
    """Set some columns of a locked item; `version` and `updated_at` follow."""
    statement = (
        update(work_items)
        .where(work_items.c.id == item.id)
        .values(version=item.version + 1, updated_at=func.greatest(item.updated_at, now), **columns)
        .returning(*_COLUMNS)
    )
    return _item((await connection.execute(statement)).one())


async def set_facts(
    connection: Connection, item: WorkItem, facts: ItemFacts, now: datetime
) -> WorkItem:
    """Store the facts that a move led to."""
    return await change(connection, item, now, **_fact_columns(facts))


async def restamp(
    connection: Connection, item: WorkItem, created_at: datetime, facts: ItemFacts
) -> WorkItem:
    """Let an item that this very transaction has added begin later: nobody has seen it yet."""
    statement = (
        update(work_items)
        .where(work_items.c.id == item.id)
        .values(created_at=created_at, updated_at=created_at, **_fact_columns(facts))
        .returning(*_COLUMNS)
    )
    return _item((await connection.execute(statement)).one())


def _fact_columns(facts: ItemFacts) -> dict[str, object]:
    return {
        "effective_created_at": facts.created_at,
        "started_at": facts.started_at,
        "finished_at": facts.finished_at,
        "current_stage_id": facts.stage_id,
        "current_stage_since": facts.stage_since,
        "last_transition_at": facts.last_transition_at,
    }


def _found(item_id: int, row: Row[*tuple[Any, ...]] | None) -> WorkItem:
    if row is None:
        raise UnknownItem(item_id)
    return _item(row)


def _item(row: Row[*tuple[Any, ...]]) -> WorkItem:
    return WorkItem(
        id=row.id,
        stream_id=row.value_stream_id,
        title=row.title,
        type=WorkItemType(row.type),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
        source=row.source,
        external_key=row.external_key,
        cancelled_at=row.cancelled_at,
        cancel_reason=row.cancel_reason,
        facts=ItemFacts(
            created_at=row.effective_created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            stage_id=row.current_stage_id,
            stage_since=row.current_stage_since,
            last_transition_at=row.last_transition_at,
        ),
    )
