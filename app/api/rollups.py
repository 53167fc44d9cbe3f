"""Kept figures of whole days, weeks and months."""

from datetime import date, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer, Instant, Name
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.flow.calendar import Window
from app.flow.percentile import low_confidence
from app.flow.periods import PeriodType
from app.store import measurements, rollups, transitions, value_streams
from app.store.populations import Population
from app.usecases.scope import Scope

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)


class RollupFilter(RequestModel):
    """Which periods are asked for."""

    period_type: PeriodType = Field(PeriodType.DAY, description="how long the periods are")
    start: Instant | None = Field(None, description="only periods that begin then or later")
    end: Instant | None = Field(None, description="only periods that are over by then")
    stream: Name | None = Field(None, description="value stream; unsaid: the default one")
    type: WorkItemType | None = Field(None, description="items of this type; unsaid: all items")


class Rollup(Answer):
    """The flow of one whole period. Durations are hours, null when nothing was finished."""

    date: date
    period_start: datetime
    period_end: datetime = Field(description="excluded")
    throughput: int = Field(description="items finished for the first time")
    wip: float = Field(description="items in process, averaged over the period's time")
    wip_at_end: int
    cycle_time_avg: float | None = Field(description="first start to first finish")
    cycle_time_p50: float | None
    cycle_time_p85: float | None
    cycle_time_p95: float | None
    lead_time_avg: float | None = Field(description="creation to first finish")
    lead_time_p50: float | None
    lead_time_p85: float | None
    lead_time_p95: float | None
    created: int
    started: int
    discarded: int
    reopened: int
    recompleted: int
    definitions_version: int
    recomputed_at: datetime = Field(description="when these figures last changed")
    stale: bool = Field(description="changed meanwhile; computed again within minutes")

    @classmethod
    def of(cls, row: Any) -> "Rollup":
        """Render a kept period; counts have no `_n` here."""
        named = {name.removesuffix("_n"): value for name, value in row._asdict().items()}
        return cls.model_validate(named)


class Rollups(Explained):
    """The kept periods of a stream, oldest first; the window is that of all periods together."""

    period_type: PeriodType
    type: WorkItemType | None
    filled_until: datetime | None = Field(description="how far periods are kept; null: not yet")
    low_confidence: list[str] = Field(
        description="percentiles that even the period with most items cannot support"
    )
    periods: list[Rollup]

    @classmethod
    def of(
        cls, asked: RollupFilter, scope: Scope, until: datetime | None, periods: list[Rollup]
    ) -> Self:
        """Render the periods of a scope, which are kept until then."""
        finished = [period.throughput for period in periods]
        left_out = {
            "cancelled": sum(period.discarded for period in periods),
            "in_progress": periods[-1].wip_at_end if periods else 0,
        }
        return cls(
            **explanation(
                scope,
                sample_size=sum(finished),
                excluded=left_out if periods else {},
                low_confidence=low_confidence(max(finished, default=0)),
                links=links_to(scope, *_LISTED) if periods else {},
            ),
            period_type=asked.period_type,
            type=asked.type,
            filled_until=until,
            periods=periods,
        )


_LISTED = (
    Population.THROUGHPUT,
    Population.STARTED,
    Population.CREATED,
    Population.DISCARDED,
    Population.REOPENED,
    Population.RECOMPLETED,
    Population.WIP_AT_END,
)
"""The numbers whose items are to be had for all periods together."""


async def _scope(
    db: Db, asked: RollupFilter, stream: ValueStream, until: datetime | None, periods: list[Rollup]
) -> Scope:
    """Return the time of all periods together, as of now; an instant where there are none."""
    now = await transitions.clock(db)
    start = periods[0].period_start if periods else asked.start or now
    end = periods[-1].period_end if periods else start
    beyond = asked.end is not None and (until is None or asked.end > until)
    return Scope(
        stream=stream,
        window=Window(start, end, as_of=now, partial=beyond),
        tz=stream.zone_info,
        types=None if asked.type is None else [asked.type],
        extent=await measurements.extent(db, stream.id, now),
    )


@router.get(
    "/metrics/rollups",
    summary="Kept figures of whole days, weeks and months",
    responses={**csv_documented(), **documented(errors.InvalidValue, errors.UnknownStream)},
    response_model=Rollups,
)
async def read_rollups(
    asked: Annotated[RollupFilter, Query()], request: Request, db: Db
) -> Rollups | Response:
    """Read what is kept: nothing is computed, so years of days come at once.

    Periods are local days, ISO weeks and months in the stream's time zone, and only whole ones; a
    day is kept about a quarter of an hour after its end. The period under way is in
    `/api/v1/metrics`.
    """
    stream = await value_streams.load(db, asked.stream)
    kept = await rollups.kept(db, stream.id)
    rows = await rollups.rows(db, stream, asked.period_type, asked.type, asked.start, asked.end)
    periods = [Rollup.of(row) for row in rows]
    if wants_csv(request):
        table = [period.model_dump() for period in periods]
        return csv_response(list(Rollup.model_fields), table, f"rollups-{asked.period_type}")
    until = kept.filled_until if kept else None
    return Rollups.of(asked, await _scope(db, asked, stream, until, periods), until, periods)
