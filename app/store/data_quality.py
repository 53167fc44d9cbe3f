"""What the rules of data quality find, found where the data are."""

from collections.abc import Sequence

from sqlalchemy import select

from app.flow import data_quality as rules
from app.flow.data_quality import Finding, SourceActivity
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query
from app.store.tables import work_items

_OF_MOVES_AND_ITEMS = [load_query(f"data_quality_{part}") for part in ("moves", "items", "idle")]
_SOURCES = load_query("data_quality_sources")


async def findings(connection: Connection, selection: Selection, first: int) -> list[Finding]:
    """Return what each rule finds, in the rules' order, naming the first few items of each."""
    asked = selection.parameters | {
        "first": first,
        "jump": rules.JUMP,
        "batch": rules.BATCH,
        "idle_percentile": rules.IDLE_PERCENTILE,
        "idle_min_visits": rules.IDLE_MIN_VISITS,
        "idle_default_us": rules.IDLE_DEFAULT_US,
    }
    sources = await _sources(connection, selection)
    found = {"silent_sources": rules.silent_sources(sources, selection.window)}
    for query in _OF_MOVES_AND_ITEMS:
        for row in await connection.execute(query, asked):
            found[row.rule] = Finding(
                rules.rule(row.rule),
                population=row.population,
                count=row.found,
                items_total=row.items_total,
                items=tuple(row.items or ()),
            )
    return [found.get(rule.name, Finding(rule, population=0)) for rule in rules.RULES]


async def contradictions(connection: Connection, selection: Selection) -> list[Finding]:
    """Return what the rules about single moves and items find, which costs less than all rules."""
    asked = selection.parameters | {"first": 0, "jump": rules.JUMP, "batch": rules.BATCH}
    found: list[Finding] = []
    for query in _OF_MOVES_AND_ITEMS[:2]:
        found += [
            Finding(rules.rule(row.rule), population=row.population, count=row.found)
            for row in await connection.execute(query, asked)
        ]
    return found


async def _sources(connection: Connection, selection: Selection) -> list[SourceActivity]:
    rows = await connection.execute(_SOURCES, selection.parameters)
    return [
        SourceActivity(
            source=row.source,
            moves=row.moves,
            last_at=row.last_at,
            longest_pause_us=row.longest_pause_us,
            open_items=row.open_items,
        )
        for row in rows
    ]


async def titles(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the titles of items."""
    columns = work_items.c
    query = select(columns.id, columns.title).where(columns.id.in_(ids))
    return {row.id: row.title for row in await connection.execute(query)}
