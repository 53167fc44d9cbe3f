"""The rules that were broken, one by one: what is behind the numbers of them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.api.explained import instant_text
from app.api.filters import FlowFilter, stage_named
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.paging import before_id, cursor_before, page
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer, Name
from app.domain import errors
from app.domain.broken_rule import Rule
from app.domain.value_stream import MovePolicy
from app.store import broken_rules
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)


class FindBrokenRules(FlowFilter):
    """Which broken rules of the window; what is left out does not narrow."""

    rule: Rule | None = None
    stage: Name | None = Field(None, description="stage that was entered")
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=40, description="from `next_cursor`")


class BrokenRuleOut(Answer):
    """One rule that was broken by an item entering a stage."""

    id: int
    work_item_id: int
    work_item_title: str
    transition_id: int | None = Field(description="the move; null when it was a restoration")
    stage: str = Field(description="the stage entered")
    rule: Rule
    policy: MovePolicy = Field(description="`warn`, or `enforce`: overridden with a reason")
    broken_at: datetime
    override_reason: str | None


class BrokenRuleList(Answer):
    """One page of broken rules, those recorded last first."""

    items: list[BrokenRuleOut]
    next_cursor: str | None = Field(description="null on the last page")
    period_start: datetime
    period_end: datetime = Field(description="excluded")


@router.get(
    "/broken-rules",
    summary="List broken rules",
    response_model=BrokenRuleList,
    responses={**csv_documented(), **documented(errors.InvalidValue, errors.UnknownStream)},
)
async def list_broken_rules(
    wanted: Annotated[FindBrokenRules, Query()], db: Db, request: Request, response: Response
) -> BrokenRuleList | Response:
    """List what was done against the stream's rules: with a warning, or with a reason.

    Follow `Link: rel=next` (or `next_cursor`) for the next page. Voided moves are not listed.
    """
    scope = await resolve(db, wanted.question())
    found = await broken_rules.find(db, _query(wanted, scope))
    rows = [BrokenRuleOut.model_validate(each) for each in found[: wanted.limit]]
    cursor = cursor_before(rows[-1].id) if len(found) > wanted.limit else None
    table = None
    if wants_csv(request):
        columns = list(BrokenRuleOut.model_fields)
        table = csv_response(columns, [row.model_dump() for row in rows], "broken-rules")
    answer = BrokenRuleList(
        items=rows,
        next_cursor=cursor,
        period_start=scope.window.start,
        period_end=scope.window.end,
    )
    as_of = instant_text(scope.window.as_of)
    return page(request, response, answer, table, cursor, as_of=as_of)


def _query(wanted: FindBrokenRules, scope: Scope) -> broken_rules.BreachQuery:
    """Return what the store is asked; one row more than a page shows whether there is a next."""
    stage = stage_named(scope.stream, wanted.stage)
    return broken_rules.BreachQuery(
        selection=scope.selection,
        rule=wanted.rule,
        stage_id=stage.id if stage else None,
        before_id=before_id(wanted.cursor),
        limit=wanted.limit + 1,
    )
