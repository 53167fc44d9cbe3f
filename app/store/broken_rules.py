"""The rules that were broken: written with the move, listed and counted afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, select, update

from app.domain.broken_rule import BrokenRule, Rule
from app.domain.value_stream import MovePolicy, Stage
from app.domain.work_item import WorkItem
from app.flow.rule_breaks import RuleBreaks
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query
from app.store.tables import broken_rules, stages, work_items

_COUNT = load_query("broken_rules")
_ENTERED = stages.alias("entered")
_MEANT = stages.alias("meant")


@dataclass(frozen=True, slots=True)
class Breach:
    """An item that entered a stage against rules: when, by which move (None: restored), and why."""

    item: WorkItem
    stage: Stage
    broken_at: datetime
    transition_id: int | None = None
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedBreach:
    """One broken rule as it is kept; `stage` is the one that the stage entered is today."""

    id: int
    work_item_id: int
    work_item_title: str
    transition_id: int | None
    stage: str
    rule: Rule
    policy: MovePolicy
    broken_at: datetime
    override_reason: str | None


@dataclass(frozen=True, slots=True)
class BreachQuery:
    """Which broken rules a reader wants; None does not narrow. `before_id` continues a listing."""

    selection: Selection
    rule: Rule | None = None
    stage_id: int | None = None
    before_id: int | None = None
    limit: int = 50


async def add(connection: Connection, breach: Breach, broken: Sequence[BrokenRule]) -> None:
    """Keep which rules were broken, in the transaction of what broke them."""
    rows = [
        {
            "value_stream_id": breach.item.stream_id,
            "work_item_id": breach.item.id,
            "transition_id": breach.transition_id,
            "stage_id": breach.stage.id,
            "rule": each.rule,
            "policy": MovePolicy.ENFORCE if each.enforced else MovePolicy.WARN,
            "broken_at": breach.broken_at,
            "override_reason": breach.override_reason,
        }
        for each in broken
    ]
    if rows:
        await connection.execute(insert(broken_rules), rows)


async def void(
    connection: Connection, stream_id: int, transition_id: int, moved_at: datetime, now: datetime
) -> None:
    """Let what a voided move broke no longer count; the rows stay."""
    columns = broken_rules.c
    await connection.execute(
        update(broken_rules)
        .where(
            columns.value_stream_id == stream_id,  # these two are the index
            columns.broken_at == moved_at,
            columns.transition_id == transition_id,
        )
        .values(voided_at=now)
    )


async def find(connection: Connection, query: BreachQuery) -> list[RecordedBreach]:
    """Return at most `query.limit` broken rules, those recorded last first."""
    columns = broken_rules.c
    statement = (
        select(
            columns.id,
            columns.work_item_id,
            work_items.c.title.label("work_item_title"),
            columns.transition_id,
            _MEANT.c.name.label("stage"),
            columns.rule,
            columns.policy,
            columns.broken_at,
            columns.override_reason,
        )
        .join_from(broken_rules, work_items, work_items.c.id == columns.work_item_id)
        .join(_ENTERED, _ENTERED.c.id == columns.stage_id)
        .join(_MEANT, _MEANT.c.id == func.coalesce(_ENTERED.c.merged_into, _ENTERED.c.id))
        .where(and_(*_conditions(query)))
        .order_by(columns.id.desc())
        .limit(query.limit)
    )
    return [_breach(row) for row in await connection.execute(statement)]


def _conditions(query: BreachQuery) -> list[ColumnElement[bool]]:
    columns, selection = broken_rules.c, query.selection
    conditions = [
        columns.value_stream_id == selection.stream_id,
        columns.broken_at >= selection.window.start,
        columns.broken_at < selection.window.end,
        columns.voided_at.is_(None),
    ]
    if selection.types is not None:
        conditions.append(work_items.c.type.in_(selection.types))
    equal = {columns.rule: query.rule, _MEANT.c.id: query.stage_id}
    conditions += [column == value for column, value in equal.items() if value is not None]
    if query.before_id is not None:
        conditions.append(columns.id < query.before_id)
    return conditions


async def count(connection: Connection, selection: Selection) -> RuleBreaks:
    """Return what `flow.rule_breaks.rule_breaks` defines, for the selected items."""
    found = await _COUNT.rows(connection, selection.parameters)
    return RuleBreaks({(row.stage_id, Rule(row.rule)): row.n for row in found})


def _breach(row: Any) -> RecordedBreach:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    kinds = {"rule": Rule(row.rule), "policy": MovePolicy(row.policy)}
    return RecordedBreach(**(values | kinds))
