"""The cycle time scatterplot: one point per finished item, with its percentile lines."""

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
from app.flow.histogram import US_PER_HOUR
from app.flow.scatterplot import Scatterplot
from app.store.populations import Population
from app.usecases.measure_groups import Groups, measure_groups
from app.usecases.plot_cycle_times import plot_cycle_times
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=Analysis)


class ScatterFilter(PromiseFilter):
    """Which part of the flow is plotted, and how many points at most."""

    limit: int = Field(20_000, ge=1, le=100_000, description="at most so many points, the latest")


@dataclass(frozen=True, slots=True)
class ScatterPoint:
    """A finished item. No model, because there are many of them, and all are valid."""

    id: int
    title: str
    type: WorkItemType
    finished_at: datetime
    cycle_time: float


class CycleTimes(Answer):
    """What the points amount to. Durations are hours."""

    cycle_time_avg: float | None
    cycle_time_p50: float | None = Field(description="of all items finished in the window")
    cycle_time_p85: float | None
    cycle_time_p95: float | None
    expectation: ServiceLevelExpectation = Field(description="what can be promised at `as_of`")
    wip_now: int = Field(description="items in process at `as_of`, which have no point")
    wip_older_than_p85: int | None = Field(description="those of them older than the p85 line")
    oldest_age: float | None = Field(description="of the items in process")


class TypeCycleTimes(CycleTimes):
    """What the points of the items of one type amount to."""

    type: WorkItemType
    sample_size: int


class CycleTimeScatter(Explained, CycleTimes):
    """Cycle times one by one, and what they amount to."""

    truncated: bool = Field(description="there are more points: raise `limit` or ask for less time")
    points: list[ScatterPoint] = Field(description="in the order of finishing, each with its type")
    groups: list[TypeCycleTimes] | None = Field(None, description="with `group_by=type`")

    @classmethod
    def of(cls, scope: Scope, asked: PromiseFilter, found: Groups[Scatterplot]) -> Self:
        """Render the plot of a scope."""
        plotted = found.whole
        cycle = plotted.cycle
        return cls(
            **explanation(
                scope,
                sample_size=cycle.count,
                excluded=found.left_out,
                low_confidence=cycle.low_confidence,
                links=links_to(scope, Population.THROUGHPUT, Population.WIP_NOW),
            ),
            **_amount(plotted),
            truncated=plotted.truncated,
            points=_points(plotted),
            groups=[
                TypeCycleTimes(type=kind, sample_size=each.cycle.count, **_amount(each))
                for kind, each in found.by_type.items()
            ]
            if asked.by_type
            else None,
        )


def _amount(plotted: Scatterplot) -> dict[str, Any]:
    """Return the fields of CycleTimes."""
    cycle = plotted.cycle
    return {
        "cycle_time_avg": cycle.avg_hours,
        "cycle_time_p50": cycle.p50_hours,
        "cycle_time_p85": cycle.p85_hours,
        "cycle_time_p95": cycle.p95_hours,
        "expectation": ServiceLevelExpectation.of(plotted.expectation),
        "wip_now": len(plotted.wip_ages_us),
        "wip_older_than_p85": plotted.older_than_p85,
        "oldest_age": hours(plotted.oldest_age_us),
    }


def _points(plotted: Scatterplot) -> list[ScatterPoint]:
    return [
        ScatterPoint(
            id=point.item_id,
            title=point.title,
            type=point.kind,
            finished_at=point.finished,
            cycle_time=point.cycle_us / US_PER_HOUR,
        )
        for point in plotted.points
    ]


async def _asked(asked: Annotated[ScatterFilter, Query()], db: Db) -> tuple[ScatterFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/scatter",
    summary="Cycle time of each finished item",
    response_model=CycleTimeScatter,
    responses=csv_documented("the points as a table")
    | documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def scatter(
    asked: Annotated[tuple[ScatterFilter, Scope], Depends(_asked)], request: Request, db: Db
) -> CycleTimeScatter | Response:
    """Plot a point (finished, cycle time) per item finished in the window, and percentile lines.

    The lines are about all items of the window, also when `limit` leaves out points; the answer
    then says `truncated`, a table the header `X-Truncated`.
    """
    chosen, scope = asked
    found = await measure_groups(
        db,
        scope,
        lambda db, each: plot_cycle_times(db, each, chosen.promise, chosen.limit),
        by_type=chosen.by_type,
    )
    if wants_csv(request):
        plotted = found.whole
        columns = [each.name for each in fields(ScatterPoint)]
        table = csv_response(columns, [asdict(point) for point in _points(plotted)], "scatter")
        table.headers["X-Truncated"] = str(plotted.truncated).lower()
        return table
    return CycleTimeScatter.of(scope, chosen, found)
