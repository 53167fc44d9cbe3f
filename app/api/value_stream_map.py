"""The value stream map: as numbers, as a drawing, as a Mermaid diagram."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, links_to, links_to_stages
from app.api.filters import GroupFilter
from app.api.map_body import MapBody, MapStage, MapTotals, map_body
from app.api.map_mermaid import mermaid
from app.api.negotiation import CSV, JSON, grouped_csv, negotiated
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.stage_metrics import map_explanation
from app.api.types import Answer, Instant, dumped
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.value_stream_map import ValueStreamMap
from app.store.populations import Population
from app.usecases.count_items import count_items
from app.usecases.map_stream import Comparison, Maps, compared_scope, map_stream, map_types
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


class MapFilter(GroupFilter):
    """Which part of the flow is mapped, in which form, and with what it is compared."""

    format: Literal["json", "svg", "mermaid", "csv"] | None = Field(
        None, description="unsaid: as the `Accept` header likes best"
    )
    compare_to: Literal["previous"] | None = Field(
        None, description="compare with the window of equal length directly before"
    )
    compare_start: Instant | None = Field(None, description="compare with another window, from")
    compare_end: Instant | None = Field(None, description="end of the other window, excluded")


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


class ComparedMap(MapBody):
    """The map of another window, and how this one differs from it."""

    period_start: datetime
    period_end: datetime = Field(description="excluded")
    partial: bool
    stage_differences: list[StageDifference]
    total_differences: dict[str, float | None] = Field(
        description="by the name of the total; null where either window has no figure"
    )


class TypeMap(MapBody):
    """The map of the items of one type."""

    type: WorkItemType
    sample_size: int


class MapAnswer(Explained, MapBody):
    """The map of a window."""

    blocked_now: int = Field(description="items in process that cannot go on, at `as_of`")
    caveats: list[str]
    comparison: ComparedMap | None = Field(description="null unless asked for")
    groups: list[TypeMap] | None = Field(None, description="with `group_by=type`")


async def _asked(
    asked: Annotated[MapFilter, Query()], db: Db
) -> tuple[MapFilter, Scope, Scope | None]:
    """Return what was asked for, the scope of the map, and the one to compare it with."""
    scope = await resolve(db, asked.question())
    other = Comparison(asked.compare_to, asked.compare_start, asked.compare_end)
    return asked, scope, compared_scope(scope, other)


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
    asked: Annotated[tuple[MapFilter, Scope, Scope | None], Depends(_asked)],
    db: Db,
    request: Request,
) -> MapAnswer | Response:
    """Process and waiting time, quality and queues of every stage, and what is sent back.

    Times and quality are about the items finished in the window, queues about its end. With
    `format` or the `Accept` header the same map comes as a drawing (SVG), as Mermaid, or its stages
    as CSV, with `group_by` those of each type.
    """
    chosen, scope, other = asked
    liked = negotiated(request, tuple(_FORMATS.values()))
    media = _FORMATS.get(chosen.format or "", liked)
    if media not in (CSV, JSON):
        if chosen.by_type:
            raise errors.InvalidValue(
                "group_by", "a drawing has room for one map: narrow it with `type`"
            )
        found = await map_stream(db, scope)
        text = _drawing(media)(found, scope.stream.name, scope.tz)
        return Response(text, media_type=f"{media}; charset=utf-8")
    maps = await map_types(db, scope, by_type=chosen.by_type)
    body = map_body(maps.whole)
    answer = MapAnswer(
        **map_explanation(scope, maps.whole, _links(scope)),
        blocked_now=await count_items(db, scope, Population.BLOCKED_NOW),
        **dict(body),
        caveats=CAVEATS,
        comparison=None if other is None else _compared(body, other, await map_stream(db, other)),
        groups=_groups(maps) if chosen.by_type else None,
    )
    if media == JSON:
        return answer
    columns = list(MapStage.model_fields)
    return grouped_csv(columns, answer, lambda each: dumped(each.stages), "value-stream-map")


def _groups(maps: Maps) -> list[TypeMap]:
    return [
        TypeMap(type=kind, sample_size=found.ladder.items, **dict(map_body(found)))
        for kind, found in maps.by_type.items()
    ]


def _drawing(media: str) -> Callable[[ValueStreamMap, str, tzinfo], str]:
    if media == MERMAID:
        return mermaid
    from app.api.map_svg import svg  # noqa: PLC0415 - XML, which nothing else needs

    return svg


def _links(scope: Scope) -> dict[str, str]:
    of_stages = links_to_stages(scope, Population.IN_STAGE, Population.LEFT_STAGE)
    return of_stages | links_to(scope, Population.BLOCKED_NOW)


def _compared(body: MapBody, other: Scope, found: ValueStreamMap) -> ComparedMap:
    """Render the other window's map, and what this one's has more or less."""
    before = map_body(found)
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
