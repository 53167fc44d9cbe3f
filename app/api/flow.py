"""Flow metrics of a window: how much, how long, how much at once."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, items_link
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.slowest import Slowest, rendered
from app.api.stage_metrics import Share, StageMetrics, stages_of
from app.api.types import Answer
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.calendar import US_PER_HOUR
from app.flow.histogram import Duration
from app.flow.summary import FlowSummary
from app.flow.value_stream_map import NoEfficiency, ValueStreamMap
from app.store.populations import Population
from app.usecases.measure import Measurement, measure
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)


LINKS = {
    "throughput": Population.THROUGHPUT,
    "cycle_time": Population.THROUGHPUT,
    "lead_time": Population.THROUGHPUT,
    "started": Population.STARTED,
    "created": Population.CREATED,
    "discarded": Population.DISCARDED,
    "reopened": Population.REOPENED,
    "recompleted": Population.RECOMPLETED,
    "decommits": Population.DECOMMITTED,
    "wip_now": Population.WIP_NOW,
    "wip_at_end": Population.WIP_AT_END,
    "open_items": Population.OPEN,
    "backlog_items": Population.BACKLOG,
}
"""Which population lists the items behind each number. Of items that were reopened twice in the
window, the list has one entry where the number counts two."""


class FlowNumbers(Answer):
    """How much, how long, how much at once. Durations are hours, null when nothing finished."""

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


class DataQuality(Answer):
    """How often the data contradict themselves; `/api/v1/data-quality` names the items."""

    from_mismatch: int = Field(description="moves whose sender named another stage as left")
    items_without_transition: int
    created_after_first_transition: int
    self_transitions: int = Field(description="moves to the stage in force: no moves")
    ignored_future: int = Field(description="moves later than `as_of`")


class SlowestItems(Answer):
    """The items that took longest, by either duration."""

    cycle_time: Slowest
    lead_time: Slowest


class FlowFigures(FlowNumbers):
    """The same with what becomes of the time, how good the work is, and every stage."""

    flow_efficiency: Share = Field(description="active time / cycle time; an upper bound")
    flow_efficiency_reason: NoEfficiency | None = Field(description="why there is none")
    activity_ratio: Share = Field(description="active time / lead time; an upper bound")
    first_time_through: Share = Field(description="share of the items without a rework move")
    rework_rate: Share = Field(description="share of the items with a rework move")
    rework_time_share: Share = Field(description="part of the cycle times spent on rework")
    rolled_ca: Share = Field(description="product of every stage's `pct_ca`")
    blocked_time: float | None = Field(
        description="part of all cycle times in which items were blocked; null: nobody tells"
    )
    stages: list[StageMetrics]


class TypeFlow(FlowFigures):
    """The flow of the items of one type."""

    type: WorkItemType
    sample_size: int
    low_confidence: list[str] = Field(description="percentiles that so few items cannot support")

    @classmethod
    def of(cls, scope: Scope, summary: FlowSummary, found: ValueStreamMap) -> Self:
        """Render the flow of a scope of one type."""
        [kind] = scope.kinds
        return cls(
            type=kind,
            sample_size=summary.cycle.count,
            low_confidence=summary.low_confidence,
            **_figures(scope, summary, found),
        )


class FlowMetrics(Explained, FlowFigures):
    """The flow of one window: as a whole, by type, and stage by stage."""

    slowest: SlowestItems
    by_type: dict[WorkItemType, FlowNumbers] = Field(description="the same for each type asked for")
    data_quality: DataQuality
    groups: list[TypeFlow] | None = Field(
        None, description="with `group_by=type`: `by_type` with stages and quality"
    )

    @classmethod
    def of(cls, scope: Scope, measured: Measurement, *, by_type: bool = False) -> Self:
        """Render a measurement of the scope; `by_type`: with its groups."""
        summary, maps = measured.summary, measured.maps_by_type
        explained = explanation(
            scope,
            sample_size=summary.cycle.count,
            excluded=left_out_of_summary(summary),
            low_confidence=summary.low_confidence,
            links={name: items_link(scope, population) for name, population in LINKS.items()},
        )
        return cls(
            **explained,
            **_figures(scope, summary, measured.map),
            slowest=_slowest(measured),
            by_type={kind: FlowNumbers(**numbers(each)) for kind, each in measured.by_type.items()},
            data_quality=DataQuality(**measured.contradictions),
            groups=[
                TypeFlow.of(alone, measured.by_type[kind], maps[kind])
                for kind, alone in scope.of_each_type().items()
            ]
            if by_type
            else None,
        )


def _figures(scope: Scope, summary: FlowSummary, found: ValueStreamMap) -> dict[str, Any]:
    """Return the fields of FlowFigures."""
    ladder, quality = found.ladder, found.quality
    return {
        **numbers(summary),
        "flow_efficiency": ladder.flow_efficiency,
        "flow_efficiency_reason": ladder.no_efficiency,
        "activity_ratio": ladder.activity_ratio,
        "first_time_through": quality.first_time_through,
        "rework_rate": quality.rework_rate,
        "rework_time_share": quality.rework_time_share,
        "rolled_ca": quality.rolled_complete_and_accurate,
        "blocked_time": None if ladder.blocked_us is None else ladder.blocked_us / US_PER_HOUR,
        "stages": stages_of(scope, found),
    }


def _slowest(measured: Measurement) -> SlowestItems:
    return SlowestItems(
        cycle_time=rendered(measured.slowest[Duration.CYCLE]),
        lead_time=rendered(measured.slowest[Duration.LEAD]),
    )


def left_out_of_summary(summary: FlowSummary) -> dict[str, int]:
    """Return by reason the items that the durations of a summary are not about."""
    return {
        "cancelled": summary.discarded,
        "in_progress": summary.wip_at_end,
        "not_started": summary.backlog_items,
    }


def numbers(summary: FlowSummary) -> dict[str, Any]:
    """Return the fields of FlowNumbers; most have the summary's own names."""
    other = {
        "cycle_time_count": summary.cycle.count,
        "lead_time_count": summary.lead.count,
        "parked_time_total": summary.parked_us / US_PER_HOUR,
    }
    same = [name for name in FlowNumbers.model_fields if name not in other]
    return other | {name: getattr(summary, name) for name in same}


async def _asked(asked: Annotated[GroupFilter, Query()], db: Db) -> tuple[GroupFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/metrics",
    summary="Flow metrics of a window",
    response_model=FlowMetrics,
    responses={
        **csv_documented(
            "a row for all types together, without it with `group_by`, and one for each"
        ),
        **documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
    },
)
async def flow_metrics(
    asked: Annotated[tuple[GroupFilter, Scope], Depends(_asked)], db: Db, request: Request
) -> FlowMetrics | Response:
    """Throughput, WIP, cycle and lead time of `days` back from now, or of `start` to `end`.

    An item counts once, in the window of its first finish; cancelled items never count.
    """
    chosen, scope = asked
    measured = await measure(db, scope, by_type=chosen.by_type)
    if not wants_csv(request):
        return FlowMetrics.of(scope, measured, by_type=chosen.by_type)
    rows = [] if chosen.by_type else [{"type": "", **numbers(measured.summary)}]
    rows += [{"type": kind, **numbers(each)} for kind, each in measured.by_type.items()]
    return csv_response(["type", *FlowNumbers.model_fields], rows, "metrics")
