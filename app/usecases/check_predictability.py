"""Check whether what was promised at the start of a window was kept in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.domain.work_item import WorkItemType
from app.flow.expectation import (
    Predictability,
    StatedLevel,
    expectation,
    predictability,
    sample_window,
    stated_level,
)
from app.flow.histogram import Duration
from app.flow.slowest import SlowItem
from app.store import cycle_times, left_out
from app.store.database import Connection
from app.store.measurements import Selection
from app.usecases.find_slowest import find_slowest
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class Checked:
    """How well all items kept the promise, those of each type theirs, and what is in neither.

    `stated` holds the stream's own service level against the window; None where it has none.
    `slowest` are the items that took longest; see `find_slowest`.
    """

    whole: Predictability
    stated: StatedLevel | None
    by_type: Mapping[WorkItemType, Predictability]
    slowest: Sequence[SlowItem] | None
    left_out: Mapping[str, int]


async def check_predictability(
    connection: Connection, scope: Scope, p: Fraction, *, by_type: bool = False
) -> Checked:
    """State an expectation from before the window, and hold it against the window."""
    kinds = scope.kinds if by_type else []
    selection, level = scope.selection, scope.stream.service_level
    happened = await cycle_times.cycles_us(connection, selection) if level else []
    whole = await _check(connection, selection, p)
    return Checked(
        whole=whole,
        stated=stated_level(level, happened) if level else None,
        by_type={
            kind: await _check(connection, replace(selection, types=[kind]), p) for kind in kinds
        },
        slowest=await find_slowest(connection, scope, Duration.CYCLE, whole.cycle.count),
        left_out=await left_out.left_out(connection, selection),
    )


async def _check(connection: Connection, selection: Selection, p: Fraction) -> Predictability:
    before = sample_window(selection.window.start, selection.window.as_of)
    known = await cycle_times.cycles_us(connection, replace(selection, window=before))
    happened = await cycle_times.cycles_us(connection, selection)
    return predictability(expectation(known, p), happened)
