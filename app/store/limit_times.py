"""How long stages were full: as full as their limit of that time allows, or fuller."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from app.flow.calendar import Window
from app.store.database import Connection
from app.store.levels import courses
from app.store.measurements import Selection
from app.store.queries import load_query

_LIMITS = load_query("limits_in_force")

Terms = Sequence[tuple[datetime, int | None]]
"""Since when which limit was in force, None for none; in order of time."""


@dataclass(frozen=True, slots=True)
class LimitTimes:
    """Microseconds with as many items as the limit, or more, and with more."""

    at_limit_us: int = 0
    over_limit_us: int = 0


async def limit_times(
    connection: Connection, selection: Selection, at_start: Mapping[int, int]
) -> dict[int, LimitTimes]:
    """Return the times of the stages, of those in `at_start`, that had a limit in the window.

    `at_start` says how many items lay in each when the window began. Limits count from when they
    took effect.
    """
    window = selection.window
    limits = await _limits(connection, list(at_start), window)
    if not limits:
        return {}
    changes = (since for terms in limits.values() for since, _ in terms)
    edges = sorted({window.start, *(each for each in changes if each > window.start), window.end})
    course = await courses(connection, selection, list(pairwise(edges)))
    found: dict[int, LimitTimes] = {}
    for stage_id, terms in limits.items():
        items, at_us, over_us = at_start[stage_id], 0, 0
        for stretch, since in enumerate(edges[:-1]):
            limit = _in_force(terms, since)
            if limit is not None:
                at_us += course.time_with(stretch, stage_id, items, limit)
                over_us += course.time_with(stretch, stage_id, items, limit + 1)
            items += course.step(stretch, stage_id)
        found[stage_id] = LimitTimes(at_us, over_us)
    return found


async def _limits(
    connection: Connection, stages: Sequence[int], window: Window
) -> dict[int, Terms]:
    """Return the terms of the stages that had a limit at some time in the window."""
    terms: defaultdict[int, list[tuple[datetime, int | None]]] = defaultdict(list)
    for row in await _LIMITS.rows(connection, {"stages": stages, "ends": window.end}):
        terms[row.stage_id].append((row.effective_from, row.wip_limit))
    return {stage_id: each for stage_id, each in terms.items() if _had_limit(each, window)}


def _had_limit(terms: Terms, window: Window) -> bool:
    later = (limit for since, limit in terms if since > window.start)
    return any(each is not None for each in (_in_force(terms, window.start), *later))


def _in_force(terms: Terms, at: datetime) -> int | None:
    before = [limit for since, limit in terms if since <= at]
    return before[-1] if before else None
