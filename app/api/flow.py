"""Flow metrics of a window: how much, how long, how much at once."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.api.explained import Explained, explanation, items_link
from app.api.filters import Scoped
from app.api.problems import documented
from app.api.session import Db, UnitOfWork
from app.domain import errors
from app.flow.calendar import US_PER_HOUR
from app.flow.summary import FlowSummary
from app.store.populations import Population
from app.usecases.measure import measure
from app.usecases.scope import Scope

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=UnitOfWork)


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


class FlowMetrics(Explained):
    """The flow of one window. Durations are hours, null when nothing was finished."""

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

    @classmethod
    def of(cls, scope: Scope, summary: FlowSummary) -> "FlowMetrics":
        """Render the summary of a scope."""
        explained = explanation(
            scope,
            sample_size=summary.cycle.count,
            excluded={
                "cancelled": summary.discarded,
                "in_progress": summary.wip_at_end,
                "not_started": summary.backlog_items,
            },
            low_confidence=summary.low_confidence,
            links={name: items_link(scope, population) for name, population in LINKS.items()},
        )
        same_name: dict[str, Any] = {
            name: getattr(summary, name)
            for name in cls.model_fields
            if name not in explained and hasattr(summary, name)
        }
        return cls(
            **explained,
            **same_name,
            cycle_time_count=summary.cycle.count,
            lead_time_count=summary.lead.count,
            parked_time_total=summary.parked_us / US_PER_HOUR,
        )


@router.get(
    "/metrics",
    summary="Flow metrics of a window",
    responses=documented(errors.InvalidValue, errors.UnknownStream),
)
async def flow_metrics(scope: Scoped, db: Db) -> FlowMetrics:
    """Throughput, WIP, cycle and lead time of `days` back from now, or of `start` to `end`.

    An item counts once, in the window of its first finish; cancelled items never count.
    """
    return FlowMetrics.of(scope, await measure(db, scope))
