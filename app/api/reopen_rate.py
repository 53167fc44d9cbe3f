"""The reopen rate: how often what was finished came back."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, items_link, links_to
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, grouped_csv, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer, dumped
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.reopening import DEFAULT_FOLLOW_UP, FinishWeek, ReopenRate
from app.store.populations import Population
from app.usecases.follow_up import follow_up
from app.usecases.measure_groups import Groups, measure_groups
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=Analysis)


class FollowUpFilter(GroupFilter):
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


class MatureRate(Answer):
    """The reopen rate of the mature weeks together, and of each week."""

    finished: int = Field(description="in the mature weeks")
    reopened: int = Field(description="those of them that came back in time")
    rate: float | None = Field(description="reopened / finished; null without mature weeks")
    weeks: list[FinishWeekOut]


class TypeReopenRate(MatureRate):
    """The reopen rate of the items of one type."""

    type: WorkItemType
    sample_size: int


class ReopenRateOut(Explained, MatureRate):
    """The reopen rate of what was finished in a window."""

    follow_up_days: int
    groups: list[TypeReopenRate] | None = Field(None, description="with `group_by=type`")

    @classmethod
    def of(cls, scope: Scope, asked: FollowUpFilter, found: Groups[ReopenRate]) -> "ReopenRateOut":
        """Render the reopen rate of a scope."""
        days = asked.follow_up_days
        came_back = items_link(scope, Population.CAME_BACK, follow_up_days=str(days))
        return cls(
            **explanation(
                scope,
                sample_size=_followed(found.whole),
                excluded=found.left_out,
                links=links_to(scope, Population.THROUGHPUT)
                | {str(Population.CAME_BACK): came_back},
            ),
            **_rate(found.whole),
            follow_up_days=days,
            groups=[
                TypeReopenRate(type=kind, sample_size=_followed(each), **_rate(each))
                for kind, each in found.by_type.items()
            ]
            if asked.by_type
            else None,
        )


def _rate(found: ReopenRate) -> dict[str, Any]:
    """Return the fields of MatureRate."""
    return {
        "finished": found.finished,
        "reopened": found.reopened,
        "rate": found.rate,
        "weeks": [FinishWeekOut.of(week) for week in found.weeks],
    }


def _followed(found: ReopenRate) -> int:
    """Count the items of all weeks, mature or not."""
    return sum(week.finished for week in found.weeks)


async def _asked(asked: Annotated[FollowUpFilter, Query()], db: Db) -> tuple[FollowUpFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/reopen-rate",
    summary="How much of what was finished came back",
    response_model=ReopenRateOut,
    responses=csv_documented("the weeks as a table, with `group_by` those of each type")
    | documented(errors.InvalidValue, errors.UnknownStream),
)
async def reopen_rate(
    asked: Annotated[tuple[FollowUpFilter, Scope], Depends(_asked)], request: Request, db: Db
) -> ReopenRateOut | Response:
    """Of the items finished in each ISO week, the share that left done again within the follow-up.

    Weeks whose items have not all been followed to the end are `immature`, and not in the total.
    """
    chosen, scope = asked
    time = timedelta(days=chosen.follow_up_days)
    found = await measure_groups(
        db, scope, lambda db, each: follow_up(db, each, time), by_type=chosen.by_type
    )
    answer = ReopenRateOut.of(scope, chosen, found)
    if not wants_csv(request):
        return answer
    columns = list(FinishWeekOut.model_fields)
    return grouped_csv(columns, answer, lambda each: dumped(each.weeks), "reopen-rate")
