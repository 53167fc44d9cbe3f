"""The work in process with its age, and the pace of what was finished."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.flow.aging import Pace, PaceLine, Standing, doing_stages
from app.flow.summary import DurationSummary
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_IN_PROCESS = load_query("in_process")
_WIP_AGES = load_query("wip_ages")
_PACE = load_query("pace")
_NOTHING = DurationSummary.of(())


@dataclass(frozen=True, slots=True)
class ItemInProcess:
    """An item in process, and where it stands."""

    item_id: int
    title: str
    kind: WorkItemType
    standing: Standing


async def in_process(
    connection: Connection, selection: Selection, stream: ValueStream
) -> list[ItemInProcess]:
    """Return the selected items that are in process at `as_of`, the oldest first."""
    stages = {stage.id: stage for stage in stream.stages}
    rows = await connection.execute(_IN_PROCESS, selection.parameters)
    return [
        ItemInProcess(
            item_id,
            title,
            WorkItemType(kind),
            Standing(stages[stage_id], since, started_at, age_us, in_stage_us),
        )
        for item_id, title, kind, stage_id, since, started_at, age_us, in_stage_us in rows
    ]


async def wip_ages_us(connection: Connection, selection: Selection) -> Sequence[int]:
    """Return the ages at `as_of` of the selected items that are in process then."""
    found: list[int] | None = await connection.scalar(_WIP_AGES, selection.parameters)
    return found or []


async def pace(connection: Connection, selection: Selection, stream: ValueStream) -> Pace:
    """Return what `flow.aging.pace` defines, for the selected items."""
    rows = await connection.execute(_PACE, selection.parameters)
    found = {
        row.stage_id: DurationSummary(row.n, int(row.sum_us), row.p50, row.p85, row.p95)
        for row in rows
    }
    lines = ((stage, found.get(stage.id, _NOTHING)) for stage in doing_stages(stream))
    return Pace(
        cycle=found.get(None, _NOTHING),
        lines=tuple(PaceLine(stage, line.p50, line.p85, line.p95) for stage, line in lines),
    )
