"""Ageing work in process: how old it is, beside how old finished work was on its way."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.expectations import PromiseFilter, ServiceLevelExpectation, hours
from app.api.explained import Explained, explanation, links_to
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.aging import AgingWork, PaceLine
from app.flow.histogram import US_PER_HOUR
from app.store.populations import Population
from app.usecases.measure_groups import Groups, measure_groups
from app.usecases.scope import Scope, resolve
from app.usecases.watch_aging import watch_aging

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=Analysis)


@dataclass(frozen=True, slots=True)
class AgingItem:
    """An item in process. No model, because there may be many of them, and all are valid."""

    id: int
    title: str
    type: WorkItemType
    stage: str
    started_at: datetime
    age: float
    stage_since: datetime
    time_in_stage: float
    on_time_probability: float | None
    blocked_since: datetime | None
    blocked_by: str | None


class Pace(Answer):
    """How old finished items were when they had left this stage and all before it, in hours."""

    stage: str
    order: int
    p50: float | None
    p85: float | None
    p95: float | None


class Ages(Answer):
    """How old the work in process is, beside what was finished. Durations are hours."""

    expectation: ServiceLevelExpectation = Field(description="what can be promised at `as_of`")
    cycle_time_p50: float | None = Field(description="of the items finished in the window")
    cycle_time_p85: float | None
    cycle_time_p95: float | None
    pace: list[Pace] = Field(description="by stage in process; ascending, to the cycle time lines")
    wip: int = Field(description="items in process, as many as `items` lists")
    wip_older_than_p85: int | None = Field(description="null when nothing was finished")
    oldest_age: float | None
    blocked_now: int = Field(description="items in process that cannot go on")


class TypeAges(Ages):
    """How old the work in process of one type is, beside what was finished of it."""

    type: WorkItemType
    sample_size: int


class AgingWip(Explained, Ages):
    """The work in process at `as_of`."""

    items: list[AgingItem] = Field(description="oldest first, each with its type")
    groups: list[TypeAges] | None = Field(None, description="with `group_by=type`")

    @classmethod
    def of(cls, scope: Scope, asked: PromiseFilter, watched: Groups[AgingWork]) -> Self:
        """Render the ageing work of a scope."""
        found = watched.whole
        cycle = found.pace.cycle
        return cls(
            **explanation(
                scope,
                sample_size=cycle.count,
                excluded=watched.left_out,
                low_confidence=cycle.low_confidence,
                links=links_to(
                    scope, Population.WIP_NOW, Population.BLOCKED_NOW, Population.THROUGHPUT
                ),
            ),
            **_ages(found),
            items=_items(found),
            groups=[
                TypeAges(type=kind, sample_size=each.pace.cycle.count, **_ages(each))
                for kind, each in watched.by_type.items()
            ]
            if asked.by_type
            else None,
        )


def _ages(found: AgingWork) -> dict[str, Any]:
    """Return the fields of Ages."""
    cycle = found.pace.cycle
    return {
        "expectation": ServiceLevelExpectation.of(found.expectation),
        "cycle_time_p50": cycle.p50_hours,
        "cycle_time_p85": cycle.p85_hours,
        "cycle_time_p95": cycle.p95_hours,
        "pace": [_pace(line) for line in found.pace.lines],
        "wip": len(found.items),
        "wip_older_than_p85": found.older_than_p85,
        "oldest_age": hours(found.oldest_age_us),
        "blocked_now": sum(item.blocked_since is not None for item in found.items),
    }


def _items(found: AgingWork) -> list[AgingItem]:
    return [
        AgingItem(
            id=item.item_id,
            title=item.title,
            type=item.kind,
            stage=item.standing.stage.name,
            started_at=item.standing.started,
            age=item.standing.age_us / US_PER_HOUR,
            stage_since=item.standing.entered,
            time_in_stage=item.standing.in_stage_us / US_PER_HOUR,
            on_time_probability=item.chance,
            blocked_since=item.blocked_since,
            blocked_by=item.blocked_by,
        )
        for item in found.items
    ]


def _pace(line: PaceLine) -> Pace:
    p50, p85, p95 = (
        None if seconds is None else seconds / 3600 for seconds in (line.p50, line.p85, line.p95)
    )
    return Pace(stage=line.stage.name, order=line.stage.order, p50=p50, p85=p85, p95=p95)


async def _asked(asked: Annotated[PromiseFilter, Query()], db: Db) -> tuple[PromiseFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/aging",
    summary="Age of the work in process",
    response_model=AgingWip,
    responses=csv_documented("the items as a table")
    | documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def aging_wip(
    asked: Annotated[tuple[PromiseFilter, Scope], Depends(_asked)], request: Request, db: Db
) -> AgingWip | Response:
    """Each item in process at `as_of` with its age, and its chance to finish as expected.

    `pace` tells by stage how old the items finished in the window were when they had come as far.
    `on_time_probability` is the share of finished items within the expectation, of those that had
    also reached this age; null when they are fewer than five. `blocked_since` and `blocked_by` tell
    what an item cannot go on for.
    """
    chosen, scope = asked
    found = await measure_groups(
        db,
        scope,
        lambda db, each: watch_aging(db, each, chosen.promise),
        by_type=chosen.by_type,
    )
    if wants_csv(request):
        columns = [each.name for each in fields(AgingItem)]
        return csv_response(columns, [asdict(item) for item in _items(found.whole)], "aging")
    return AgingWip.of(scope, chosen, found)
