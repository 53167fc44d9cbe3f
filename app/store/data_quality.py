"""What the rules of data quality find, found where the data are."""

from collections.abc import Sequence

from sqlalchemy import select

from app.flow import data_quality as rules
from app.flow.data_quality import Finding, SourceActivity
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.parts import MovePart, Parts
from app.store.queries import load_query
from app.store.spans import Phase
from app.store.tables import work_items

_OF_MOVES_AND_ITEMS = [load_query(f"data_quality_{part}") for part in ("moves", "items", "idle")]
_SOURCES = load_query("data_quality_sources")
_UNPLACED = load_query("unplaced")


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


async def contradictions(
    connection: Connection, selection: Selection, parts: Parts
) -> dict[str, int]:
    """Count how often the data contradict themselves, by rule: what the parts tell at no cost."""
    inside = [each for each in parts.moves if each.phase is Phase.INSIDE]
    row = (await connection.execute(_UNPLACED, selection.parameters)).one()
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
