"""What went through each stage, put together from the parts of a window."""

from collections import defaultdict
from dataclasses import asdict, replace

from app.domain.value_stream import Stage, ValueStream, Zone
from app.flow.stage_times import StagePresence, StageTimes
from app.store.database import Connection
from app.store.flow_summary import summarise_runs
from app.store.limit_times import limit_times
from app.store.measurements import Selection
from app.store.parts import NO_STAGE, MovePart, Parts


async def stage_presence(
    connection: Connection, selection: Selection, stream: ValueStream, parts: Parts
) -> StagePresence:
    """Return what `flow.stage_times.stage_presence` defines, for the selected items."""
    return await with_limits(connection, selection, presence_of(parts, stream))


def presence_of(parts: Parts, stream: ValueStream) -> StagePresence:
    """Return the same but for the times at limits, of which the parts know nothing."""
    moves = _Moves(parts)
    unplaced = _Level(parts, moves, NO_STAGE)
    return StagePresence(
        stages=tuple(
            _stage_times(stage, stream, _Level(parts, moves, stage.id)) for stage in stream.stages
        ),
        unplaced_us=unplaced.integral_us,
        unplaced_at_end=unplaced.at_end,
        unplaced_discarded=unplaced.discarded,
    )


async def with_limits(
    connection: Connection, selection: Selection, presence: StagePresence
) -> StagePresence:
    """Return it with the times at limits."""
    at_start = {
        each.stage.id: each.at_end - each.arrivals + each.departures
        for each in presence.stages
        if each.at_end is not None
    }
    limits = await limit_times(connection, selection, at_start)
    if not limits:
        return presence
    return replace(
        presence,
        stages=tuple(
            replace(each, **asdict(limits[each.stage.id])) if each.stage.id in limits else each
            for each in presence.stages
        ),
    )


class _Moves:
    """What came to each stage and what left it, by the stage's id."""

    def __init__(self, parts: Parts) -> None:
        self.entering: defaultdict[int, list[MovePart]] = defaultdict(list)
        self.leaving: defaultdict[int, list[MovePart]] = defaultdict(list)
        for each in parts.moves:
            if each.is_move:
                self.entering[each.entered_id].append(each)
                self.leaving[each.left_id].append(each)
            # a cancellation takes items out, but what lies in done stays delivered
            elif each.is_cancellation and parts.left_zone(each) is not Zone.DONE:
                self.leaving[each.left_id].append(each)


class _Level:
    """What came to a stage and left it, and how many items that makes at either end."""

    def __init__(self, parts: Parts, moves: _Moves, stage_id: int) -> None:
        entering, leaving = moves.entering[stage_id], moves.leaving[stage_id]
        entered = [each for each in entering if each.slot >= 0]
        left = [each for each in leaving if each.slot >= 0]
        items = parts.items if stage_id == NO_STAGE else ()
        created = [each for each in items if each.slot >= 0]
        self.moved_on = [each for each in left if each.is_move]
        self.arrivals = sum(each.n for each in entered)
        self.departures = sum(each.n for each in left)
        self.discarded = sum(each.discarded_n for each in left)
        came = self.arrivals + sum(each.created_n for each in created)
        since = (
            sum(each.n for each in entering)
            - sum(each.n for each in leaving)
            + sum(each.created_n for each in items)
        )
        now = sum(each.n for each in parts.present if each.stage_id == stage_id)
        self.at_start = now - since
        self.at_end = self.at_start + came - self.departures
        self.integral_us = (
            self.at_start * parts.window.length_us
            + sum(each.until_end_us for each in entered)
            - sum(each.until_end_us for each in left)
            + sum(each.created_until_end_us for each in created)
        )


def _stage_times(stage: Stage, stream: ValueStream, level: _Level) -> StageTimes:
    is_stock = stream.zone(stage) is Zone.DONE
    visits = sum(each.n for each in level.moved_on)
    return StageTimes(
        stage=stage,
        arrivals=level.arrivals,
        departures=level.departures,
        discarded=level.discarded,
        instant_visits=sum(each.instant_n for each in level.moved_on),
        visit_time=summarise_runs(
            [run for each in level.moved_on for run in each.visits],
            visits,
            sum(each.visit_us for each in level.moved_on),
        ),
        occupancy_us=None if is_stock else level.integral_us,
        at_end=None if is_stock else level.at_end,
        at_limit_us=None,
        over_limit_us=None,
    )
