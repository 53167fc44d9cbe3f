"""Flow over time: the same metrics for each day, week or month of a window."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.buckets import BucketSize
from app.flow.percentile import low_confidence
from app.flow.series import SeriesPoint
from app.store.populations import Population
from app.usecases.measure_series import FlowSeries, SeriesMeasured, measure_series
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)


class SeriesFilter(GroupFilter):
    """Which part of the flow is asked about, and in which steps of time."""

    bucket: BucketSize = Field(BucketSize.DAY, description="local days, ISO weeks or months")


class BucketPoint(Answer):
    """The flow of one bucket. Durations are hours, null when nothing was finished in it."""

    label: str = Field(examples=["2025-03-03", "2025-W10", "2025-03"])
    start: datetime
    end: datetime = Field(description="excluded")
    partial: bool = Field(description="the window holds only a piece of this day, week or month")
    throughput: int
    throughput_per_day: float
    started: int
    created: int
    discarded: int
    reopened: int
    recompleted: int
    wip: float = Field(description="items in process, averaged over the bucket's time")
    wip_at_end: int
    cycle_time_avg: float | None
    cycle_time_p50: float | None
    cycle_time_p85: float | None
    cycle_time_p95: float | None
    lead_time_avg: float | None
    lead_time_p50: float | None
    lead_time_p85: float | None
    lead_time_p95: float | None

    @classmethod
    def of(cls, point: SeriesPoint) -> "BucketPoint":
        """Render a point."""
        durations = {
            f"{clock}_time_{name}": getattr(sample, f"{name}_hours")
            for clock, sample in (("cycle", point.cycle), ("lead", point.lead))
            for name in ("avg", "p50", "p85", "p95")
        }
        figures = {
            name: getattr(point if hasattr(point, name) else point.bucket, name)
            for name in cls.model_fields
            if name not in durations
        }
        return cls(**figures, **durations)


class Limits(Answer):
    """Within which weekly throughput varies by itself, from the XmR chart of whole weeks."""

    mean: float
    upper: float = Field(description="mean + 2.66 x mean difference of successive weeks")
    lower: float = Field(description="mean - as much, at least 0")
    points: int = Field(description="whole weeks since the first item that these rest on")


class OneSeries(Answer):
    """The points of all items, or of those of one type."""

    type: WorkItemType | None = Field(description="null: all items of the scope together")
    throughput_limits: Limits | None = Field(description="null unless there are 10 whole weeks")
    points: list[BucketPoint]

    @classmethod
    def of(cls, series: FlowSeries) -> "OneSeries":
        """Render a series."""
        return cls(
            type=series.type,
            throughput_limits=Limits(**asdict(series.limits)) if series.limits else None,
            points=[BucketPoint.of(point) for point in series.points],
        )


class FlowOverTime(Explained):
    """Series of flow metrics; a bucket in which nothing happened has a point of zeros."""

    bucket: BucketSize
    series: list[OneSeries]

    @classmethod
    def of(cls, scope: Scope, size: BucketSize, found: SeriesMeasured) -> "FlowOverTime":
        """Render all series of a scope."""
        points = [point for series in found.series for point in series.points]
        sample_size = sum(point.throughput for point in points)
        explained = explanation(
            scope,
            sample_size=sample_size,
            excluded=found.left_out,
            low_confidence=low_confidence(sample_size),
            links=links_to(
                scope,
                Population.THROUGHPUT,
                Population.STARTED,
                Population.CREATED,
                Population.DISCARDED,
                Population.REOPENED,
                Population.RECOMPLETED,
                Population.WIP_AT_END,
            ),
        )
        return cls(**explained, bucket=size, series=[OneSeries.of(each) for each in found.series])


async def _filter(asked: Annotated[SeriesFilter, Query()]) -> SeriesFilter:
    return asked


@router.get(
    "/metrics/series",
    summary="Flow metrics by day, week or month",
    response_model=FlowOverTime,
    responses={
        **csv_documented(),
        **documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
    },
)
async def flow_over_time(
    request: Request, asked: Annotated[SeriesFilter, Depends(_filter)], db: Db
) -> FlowOverTime | Response:
    """Throughput, arrivals, WIP, cycle and lead time of each bucket, empty ones included.

    With `bucket=week` and 10 whole weeks, also the limits within which throughput varies by itself.
    """
    scope = await resolve(db, asked.question())
    found = await measure_series(db, scope, asked.bucket, by_type=asked.by_type)
    answer = FlowOverTime.of(scope, asked.bucket, found)
    if wants_csv(request):
        rows = [
            {"type": series.type, **point.model_dump()}
            for series in answer.series
            for point in series.points
        ]
        return csv_response(["type", *BucketPoint.model_fields], rows, "series")
    return answer
