"""Flow metrics: how much, how long, how much at once."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.problems import documented
from app.api.session import Db, UnitOfWork
from app.api.types import Answer, Instant, Name, TimeZone, zone
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.usecases.measure import Measurement, Question, measure

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=UnitOfWork)


class FlowFilter(RequestModel):
    """Which part of the flow is asked about."""

    days: int | None = Field(None, ge=1, le=90, description="rolling window; unsaid: 7")
    start: Instant | None = Field(None, description="start of the window, included")
    end: Instant | None = Field(None, description="end of the window, excluded; unsaid: `as_of`")
    as_of: Instant | None = Field(None, description="as things stood then; unsaid: now")
    tz: TimeZone | None = Field(None, description="IANA zone; unsaid: the stream's own")
    stream: Name | None = Field(None, description="value stream; unsaid: the default one")
    type: list[WorkItemType] | None = Field(None, description="only these types; repeatable")
    exclude_types: list[WorkItemType] | None = Field(None, description="all but these types")


class Definitions(Answer):
    """What the words mean here."""

    cycle_time_start: str = "commitment"
    start_stage: str
    finish: str = "first_done"
    percentile: str = "cont"
    window: str = "[start,end)"


class FlowMetrics(Answer):
    """The flow of one window. Durations are hours, null when nothing was finished."""

    period_start: datetime
    period_end: datetime = Field(description="excluded")
    timezone: str
    as_of: datetime
    partial: bool = Field(description="the window was cut off at `as_of`")
    before_first_data: bool
    last_event_at: datetime | None
    definitions_version: int
    definitions: Definitions
    throughput: int = Field(description="items finished for the first time")
    throughput_per_day: float
    wip: float = Field(description="items in process, averaged over the window's time")
    wip_now: int = Field(description="items in process at `as_of`")
    wip_at_end: int
    open_items: int = Field(description="created, neither finished nor cancelled, at the end")
    backlog_items: int = Field(description="waiting to be started, at the end")
    cycle_time_avg: float | None = Field(description="first start to first finish")
    cycle_time_p50: float | None
    cycle_time_p85: float | None
    cycle_time_p95: float | None
    cycle_time_count: int
    lead_time_avg: float | None = Field(description="creation to first finish")
    lead_time_p50: float | None
    lead_time_p85: float | None
    lead_time_p95: float | None
    lead_time_count: int
    parked_time_total: float = Field(description="part of the cycle times spent back in todo")
    started: int
    created: int
    reopened: int
    recompleted: int
    net_completed: int
    decommits: int
    discarded: int
    discarded_started: int
    sample_size: int
    low_confidence: list[str] = Field(description="percentiles that so few items cannot support")

    @classmethod
    def of(cls, measured: Measurement) -> "FlowMetrics":
        """Render a measurement."""
        summary, window = measured.summary, measured.window
        start_stage = next(
            stage.name
            for stage in measured.stream.stages
            if stage.order == measured.stream.start_order
        )
        same_name: dict[str, Any] = {
            name: getattr(summary, name) for name in cls.model_fields if hasattr(summary, name)
        }
        return cls(
            **same_name,
            period_start=window.start,
            period_end=window.end,
            timezone=str(measured.tz),
            as_of=window.as_of,
            partial=window.partial,
            before_first_data=measured.before_first_data,
            last_event_at=measured.extent.last_event_at,
            definitions_version=measured.stream.definitions_version,
            definitions=Definitions(start_stage=start_stage),
            cycle_time_count=summary.cycle.count,
            lead_time_count=summary.lead.count,
            sample_size=summary.cycle.count,
            parked_time_total=summary.parked_us / 3.6e9,
        )


@router.get(
    "/metrics",
    summary="Flow metrics of a window",
    responses=documented(errors.InvalidValue, errors.UnknownStream),
)
async def flow_metrics(asked: Annotated[FlowFilter, Query()], db: Db) -> FlowMetrics:
    """Throughput, WIP, cycle and lead time of `days` back from now, or of `start` to `end`.

    An item counts once, in the window of its first finish; cancelled items never count.
    """
    question = Question(
        stream=asked.stream,
        days=asked.days,
        start=asked.start,
        end=asked.end,
        as_of=asked.as_of,
        tz=zone(asked.tz) if asked.tz else None,
        types=_types(asked),
    )
    return FlowMetrics.of(await measure(db, question))


def _types(asked: FlowFilter) -> list[WorkItemType] | None:
    """Return the types asked for, None when all are."""
    if asked.type is None and asked.exclude_types is None:
        return None
    excluded = asked.exclude_types or []
    return [kind for kind in (asked.type or list(WorkItemType)) if kind not in excluded]
