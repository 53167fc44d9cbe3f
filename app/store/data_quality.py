"""What the rules of data quality find: in closed days and hours what was kept, else in the log."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from app.domain.value_stream import Zone
from app.flow import data_quality as rules
from app.flow.data_quality import Finding
from app.flow.runs import ranked
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.measurements import Selection, planned_once
from app.store.packed import unpack
from app.store.parts import MovePart, Parts, gather
from app.store.queries import load_query
from app.store.searches import cutting_of
from app.store.sources import activities, moves_of_sources
from app.store.spans import Phase
from app.store.tables import work_items

_PART_ODDITIES, _KEPT_ODDITIES = load_query("part_oddities"), load_query("kept_oddities")
_IDLE = load_query("data_quality_idle")
_UNPLACED = load_query("unplaced")


async def findings(connection: Connection, selection: Selection, first: int) -> list[Finding]:
    """Return what each rule finds, in the rules' order, naming the first few items of each."""
    async with planned_once(connection):
        cutting = await cutting_of(connection, selection)
        odd = await _oddities(cutting)
        moves = await moves_of_sources(cutting, selection)
    idle_us = await _idle_limit_us(connection, selection)
    sources = await activities(connection, selection, moves)
    found = {
        **{name: each.finding(name, first) for name, each in odd.items()},
        **await _unplaced(connection, selection, first, odd),
        "long_idle": await _long_idle(connection, selection, first, idle_us),
        "silent_sources": rules.silent_sources(sources, selection.window),
    }
    return [found.get(rule.name, Finding(rule, population=0)) for rule in rules.RULES]


@dataclass(slots=True)
class _Odd:
    """What a rule found so far."""

    population: int = 0
    n: int = 0
    items: set[int] = field(default_factory=set)

    def take(self, n: int, packed: Iterable[bytes]) -> None:
        """Add some moves or items."""
        self.n += n
        for each in packed:
            self.items.update(unpack(each))

    def finding(self, name: str, first: int) -> Finding:
        """Return the finding, with the first items named."""
        return Finding(
            rules.rule(name), self.population, self.n, len(self.items), _first(self.items, first)
        )


def _first(items: Iterable[int], first: int) -> tuple[int, ...]:
    return tuple(sorted(items)[:first])


async def _oddities(cutting: Cutting) -> dict[str, _Odd]:
    """Return what the rules find that look at one move or item, and batches."""
    odd: defaultdict[str, _Odd] = defaultdict(_Odd)
    batches: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in await cutting.rows(_PART_ODDITIES, _KEPT_ODDITIES):
        odd[row.rule].population += int(row.population)
        if row.at is not None:
            batches[row.stage_id, row.at].append(row)
        elif row.n:
            odd[row.rule].take(int(row.n), [row.items])
    for rows in batches.values():
        together = sum(int(row.n) for row in rows)
        if together >= rules.BATCH:
            odd["batch_moves"].take(together, [row.items for row in rows])
    return odd


async def _idle_limit_us(connection: Connection, selection: Selection) -> int:
    """Return how long a stay in doing may last, by those that ended in the window."""
    parts = await gather(connection, replace(selection, calendar=None))
    stays = [
        run
        for each in parts.moves
        if each.phase is Phase.INSIDE and each.is_move and parts.left_zone(each) is Zone.DOING
        for run in each.visits
    ]
    n = sum(map(len, stays))
    if n < rules.IDLE_MIN_VISITS:
        return rules.IDLE_DEFAULT_US
    return ranked(stays, rules.idle_rank(n))


async def _unplaced(
    connection: Connection, selection: Selection, first: int, odd: dict[str, _Odd]
) -> dict[str, Finding]:
    """Return which items have never been anywhere, and what was told of the future."""
    row = await _UNPLACED.row(connection, selection.parameters | {"first": first})
    return {
        "items_without_transition": Finding(
            rules.rule("items_without_transition"),
            population=odd["created_after_first_transition"].population,
            count=row.items_without_transition,
            items_total=row.items_without_transition,
            items=tuple(row.unplaced_items or ()),
        ),
        "ignored_future": Finding(
            rules.rule("ignored_future"),
            population=odd["self_transitions"].population + row.ignored_future,
            count=row.ignored_future,
            items_total=row.future_items_total,
            items=tuple(row.future_items or ()),
        ),
    }


async def _long_idle(
    connection: Connection, selection: Selection, first: int, idle_us: int
) -> Finding:
    asked = selection.parameters | {"first": first, "idle_us": idle_us}
    row = await _IDLE.row(connection, asked)
    return Finding(
        rules.rule("long_idle"), row.population, row.found, row.found, tuple(row.items or ())
    )


async def contradictions(
    connection: Connection, selection: Selection, parts: Parts
) -> dict[str, int]:
    """Count how often the data contradict themselves, by rule: what the parts tell at no cost."""
    inside = [each for each in parts.moves if each.phase is Phase.INSIDE]
    row = await _UNPLACED.row(connection, selection.parameters | {"first": 0})
    return {
        "from_mismatch": sum(each.mismatch_n for each in inside),
        "self_transitions": sum(each.n for each in inside if _stays(each)),
        "created_after_first_transition": sum(
            each.late_n for each in parts.items if each.phase is Phase.INSIDE
        ),
        "items_without_transition": row.items_without_transition,
        "ignored_future": row.ignored_future,
    }


def _stays(part: MovePart) -> bool:
    return not part.is_cancellation and part.left_id == part.entered_id


async def titles(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the titles of items."""
    columns = work_items.c
    query = select(columns.id, columns.title).where(columns.id.in_(ids))
    return {row.id: row.title for row in await connection.execute(query)}
