"""The reopen rate: how often what was finished came back."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, items_link, links_to
from app.api.filters import FlowFilter
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.flow.reopening import DEFAULT_FOLLOW_UP, FinishWeek
from app.store.populations import Population
from app.usecases.follow_up import FollowedUp, follow_up
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=Analysis)


class FollowUpFilter(FlowFilter):
    """Which part of the flow is asked about, and how long each item is followed."""

    follow_up_days: int = Field(
        DEFAULT_FOLLOW_UP.days, ge=1, le=365, description="days after the finish"
    )


class FinishWeekOut(Answer):
    """What was finished in one ISO week, and how much of it came back in time."""

    label: str = Field(examples=["2025-W10"])
    start: datetime
    end: datetime = Field(description="excluded")
    partial: bool = Field(description="the window holds only a piece of this week")
    immature: bool = Field(description="not all have been followed to the end: can still rise")
    finished: int
    reopened: int
    rate: float | None = Field(description="null when nothing was finished")

    @classmethod
    def of(cls, week: FinishWeek) -> "FinishWeekOut":
        """Render a week."""
        return cls(
            label=week.bucket.label,
            start=week.bucket.start,
            end=week.bucket.end,
            partial=week.bucket.partial,
            immature=week.immature,
            finished=week.finished,
            reopened=week.reopened,
            rate=week.rate,
        )


class ReopenRateOut(Explained):
    """The reopen rate of the mature weeks together, and of each week."""

    follow_up_days: int
    finished: int = Field(description="in the mature weeks")
    reopened: int = Field(description="those of them that came back in time")
    rate: float | None = Field(description="reopened / finished; null without mature weeks")
    weeks: list[FinishWeekOut]

    @classmethod
    def of(cls, scope: Scope, days: int, found: FollowedUp) -> "ReopenRateOut":
        """Render the reopen rate of a scope."""
        reopening = found.reopening
        came_back = items_link(scope, Population.CAME_BACK, follow_up_days=str(days))
        populations = (
            Population.THROUGHPUT,
            Population.DISCARDED,
            Population.WIP_AT_END,
            Population.BACKLOG,
        )
        return cls(
            **explanation(
                scope,
                sample_size=sum(week.finished for week in reopening.weeks),
                excluded=dict(found.left_out),
                links=links_to(scope, *populations) | {str(Population.CAME_BACK): came_back},
            ),
            follow_up_days=days,
            finished=reopening.finished,
            reopened=reopening.reopened,
            rate=reopening.rate,
            weeks=[FinishWeekOut.of(week) for week in reopening.weeks],
        )


async def _asked(asked: Annotated[FollowUpFilter, Query()], db: Db) -> tuple[FollowUpFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/reopen-rate",
    summary="How much of what was finished came back",
    response_model=ReopenRateOut,
    responses=csv_documented("the weeks as a table")
    | documented(errors.InvalidValue, errors.UnknownStream),
)
async def reopen_rate(
    asked: Annotated[tuple[FollowUpFilter, Scope], Depends(_asked)], request: Request, db: Db
) -> ReopenRateOut | Response:
    """Of the items finished in each ISO week, the share that left done again within the follow-up.

    Weeks whose items have not all been followed to the end are `immature`, and not in the total.
    """
    chosen, scope = asked
    days = chosen.follow_up_days
    answer = ReopenRateOut.of(scope, days, await follow_up(db, scope, timedelta(days=days)))
    if wants_csv(request):
        rows = [each.model_dump() for each in answer.weeks]
        return csv_response(list(FinishWeekOut.model_fields), rows, "reopen-rate")
    return answer
