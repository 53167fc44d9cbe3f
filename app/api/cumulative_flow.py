"""The cumulative flow diagram, with the ledger of who came and went."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to, links_to_stages
from app.api.filters import FlowFilter
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.domain.value_stream import Category, Zone
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
from app.usecases.measure_groups import Groups, measure_groups
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)


class CumulativeFilter(FlowFilter):
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


class CumulativeFlowDiagram(Explained):
    """Lines that never fall, and beside them the exact counts of every stage."""

    bucket: BucketSize
    counted_from: datetime | None = Field(
        description="what was out before is not in the lines; null when nothing is left out"
    )
    stages: list[DiagramStage]
    opening: DiagramState = Field(description="just before the window")
    points: list[DiagramPoint]

    @classmethod
    def of(cls, scope: Scope, size: BucketSize, found: Groups[CumulativeFlow]) -> Self:
        """Render the cumulative flow of a scope."""
        flow = found.whole
        stream = scope.stream
        states = [flow.opening, *(point.state for point in flow.points)]
        rendered = [_state(scope, state, flow.before or Out(0, 0)) for state in states]
        return cls(
            **explanation(
                scope,
                sample_size=states[-1].completed,
                excluded=found.left_out,
                links=links_to(
                    scope, Population.THROUGHPUT, Population.DISCARDED, Population.WIP_AT_END
                )
                | links_to_stages(scope, Population.IN_STAGE, Population.ENTERED_STAGE),
            ),
            bucket=size,
            counted_from=scope.window.start if flow.before is None else None,
            stages=[
                DiagramStage(
                    name=stage.name,
                    order=stage.order,
                    category=stage.category,
                    zone=stream.zone(stage),
                )
                for stage in stream.stages
            ],
            opening=DiagramState(**rendered[0]),
            points=[
                DiagramPoint(**state, **_happened(scope, point))
                for point, state in zip(flow.points, rendered[1:], strict=True)
            ],
        )


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
        **csv_documented("one row per bucket, one column per figure and stage"),
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
    found = await measure_groups(
        db,
        scope,
        lambda db, each: accumulate(db, each, asked.bucket, from_beginning=asked.from_beginning),
    )
    answer = CumulativeFlowDiagram.of(scope, asked.bucket, found)
    if wants_csv(request):
        rows = _rows(answer.points)
        return csv_response(list(rows[0]), rows, "cumulative-flow")
    return answer
