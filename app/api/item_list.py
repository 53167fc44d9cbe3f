"""Find work items: by what they are, or as exactly those behind a number."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.api.filters import FlowFilter, stage_named
from app.api.items import WorkItemOut
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.paging import before_id, cursor_before, link_next
from app.api.problems import documented
from app.api.session import Db, UnitOfWork
from app.api.types import Answer, Key, Name
from app.domain import errors
from app.domain.value_stream import Stage
from app.domain.work_item import WorkItemState
from app.store import blocks, populations, work_items
from app.store.populations import OF_ONE_STAGE, Condition, Population
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["work items"], route_class=UnitOfWork)


class FindWorkItems(FlowFilter):
    """Which items; what is left out does not narrow. The window belongs to `population`."""

    population: Population | None = Field(
        None,
        description="exactly the items behind this number of the window; `in_stage`, `left_stage` "
        "and `entered_stage` also need `stage`",
    )
    stage: Name | None = Field(None, description="current stage, or that of the population")
    follow_up_days: int | None = Field(
        None, ge=1, le=365, description="of `population=came_back`; unsaid: 30"
    )
    state: WorkItemState | None = Field(
        None,
        description="`open`: neither finished nor cancelled; `backlog`: waiting to be started; "
        "`in_progress`: counted as WIP",
    )
    source: Name | None = None
    external_key: Key | None = None
    q: Name | None = Field(None, description="text in the title")
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=40, description="from `next_cursor`")


class WorkItemList(Answer):
    """One page of items, newest first."""

    items: list[WorkItemOut]
    next_cursor: str | None = Field(description="null on the last page")


@router.get(
    "/work-items",
    summary="Find work items",
    response_model=WorkItemList,
    responses={
        **csv_documented(),
        **documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
    },
)
async def list_items(
    wanted: Annotated[FindWorkItems, Query()], db: Db, request: Request, response: Response
) -> WorkItemList | Response:
    """List items, newest first. Follow `Link: rel=next` (or `next_cursor`) for the next page."""
    scope = await resolve(db, wanted.question())
    found = await work_items.find(db, _query(wanted, scope))
    page = found[: wanted.limit]
    cursor = cursor_before(page[-1].id) if len(found) > wanted.limit else None
    ids = [item.id for item in page]
    stuck = await blocks.obstacles(db, scope.stream.id, scope.window.as_of, ids)
    items = [WorkItemOut.of(item, scope.stream, stuck.get(item.id)) for item in page]
    if wants_csv(request):
        rows = [item.model_dump() for item in items]
        response = csv_response(list(WorkItemOut.model_fields), rows, "work-items")
    if cursor:
        link_next(request, response, cursor)
    return response if wants_csv(request) else WorkItemList(items=items, next_cursor=cursor)


def _query(wanted: FindWorkItems, scope: Scope) -> work_items.ItemQuery:
    """Return what the store is asked; one item more than a page shows whether there is a next."""
    stage = stage_named(scope.stream, wanted.stage)
    of_stage = wanted.population in OF_ONE_STAGE
    return work_items.ItemQuery(
        stream_id=scope.stream.id,
        stage_id=stage.id if stage and not of_stage else None,
        types=scope.types,
        state=wanted.state,
        source=wanted.source,
        external_key=wanted.external_key,
        text=wanted.q,
        population=_population(wanted, scope, stage),
        before_id=before_id(wanted.cursor),
        limit=wanted.limit + 1,
    )


def _population(wanted: FindWorkItems, scope: Scope, stage: Stage | None) -> Condition | None:
    """Return the condition of the population asked for, with what it needs."""
    if wanted.population is None:
        stated = {"days", "start", "end", "as_of", "tz", "follow_up_days"} & wanted.model_fields_set
        if stated:
            raise errors.InvalidValue(min(stated), "a window needs a `population` that it is about")
        return None
    if wanted.population in OF_ONE_STAGE and stage is None:
        raise errors.InvalidValue("stage", f"`population={wanted.population}` needs a stage")
    if wanted.follow_up_days is None:
        return populations.condition(wanted.population, scope.stream, scope.window, stage)
    if wanted.population is not Population.CAME_BACK:
        raise errors.InvalidValue("follow_up_days", "goes with `population=came_back` alone")
    follow_up = timedelta(days=wanted.follow_up_days)
    return populations.condition(wanted.population, scope.stream, scope.window, stage, follow_up)
