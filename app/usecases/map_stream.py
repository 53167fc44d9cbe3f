"""Draw up the value stream map of a window, and find the window to compare it with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from app.domain.errors import InvalidValue
from app.domain.work_item import WorkItemType
from app.flow.calendar import Window, explicit_window
from app.flow.value_stream_map import ValueStreamMap
from app.store import blocks, broken_rules
from app.store.database import Connection
from app.store.finished_paths import finished_paths
from app.store.parts import Parts, gather
from app.store.stage_times import presence_of, with_limits
from app.store.turns import sent, tasks
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class Comparison:
    """With which other period: the one directly before, or one given by both its ends."""

    to: Literal["previous"] | None = None
    start: datetime | None = None
    end: datetime | None = None


async def map_stream(connection: Connection, scope: Scope) -> ValueStreamMap:
    """Return the map of the scope, all from one snapshot."""
    return await map_parts(connection, scope, await gather(connection, scope.selection))


@dataclass(frozen=True, slots=True)
class Maps:
    """The map of all items, and those of each type if asked for."""

    whole: ValueStreamMap
    by_type: Mapping[WorkItemType, ValueStreamMap]


async def map_types(connection: Connection, scope: Scope, *, by_type: bool = False) -> Maps:
    """Return the map of the scope, and with `by_type` that of each of its types alone."""
    parts = await gather(connection, scope.selection)
    whole = await map_parts(connection, scope, parts)
    return Maps(whole, await maps_by_type(connection, scope, parts) if by_type else {})


async def maps_by_type(
    connection: Connection, scope: Scope, parts: Parts
) -> dict[WorkItemType, ValueStreamMap]:
    """Return the map of each type of the scope, whose parts are known: they tell types apart."""
    return {
        kind: await map_parts(connection, alone, parts.only([kind]))
        for kind, alone in scope.of_each_type().items()
    }


async def map_parts(connection: Connection, scope: Scope, parts: Parts) -> ValueStreamMap:
    """Return the map of the scope, whose parts are known."""
    async with tasks() as group:
        asked = group.create_task(blocks.blocked_times(connection, scope.selection, scope.stream))
        await sent()
        presence = presence_of(parts, scope.stream)
        ladder, quality = finished_paths(parts, scope.stream)
    blocked = asked.result()
    if blocked is not None:
        ladder = ladder.with_blocks(blocked)
    presence = await with_limits(connection, scope.selection, presence)
    broken = await broken_rules.count(connection, scope.selection)
    return ValueStreamMap(scope.window, presence, ladder, quality, broken, scope.clock)


def compared_scope(scope: Scope, comparison: Comparison) -> Scope | None:
    """Return the scope of the other period, None when none is asked for. Raises InvalidValue.

    Both periods are seen from the same instant, so what differs is the flow.
    """
    window = _other_window(scope.window, comparison)
    return None if window is None else replace(scope, window=window)


def _other_window(window: Window, comparison: Comparison) -> Window | None:
    start, end = comparison.start, comparison.end
    if start is None and end is None:
        if comparison.to is None:
            return None
        return Window(window.start - (window.end - window.start), window.start, window.as_of)
    if comparison.to is not None:
        raise InvalidValue(
            "compare_to", "give either `compare_to` or `compare_start` and `compare_end`, not both"
        )
    if start is None:
        raise InvalidValue("compare_start", "`compare_end` needs a `compare_start`")
    if end is None:
        raise InvalidValue("compare_end", "`compare_start` needs a `compare_end`")
    try:
        return explicit_window(start, end, window.as_of)
    except InvalidValue as error:
        raise InvalidValue(f"compare_{error.field}", error.message) from None
