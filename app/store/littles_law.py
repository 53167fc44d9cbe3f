"""The terms of Little's law, put together from the parts of a window."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.domain.value_stream import Zone
from app.flow.calendar import MICROSECOND, elapsed_us
from app.flow.littles_law import LittlesLaw
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.flow_summary import State, step_of, summary_of
from app.store.measurements import Selection, planned_once
from app.store.parts import Parts, gather
from app.store.queries import load_query
from app.store.spans import Phase, phase_of

_PART_CROSSINGS, _KEPT_CROSSINGS = load_query("part_crossings"), load_query("kept_crossings")
_SPENT_IN_DOING = load_query("spent_in_doing")


async def littles_law(connection: Connection, selection: Selection) -> LittlesLaw:
    """Return what `flow.littles_law.littles_law` defines, for the selected items.

    Residence is the time that the items in process have spent there. It grows by the time that
    WIP lasts and by what comes back, and shrinks by what goes out. So it is that of now, less what
    has become of it since, for each end of the window.
    """
    parts = await gather(connection, selection)
    window = parts.window
    known = max(window.end, window.as_of + MICROSECOND)
    async with planned_once(connection):
        cutting = await Cutting.of(connection, selection)
        rows = await cutting.placed(_PART_CROSSINGS, _KEPT_CROSSINGS)
        asked = {**cutting.asked, "until": known}
        spent_us = int((await _SPENT_IN_DOING.row(connection, asked))[0])
    crossings = [(phase_of(slot), row) for slot, row in rows]
    doing = State(parts, Zone.DOING)
    at_known = spent_us - _stepped_us(parts, Phase.LATER) + _gone_us(crossings, Phase.LATER)
    after_us = doing.at_end * elapsed_us(window.end, known) + _stepped_us(parts, Phase.AFTER)
    at_end = at_known - after_us + _gone_us(crossings, Phase.AFTER)
    at_start = at_end - doing.integral_us + _gone_us(crossings, Phase.INSIDE)
    inside = [row for phase, row in crossings if phase is Phase.INSIDE]
    summary = summary_of(parts)
    return LittlesLaw(
        window_us=window.length_us,
        throughput=summary.throughput,
        started=summary.started,
        cycle_sum_us=summary.cycle.sum_us,
        cycle_p85=summary.cycle.p85,
        discarded_started=summary.discarded_started,
        wip_us=doing.integral_us,
        wip_at_start=doing.at_start,
        wip_at_end=doing.at_end,
        entered=_sum(inside, "entered_n"),
        left=_sum(inside, "left_n"),
        exited_us=_sum(inside, "exited_us"),
        reentered_us=_sum(inside, "reentered_us"),
        residence_at_start_us=at_start,
        residence_at_end_us=at_end,
    )


def _stepped_us(parts: Parts, phase: Phase) -> int:
    """Return what the steps of a phase add to the time that WIP lasts, up to its `until`."""
    return sum(
        each.until_end_us * step_of(parts, each, Zone.DOING)
        for each in parts.moves
        if each.phase is phase
    )


def _gone_us(crossings: Iterable[tuple[Phase, Any]], phase: Phase) -> int:
    """Return the residence that went out in a phase, less what came back."""
    rows = [row for each, row in crossings if each is phase]
    return _sum(rows, "exited_us") - _sum(rows, "reentered_us")


def _sum(rows: Sequence[Any], name: str) -> int:
    return sum(int(getattr(row, name)) for row in rows)
