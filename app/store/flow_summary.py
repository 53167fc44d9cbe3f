"""The core numbers of a window, put together from its parts."""

from collections.abc import Iterable, Sequence

from app.domain.value_stream import Zone
from app.flow.calendar import US_PER_SECOND
from app.flow.runs import Run, percentiles_of_runs
from app.flow.summary import DurationSummary, FlowSummary
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.parts import MovePart, Parts, gather
from app.store.spans import Phase

_FRACTIONS = (0.50, 0.85, 0.95)


async def flow_summary(connection: Connection, selection: Selection) -> FlowSummary:
    """Return what `flow.summary.summarise` defines, for the selected items."""
    return summary_of(await gather(connection, selection))


def summary_of(parts: Parts) -> FlowSummary:
    """Put the summary together."""
    items = [each for each in parts.items if each.phase is Phase.INSIDE]
    inside = [each for each in parts.moves if each.phase is Phase.INSIDE]
    moves = [each for each in inside if each.is_move]
    throughput = sum(each.finished_n for each in items)
    cycle_us = sum(each.cycle_us for each in items)
    doing = State(parts, Zone.DOING)
    return FlowSummary(
        throughput=throughput,
        started=sum(each.started_n for each in items),
        created=sum(each.created_n for each in items),
        discarded=sum(each.discarded_n for each in inside),
        discarded_started=sum(each.discarded_started_n for each in inside),
        reopened=crossings(parts, moves, Zone.DONE, None),
        recompleted=crossings(parts, moves, None, Zone.DONE) - throughput,
        decommits=crossings(parts, moves, Zone.DOING, Zone.TODO),
        wip_us=doing.integral_us,
        window_us=parts.window.length_us,
        wip_now=doing.known_at_as_of,
        wip_at_end=doing.at_end,
        open_items=_open_items(parts),
        backlog_items=State(parts, Zone.TODO).at_end,
        **dict(zip(("cycle", "lead"), durations_of([parts]), strict=True)),
        parked_us=cycle_us - _in_doing_us(parts),
    )


def durations_of(several: Iterable[Parts]) -> tuple[DurationSummary, DurationSummary]:
    """Return the cycle and the lead times of the items finished in a window, of all parts."""
    items = [item for parts in several for item in parts.items if item.phase is Phase.INSIDE]
    count = sum(each.finished_n for each in items)
    cycles = [run for each in items for run in each.cycles]
    leads = [run for each in items for run in each.leads]
    return (
        summarise_runs(cycles, count, sum(each.cycle_us for each in items)),
        summarise_runs(leads, count, sum(each.lead_us for each in items)),
    )


class State:
    """How many items were in a zone: today's number, less what has come and gone since."""

    def __init__(self, parts: Parts, zone: Zone) -> None:
        now = sum(
            each.n
            for each in parts.present
            if (parts.zones[each.stage_id] if each.stage_id else Zone.TODO) is zone
        )
        changes = [
            (part.slot, part.n * step, part.until_end_us * step)
            for part in parts.moves
            if (step := step_of(parts, part, zone))
        ]
        if zone is Zone.TODO:
            changes += [(i.slot, i.created_n, i.created_until_end_us) for i in parts.items]
        inside = [(n, until_end_us) for slot, n, until_end_us in changes if slot >= 0]
        after = sum(n for slot, n, _ in changes if slot == Phase.AFTER)
        self.known_at_as_of = now - sum(n for slot, n, _ in changes if slot == Phase.LATER)
        self.at_end = self.known_at_as_of - after
        self.at_start = self.at_end - sum(n for n, _ in inside)
        self.integral_us = self.at_start * parts.window.length_us + sum(us for _, us in inside)


def step_of(parts: Parts, part: MovePart, zone: Zone) -> int:
    """Return by how much one move changes the number of items in a zone."""
    left = parts.left_zone(part)
    if part.is_cancellation and left is Zone.DONE:
        return 0  # what is delivered stays delivered
    return int(parts.entered_zone(part) is zone) - int(left is zone)


def crossings(
    parts: Parts, moves: Iterable[MovePart], left: Zone | None, entered: Zone | None
) -> int:
    """Count the moves across a border of zones; None for any other zone than the stated one."""
    found = 0
    for each in moves:
        zones = parts.left_zone(each), parts.entered_zone(each)
        if zones[0] is not zones[1] and (left or zones[0], entered or zones[1]) == zones:
            found += each.n
    return found


def _open_items(parts: Parts) -> int:
    later = [each for each in parts.items if each.phase is not Phase.INSIDE]
    discarded = [each.discarded_n for each in parts.moves if each.phase is not Phase.INSIDE]
    return (
        sum(each.unfinished for each in parts.present)
        - sum(each.created_n for each in later)
        + sum(each.finished_n for each in later)
        + sum(discarded)
    )


def _in_doing_us(parts: Parts) -> int:
    """Return the time that the finished items spent in doing, up to their finish."""
    doing = {stage_id for stage_id, zone in parts.zones.items() if zone is Zone.DOING}
    return sum(each.left_us for each in parts.paths if each.left_id in doing)


def summarise_runs(runs: Sequence[Run], count: int, sum_us: int) -> DurationSummary:
    """Summarise durations that lie in sorted runs, in microseconds."""
    seconds = [
        None if each is None else each / US_PER_SECOND
        for each in percentiles_of_runs(runs, _FRACTIONS)
    ]
    return DurationSummary(count, sum_us, *seconds)
