"""Watch the work in process grow older."""

from dataclasses import replace
from fractions import Fraction

from app.flow.aging import AgingItem, AgingWork, on_time_chance
from app.flow.expectation import expectation, present_sample
from app.store import aging, blocks, cycle_times
from app.store.database import Connection
from app.usecases.scope import Scope


async def watch_aging(connection: Connection, scope: Scope, p: Fraction) -> AgingWork:
    """Return the work in process at `as_of` beside the pace of what the window finished.

    Each item's chance rests on the expectation that can be stated at `as_of`.
    """
    selection = scope.selection
    promised = replace(selection, window=present_sample(selection.window.as_of))
    cycles_us = await cycle_times.cycles_us(connection, promised)
    stated = expectation(cycles_us, p)
    items = await aging.in_process(connection, selection, scope.stream)
    stuck = await blocks.obstacles(connection, selection.stream_id, selection.window.as_of)
    return AgingWork(
        items=tuple(
            AgingItem(
                item.item_id,
                item.title,
                item.kind,
                item.standing,
                chance=on_time_chance(item.standing.age_us, cycles_us, stated),
                blocked_since=obstacle.since if (obstacle := stuck.get(item.item_id)) else None,
                blocked_by=obstacle.reason if obstacle else None,
            )
            for item in items
        ),
        pace=await aging.pace(connection, selection, scope.stream),
        expectation=stated,
    )
