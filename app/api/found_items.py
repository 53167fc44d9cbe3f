"""All items that a rule of data quality found, one page after the other."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from app.api.explained import instant_text
from app.api.filters import FlowFilter
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.paging import before_id, cursor_before, page
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.flow.data_quality import RULES
from app.usecases.check_data import find_items
from app.usecases.scope import resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)

_NAMES = [rule.name for rule in RULES]
RuleName = Annotated[str, Path(json_schema_extra={"enum": _NAMES})]


class FindItems(FlowFilter):
    """As for every flow metric, page by page."""

    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=40, description="from `next_cursor`")


class FoundItem(Answer):
    """An item that a rule found."""

    id: int
    title: str


class FoundItems(Answer):
    """One page of the items that a rule found, the newest first."""

    rule: str
    explanation: str = Field(description="what is looked for, and why it matters")
    items_total: int
    items: list[FoundItem]
    next_cursor: str | None = Field(description="null on the last page")


@router.get(
    "/data-quality/{rule}",
    summary="List the items that a rule of data quality found",
    response_model=FoundItems,
    responses={
        **csv_documented(),
        **documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
    },
)
async def list_found_items(
    rule: RuleName,
    wanted: Annotated[FindItems, Query()],
    db: Db,
    request: Request,
    response: Response,
) -> FoundItems | Response:
    """List all that `/api/v1/data-quality` counts as `items_total` of a rule.

    Follow `Link: rel=next` (or `next_cursor`) for the next page. Sources are no items.
    """
    if rule not in _NAMES:
        raise errors.InvalidValue("rule", f"expected one of {', '.join(_NAMES)}")
    scope = await resolve(db, wanted.question())
    found = await find_items(db, scope, rule, before_id(wanted.cursor), wanted.limit)
    rows = [FoundItem(id=item, title=title) for item, title in found.page]
    cursor = cursor_before(rows[-1].id) if found.has_more else None
    table = None
    if wants_csv(request):
        columns = list(FoundItem.model_fields)
        table = csv_response(columns, [row.model_dump() for row in rows], rule)
    answer = FoundItems(
        rule=rule,
        explanation=found.finding.rule.explanation,
        items_total=found.finding.items_total,
        items=rows,
        next_cursor=cursor,
    )
    as_of = instant_text(scope.window.as_of)
    return page(request, response, answer, table, cursor, as_of=as_of)
