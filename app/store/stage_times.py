"""What went through each stage, put together from the parts of a window."""

from app.domain.value_stream import Stage, ValueStream, Zone
from app.flow.stage_times import StagePresence, StageTimes
from app.store.database import Connection
from app.store.flow_summary import summarise_runs
from app.store.limit_times import LimitTimes, limit_times
from app.store.measurements import Selection
from app.store.parts import NO_STAGE, MovePart, Parts
from app.store.spans import Phase


async def stage_presence(
    connection: Connection, selection: Selection, stream: ValueStream, parts: Parts
) -> StagePresence:
    """Return what `flow.stage_times.stage_presence` defines, for the selected items."""
    levels = {stage.id: _Level(parts, stage.id) for stage in stream.stages}
    at_start = {
        stage.id: levels[stage.id].at_start
        for stage in stream.stages
        if stream.zone(stage) is not Zone.DONE
    }
    limits = await limit_times(connection, selection, at_start)
    unplaced = _Level(parts, NO_STAGE)
    return StagePresence(
        stages=tuple(
            _stage_times(stage, stream, levels[stage.id], limits.get(stage.id))
            for stage in stream.stages
        ),
        unplaced_us=unplaced.integral_us,
        unplaced_at_end=unplaced.at_end,
        unplaced_discarded=unplaced.discarded,
    )


class _Level:
    """What came to a stage and left it, and how many items that makes at either end."""

    def __init__(self, parts: Parts, stage_id: int) -> None:
        entering = [each for each in parts.moves if each.is_move and each.entered_id == stage_id]
        leaving = [
            each
            for each in parts.moves
            if each.left_id == stage_id and (each.is_move or self._ends(parts, each))
        ]
        created = parts.items if stage_id == NO_STAGE else ()
        inside = Phase.INSIDE
        self.moved_on = [each for each in leaving if each.is_move and each.phase is inside]
        self.arrivals = sum(each.n for each in entering if each.phase is inside)
        self.departures = sum(each.n for each in leaving if each.phase is inside)
        self.discarded = sum(each.discarded_n for each in leaving if each.phase is inside)
        came = self.arrivals + sum(each.created_n for each in created if each.phase is inside)
        later = (
            sum(each.n for each in entering if each.phase is not inside)
            - sum(each.n for each in leaving if each.phase is not inside)
            + sum(each.created_n for each in created if each.phase is not inside)
        )
        now = sum(each.n for each in parts.present if each.stage_id == stage_id)
        self.at_end = now - later
        self.at_start = self.at_end - came + self.departures
        self.integral_us = (
            self.at_start * parts.window.length_us
            + sum(each.until_end_us for each in entering if each.phase is inside)
            - sum(each.until_end_us for each in leaving if each.phase is inside)
            + sum(each.created_until_end_us for each in created if each.phase is inside)
        )

    @staticmethod
    def _ends(parts: Parts, part: MovePart) -> bool:
        """Tell whether a cancellation takes items out: what lies in done stays delivered."""
        return part.is_cancellation and parts.left_zone(part) is not Zone.DONE


def _stage_times(
    stage: Stage, stream: ValueStream, level: _Level, limit: LimitTimes | None
) -> StageTimes:
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
        at_limit_us=None if limit is None else limit.at_limit_us,
        over_limit_us=None if limit is None else limit.over_limit_us,
    )
