"""The work in process with its age, and the pace of what was finished."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.flow.aging import Pace, PaceLine, Standing, doing_stages
from app.flow.runs import Run
from app.flow.summary import DurationSummary
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.flow_summary import summarise_runs
from app.store.measurements import Selection, planned_once
from app.store.packed import part
from app.store.parts import NO_STAGE
from app.store.queries import load_query

_IN_PROCESS = load_query("in_process")
_WIP_AGES = load_query("wip_ages")
_PART_PASSES, _KEPT_PASSES = load_query("part_passes"), load_query("kept_passes")


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
    rows = await _IN_PROCESS.rows(connection, selection.parameters)
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
    [found] = await _WIP_AGES.row(connection, selection.parameters)
    return found or []


@dataclass(frozen=True, slots=True)
class _PassPart:
    """How old some finished items were when they had left a stage; see part_passes.sql."""

    stage_id: int
    n: int
    us: int
    passes: Sequence[Run]


async def pace(connection: Connection, selection: Selection, stream: ValueStream) -> Pace:
    """Return what `flow.aging.pace` defines, for the selected items."""
    async with planned_once(connection):
        cutting = (await Cutting.of(connection, selection)).inside()
        rows = await cutting.rows(_PART_PASSES, _KEPT_PASSES)
    parts = [part(_PassPart, row) for row in rows]
    lines = ((stage, _line(parts, stage.id)) for stage in doing_stages(stream))
    return Pace(
        cycle=_line(parts, NO_STAGE),
        lines=tuple(PaceLine(stage, line.p50, line.p85, line.p95) for stage, line in lines),
    )


def _line(parts: Sequence[_PassPart], stage_id: int) -> DurationSummary:
    of_stage = [each for each in parts if each.stage_id == stage_id]
    return summarise_runs(
        [run for each in of_stage for run in each.passes],
        sum(each.n for each in of_stage),
        sum(each.us for each in of_stage),
    )
