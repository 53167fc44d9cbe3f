"""How lively the sources of a stream are, put together from what was kept of pieces of time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.domain.work_item import WorkItemType
from app.flow.calendar import elapsed_us
from app.flow.data_quality import SourceActivity
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_PART_SOURCES, _KEPT_SOURCES = load_query("part_sources"), load_query("kept_sources")
_OPEN = load_query("open_by_source")

ALL_TYPES = ""
"""What stands for all types together, of which the pauses are kept as well as of each type."""


async def moves_of_sources(cutting: Cutting, selection: Selection) -> dict[str | None, list[Any]]:
    """Return the rows about each source that has moves in the window, in the order of time."""
    of_type = _kept_as(selection.types)
    if of_type is None:
        spans = [*cutting.cut.kept, *cutting.cut.counted]
        cutting = replace(cutting, cut=replace(cutting.cut, kept=[], counted=spans))
    asked = {**cutting.asked, "of_type": of_type}
    rows = await replace(cutting, asked=asked).rows(_PART_SOURCES, _KEPT_SOURCES)
    found: defaultdict[str | None, list[Any]] = defaultdict(list)
    for row in sorted(rows, key=lambda each: each.first_at):
        if row.type == (of_type or ALL_TYPES):
            found[row.source].append(row)
    return found


def _kept_as(types: Sequence[WorkItemType] | None) -> str | None:
    """Return under which type the pauses of a selection are kept, None for under none.

    Pauses do not add up over types: those of some of them have to be counted.
    """
    if types is None or set(types) == set(WorkItemType):
        return ALL_TYPES
    return str(types[0]) if len(types) == 1 else None


async def activities(
    connection: Connection, selection: Selection, moves: dict[str | None, list[Any]]
) -> list[SourceActivity]:
    """Return how lively each source is that has moves in the window, or open items at its end."""
    open_items = {
        row.source: row.open_items for row in await _OPEN.rows(connection, selection.parameters)
    }
    return [
        SourceActivity(
            source=source,
            moves=sum(row.moves for row in moves.get(source, ())),
            last_at=max((row.last_at for row in moves.get(source, ())), default=None),
            longest_pause_us=_longest_pause_us(moves.get(source, ())),
            open_items=open_items.get(source, 0),
        )
        for source in {**moves, **open_items}
    ]


def _longest_pause_us(rows: Sequence[Any]) -> int:
    """Return the longest time between two moves, within the pieces and between them."""
    longest, last_at = 0, None
    for row in rows:
        between = _between_us(last_at, row.first_at)
        longest = max(longest, between, row.longest_pause_us)
        last_at = row.last_at
    return longest


def _between_us(last_at: datetime | None, first_at: datetime) -> int:
    return 0 if last_at is None else elapsed_us(last_at, first_at)
