"""What went through each stage, counted where the data is."""

from typing import Any

from app.domain.value_stream import Stage, ValueStream
from app.flow.stage_times import StagePresence, StageTimes
from app.flow.summary import DurationSummary
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_STAGE_VISITS = load_query("stage_visits")
_NO_STAGE = 0


async def stage_presence(
    connection: Connection, selection: Selection, stream: ValueStream
) -> StagePresence:
    """Return what `flow.stage_times.stage_presence` defines, for the selected items."""
    found = await connection.execute(_STAGE_VISITS, selection.parameters)
    rows = {row.stage_id: row for row in found}
    return StagePresence(
        stages=tuple(_stage_times(stage, rows[stage.id]) for stage in stream.stages),
        unplaced_us=int(rows[_NO_STAGE].occupancy_us),
        unplaced_at_end=int(rows[_NO_STAGE].at_end),
        unplaced_discarded=rows[_NO_STAGE].discarded,
    )


def _stage_times(stage: Stage, row: Any) -> StageTimes:
    return StageTimes(
        stage=stage,
        arrivals=int(row.arrivals),
        departures=int(row.departures),
        discarded=row.discarded,
        instant_visits=row.instant_visits,
        visit_time=DurationSummary(
            count=row.visits, sum_us=int(row.sum_us), p50=row.p50, p85=row.p85, p95=row.p95
        ),
        occupancy_us=None if row.occupancy_us is None else int(row.occupancy_us),
        at_end=None if row.at_end is None else int(row.at_end),
        at_limit_us=None if row.at_limit_us is None else int(row.at_limit_us),
    )
