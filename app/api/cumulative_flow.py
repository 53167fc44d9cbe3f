"""The cumulative flow diagram, with the ledger of who came and went."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to, links_to_stages
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, grouped_csv, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.domain.value_stream import Category, Zone
from app.domain.work_item import WorkItemType
from app.flow.buckets import BucketSize
from app.flow.cumulative_flow import (
    CumulativeFlow,
    CumulativePoint,
    CumulativeState,
    Out,
    open_stages,
)
from app.store.populations import Population
from app.usecases.accumulate import accumulate
from app.usecases.measure_groups import Groups
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)


class CumulativeFilter(GroupFilter):
    """Which part of the flow is asked about, in which steps, and counted from when."""

    bucket: BucketSize = Field(BucketSize.DAY, description="local days, ISO weeks or months")
    from_beginning: bool = Field(
        False,
        description="count from the stream's first item, not from the window's start;"
        " takes longer the more items there are",
    )


class DiagramStage(Answer):
    """A stage of the diagram. Those of zone done have no line: `out` is theirs."""

    name: str
    order: int
    category: Category
    zone: Zone


class DiagramState(Answer):
    """How things stand at one instant."""

    lines: dict[str, int] = Field(
        description="items that have come to this stage or further, or were discarded"
    )
    out: int = Field(description="the last line: completed + discarded")
    completed: int
    discarded: int = Field(description="cancelled unfinished")
    in_stage: dict[str, int] = Field(description="items that lie in this stage")
    wip: int = Field(description="items that lie in stages of zone doing")
    backflow_items: int = Field(
        description="items that lie behind where they have been; while 0, lines differ by in_stage"
    )


class DiagramPoint(DiagramState):
    """A bucket: what happened in it, and how things stand at its end."""

    label: str
    start: datetime
    end: datetime = Field(description="excluded; the state is that just before it")
    partial: bool = Field(description="the window holds only a piece of this day, week or month")
    arrivals: dict[str, int] = Field(description="visits begun, by stage")
    departures: dict[str, int] = Field(description="visits ended, by stage, cancelled ones too")
    entered_doing: int = Field(description="items that came into process")
    left_doing: int = Field(description="items that went out of process")


class Lines(Answer):
    """How things stood before the window, and at the end of each bucket."""

    opening: DiagramState = Field(description="just before the window")
    points: list[DiagramPoint]


class TypeLines(Lines):
    """The same of the items of one type."""

    type: WorkItemType
    sample_size: int


class CumulativeFlowDiagram(Explained, Lines):
    """Lines that never fall, and beside them the exact counts of every stage."""

    bucket: BucketSize
    counted_from: datetime | None = Field(
        description="what was out before is not in the lines; null when nothing is left out"
    )
    stages: list[DiagramStage]
    groups: list[TypeLines] | None = Field(
        None, description="with `group_by=type`: every number adds up over the types asked for"
    )

    @classmethod
    def of(cls, scope: Scope, asked: CumulativeFilter, found: Groups[CumulativeFlow]) -> Self:
        """Render the cumulative flow of a scope."""
        stream = scope.stream
        return cls(
            **explanation(
                scope,
                sample_size=found.whole.points[-1].state.completed,
                excluded=found.left_out,
                links=links_to(
                    scope, Population.THROUGHPUT, Population.DISCARDED, Population.WIP_AT_END
                )
                | links_to_stages(scope, Population.IN_STAGE, Population.ENTERED_STAGE),
            ),
            bucket=asked.bucket,
            counted_from=None if asked.from_beginning else scope.window.start,
            stages=[
                DiagramStage(
                    name=stage.name,
                    order=stage.order,
                    category=stage.category,
                    zone=stream.zone(stage),
                )
                for stage in stream.stages
            ],
            **_lines(scope, found.whole),
            groups=[
                TypeLines(
                    type=kind,
                    sample_size=flow.points[-1].state.completed,
                    **_lines(scope, flow),
                )
                for kind, flow in found.by_type.items()
            ]
            if asked.by_type
            else None,
        )


def _lines(scope: Scope, flow: CumulativeFlow) -> dict[str, Any]:
    """Return the fields of Lines."""
    before = flow.before or Out(0, 0)
    return {
        "opening": DiagramState(**_state(scope, flow.opening, before)),
        "points": [
            DiagramPoint(**_state(scope, point.state, before), **_happened(scope, point))
            for point in flow.points
        ],
    }


def _state(scope: Scope, state: CumulativeState, before: Out) -> dict[str, Any]:
    stages = open_stages(scope.stream)
    names = [stage.name for stage in stages]
    earlier = before.completed + before.discarded
    return {
        "lines": dict(zip(names, (count + earlier for count in state.reached), strict=True)),
        "out": state.out + earlier,
        "completed": state.completed + before.completed,
        "discarded": state.discarded + before.discarded,
        "in_stage": dict(zip(names, state.in_stage, strict=True)),
        "wip": sum(
            count
            for stage, count in zip(stages, state.in_stage, strict=True)
            if scope.stream.zone(stage) is Zone.DOING
        ),
        "backflow_items": state.backflow_items,
    }


def _happened(scope: Scope, point: CumulativePoint) -> dict[str, Any]:
    names = [stage.name for stage in scope.stream.stages]
    return {
        "label": point.bucket.label,
        "start": point.bucket.start,
        "end": point.bucket.end,
        "partial": point.bucket.partial,
        "arrivals": dict(zip(names, point.ledger.arrivals, strict=True)),
        "departures": dict(zip(names, point.ledger.departures, strict=True)),
        "entered_doing": point.ledger.entered_doing,
        "left_doing": point.ledger.left_doing,
    }


_PREFIXES = {
    "lines": "reached",
    "in_stage": "in",
    "arrivals": "arrived in",
    "departures": "left",
}
"""How the columns of figures by stage begin; the stage's name follows."""


def _cells(field: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Spread figures by stage over columns."""
    if field in _PREFIXES:
        yield from ((f"{_PREFIXES[field]} {stage}", count) for stage, count in value.items())
    else:
        yield field, value


def _rows(points: Sequence[DiagramPoint]) -> list[dict[str, Any]]:
    fields = ["label", "start", "end", "partial", *DiagramState.model_fields]
    fields += [name for name in DiagramPoint.model_fields if name not in fields]
    return [
        dict(cell for field in fields for cell in _cells(field, getattr(point, field)))
        for point in points
    ]


async def _filter(asked: Annotated[CumulativeFilter, Query()]) -> CumulativeFilter:
    return asked


@router.get(
    "/metrics/cumulative-flow",
    summary="Cumulative flow diagram",
    response_model=CumulativeFlowDiagram,
    responses={
        **csv_documented(
            "one row per bucket, with `group_by` per type and bucket; a column per figure and stage"
        ),
        **documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
    },
)
async def cumulative_flow_diagram(
    request: Request, asked: Annotated[CumulativeFilter, Depends(_filter)], db: Db
) -> CumulativeFlowDiagram | Response:
    """How many items have come how far by the end of each bucket, and who came and went in it.

    Lines are counted from the window's start: what was out before is in none of them.
    """
    scope = await resolve(db, asked.question())
    found = await accumulate(
        db, scope, asked.bucket, from_beginning=asked.from_beginning, by_type=asked.by_type
    )
    answer = CumulativeFlowDiagram.of(scope, asked, found)
    if not wants_csv(request):
        return answer
    columns = list(_rows(answer.points)[0])
    return grouped_csv(columns, answer, lambda each: _rows(each.points), "cumulative-flow")
