"""The value stream map: as numbers, as a drawing, as a Mermaid diagram."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, links_to, links_to_stages
from app.api.filters import FlowFilter
from app.api.map_mermaid import mermaid
from app.api.negotiation import CSV, JSON, csv_response, negotiated
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.stage_metrics import Share, map_explanation
from app.api.types import Answer, Instant
from app.domain import errors
from app.domain.value_stream import Category, Zone
from app.flow.value_stream_map import NoEfficiency, ValueStreamMap
from app.store.populations import Population
from app.usecases.count_items import count_items
from app.usecases.map_stream import Comparison, compared_scope, map_stream
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)

SVG = "image/svg+xml"
MERMAID = "text/vnd.mermaid"
_FORMATS = {"json": JSON, "svg": SVG, "mermaid": MERMAID, "csv": CSV}

CAVEATS = [
    "Process time is time in active stages, whether or not anybody worked: an upper bound.",
    "So are activity ratio and flow efficiency, which rest on it.",
    "%C&A is read from moves back on the board; what is returned without a move does not show.",
]
"""What the map cannot tell."""


class MapFilter(FlowFilter):
    """Which part of the flow is mapped, in which form, and with what it is compared."""

    format: Literal["json", "svg", "mermaid", "csv"] | None = Field(
        None, description="unsaid: as the `Accept` header likes best"
    )
    compare_to: Literal["previous"] | None = Field(
        None, description="compare with the window of equal length directly before"
    )
    compare_start: Instant | None = Field(None, description="compare with another window, from")
    compare_end: Instant | None = Field(None, description="end of the other window, excluded")


class MapStage(Answer):
    """One stage on the map. Times are hours per finished item, 0 for items that skipped it."""

    id: int
    name: str
    order: int
    category: Category
    zone: Zone
    process_time: float | None = Field(description="of an active stage, else 0")
    wait_time: float | None = Field(description="of a waiting stage, else 0")
    pct_ca: Share = Field(description="complete and accurate; null when nothing was handed on")
    wip: int | None = Field(description="items here at the end; null for a done stage")
    items_waiting: int | None = Field(
        description="items in the waiting stages directly before; null for a waiting stage"
    )
    visits: int = Field(description="that a move ended in the window")
    visit_time_p50: float | None = Field(
        description="median visit, for information: medians do not add up"
    )


class MapTotals(Answer):
    """The whole map. Times are hours per finished item."""

    lead_time: float | None = Field(description="= `unplaced_time` + all stages' times")
    process_time: float | None
    wait_time: float | None
    unplaced_time: float | None = Field(
        description="part of `wait_time`: between creation and the first stage"
    )
    blocked_time: float | None = Field(
        description="part of `wait_time` in which items were blocked; null: nobody tells"
    )
    activity_ratio: Share = Field(description="process time / lead time")
    flow_efficiency: Share = Field(description="process time / cycle time")
    rolled_ca: Share
    first_time_through: Share
    rework_rate: Share
    rework_time_share: Share = Field(description="part of the cycle times spent on rework")
    items_finished: int
    items_waiting: int = Field(description="in waiting stages and in none, at the end")
    wip: int = Field(description="in process, at the end")


class MapLoop(Answer):
    """Rework that goes one way."""

    from_stage: str
    to_stage: str
    moves: int


class StageDifference(Answer):
    """One stage in this window minus the same in the other; null where either has no figure."""

    id: int
    name: str
    process_time: float | None
    wait_time: float | None
    pct_ca: float | None
    wip: int | None
    items_waiting: int | None
    visits: int
    visit_time_p50: float | None


class MapBody(Answer):
    """A map without its frame."""

    stages: list[MapStage]
    totals: MapTotals
    flow_efficiency_reason: NoEfficiency | None = Field(description="why there is none")
    rework_loops: list[MapLoop] = Field(description="the most travelled first")


class ComparedMap(MapBody):
    """The map of another window, and how this one differs from it."""

    period_start: datetime
    period_end: datetime = Field(description="excluded")
    partial: bool
    stage_differences: list[StageDifference]
    total_differences: dict[str, float | None] = Field(
        description="by the name of the total; null where either window has no figure"
    )


class MapAnswer(Explained, MapBody):
    """The map of a window."""

    blocked_now: int = Field(description="items in process that cannot go on, at `as_of`")
    caveats: list[str]
    comparison: ComparedMap | None = Field(description="null unless asked for")


async def _asked(asked: Annotated[MapFilter, Query()], db: Db) -> tuple[Scope, Scope | None, str]:
    """Return the scope of the map, the one to compare it with, and the form asked for."""
    scope = await resolve(db, asked.question())
    other = Comparison(asked.compare_to, asked.compare_start, asked.compare_end)
    return scope, compared_scope(scope, other), asked.format or ""


@router.get(
    "/value-stream-map",
    summary="Value stream map of a window",
    response_model=MapAnswer,
    responses={
        200: {
            "description": "the map; as a drawing, a diagram or a table when that is asked for",
            "content": {media: {"schema": {"type": "string"}} for media in (SVG, MERMAID, CSV)},
        },
        **documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
    },
)
async def value_stream_map(
    asked: Annotated[tuple[Scope, Scope | None, str], Depends(_asked)],
    db: Db,
    request: Request,
) -> MapAnswer | Response:
    """Process and waiting time, quality and queues of every stage, and what is sent back.

    Times and quality are about the items finished in the window, queues about its end. With
    `format` or the `Accept` header the same map comes as a drawing (SVG), as Mermaid, or its stages
    as CSV.
    """
    scope, other, form = asked
    found = await map_stream(db, scope)
    liked = negotiated(request, tuple(_FORMATS.values()))
    media = _FORMATS.get(form, liked)
    if media == CSV:
        rows = [stage.model_dump() for stage in _stages(found)]
        return csv_response(list(MapStage.model_fields), rows, "value-stream-map")
    if media != JSON:
        text = _drawing(media)(found, scope.stream.name, scope.tz)
        return Response(text, media_type=f"{media}; charset=utf-8")
    body = _body(found)
    return MapAnswer(
        **map_explanation(scope, found, _links(scope)),
        blocked_now=await count_items(db, scope, Population.BLOCKED_NOW),
        **dict(body),
        caveats=CAVEATS,
        comparison=None if other is None else _compared(body, other, await map_stream(db, other)),
    )


def _drawing(media: str) -> Callable[[ValueStreamMap, str, tzinfo], str]:
    if media == MERMAID:
        return mermaid
    from app.api.map_svg import svg  # noqa: PLC0415 - XML, which nothing else needs

    return svg


def _links(scope: Scope) -> dict[str, str]:
    of_stages = links_to_stages(scope, Population.IN_STAGE, Population.LEFT_STAGE)
    return of_stages | links_to(scope, Population.BLOCKED_NOW)


def _body(found: ValueStreamMap) -> MapBody:
    ladder, quality = found.ladder, found.quality
    return MapBody(
        stages=_stages(found),
        totals=MapTotals(
            lead_time=ladder.mean_hours(ladder.lead_us),
            process_time=ladder.mean_hours(ladder.process_us),
            wait_time=ladder.mean_hours(ladder.wait_us),
            unplaced_time=ladder.mean_hours(ladder.unplaced_us),
            blocked_time=None
            if ladder.blocked_us is None
            else ladder.mean_hours(ladder.blocked_us),
            activity_ratio=ladder.activity_ratio,
            flow_efficiency=ladder.flow_efficiency,
            rolled_ca=quality.rolled_complete_and_accurate,
            first_time_through=quality.first_time_through,
            rework_rate=quality.rework_rate,
            rework_time_share=quality.rework_time_share,
            items_finished=ladder.items,
            items_waiting=sum(queue or 0 for queue in found.queues),
            wip=found.wip_at_end,
        ),
        flow_efficiency_reason=ladder.no_efficiency,
        rework_loops=[
            MapLoop(from_stage=loop.from_stage.name, to_stage=loop.to_stage.name, moves=loop.moves)
            for loop in quality.loops
        ],
    )


def _stages(found: ValueStreamMap) -> list[MapStage]:
    shares = {each.stage: each.complete_and_accurate for each in found.quality.stages}
    columns = zip(found.ladder.rungs, found.presence.stages, found.queues, strict=True)
    return [
        MapStage(
            id=rung.stage.id,
            name=rung.stage.name,
            order=rung.stage.order,
            category=rung.stage.category,
            zone=rung.zone,
            process_time=found.ladder.mean_hours(rung.process_us),
            wait_time=found.ladder.mean_hours(rung.wait_us),
            pct_ca=shares.get(rung.stage),
            wip=times.at_end,
            items_waiting=queue,
            visits=times.visit_time.count,
            visit_time_p50=times.visit_time.p50_hours,
        )
        for rung, times, queue in columns
    ]


def _compared(body: MapBody, other: Scope, found: ValueStreamMap) -> ComparedMap:
    """Render the other window's map, and what this one's has more or less."""
    before = _body(found)
    return ComparedMap(
        **dict(before),
        period_start=other.window.start,
        period_end=other.window.end,
        partial=other.window.partial,
        stage_differences=[
            StageDifference(
                id=now.id,
                name=now.name,
                **{name: _difference(now, then, name) for name in _STAGE_FIGURES},
            )
            for now, then in zip(body.stages, before.stages, strict=True)
        ],
        total_differences={
            name: _difference(body.totals, before.totals, name) for name in MapTotals.model_fields
        },
    )


_STAGE_FIGURES = [name for name in StageDifference.model_fields if name not in {"id", "name"}]


def _difference(now: Answer, then: Answer, name: str) -> Any:
    """Return how much larger a figure is now, None where either is missing."""
    new, old = getattr(now, name), getattr(then, name)
    return None if new is None or old is None else new - old
