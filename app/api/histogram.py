"""The histogram of cycle or lead times."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to
from app.api.filters import FlowFilter
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Db, UnitOfWork
from app.api.types import Answer
from app.domain import errors
from app.flow.histogram import Duration, Histogram
from app.store.populations import Population
from app.usecases.bin_durations import bin_durations
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=UnitOfWork)


class HistogramFilter(FlowFilter):
    """Which part of the flow is asked about, and which duration."""

    duration: Duration = Field(
        Duration.CYCLE, description="`cycle`: from the start of work; `lead`: from creation"
    )


class HistogramBin(Answer):
    """The items that took from `from_hours` up to, but not including, `to_hours`."""

    from_hours: int
    to_hours: int
    count: int
    share: float


class DurationHistogram(Explained):
    """How many items took how long, in bins of equal width."""

    duration: Duration
    width_hours: int | None = Field(description="chosen from the data; null without items")
    bins: list[HistogramBin] = Field(description="from 0 to the longest, empty ones included")

    @classmethod
    def of(cls, scope: Scope, duration: Duration, found: Histogram) -> "DurationHistogram":
        """Render the histogram of a scope."""
        return cls(
            **explanation(
                scope, sample_size=found.count, links=links_to(scope, Population.THROUGHPUT)
            ),
            duration=duration,
            width_hours=found.width_hours,
            bins=[
                HistogramBin(
                    from_hours=each.from_hours,
                    to_hours=each.to_hours,
                    count=each.count,
                    share=each.count / found.count,
                )
                for each in found.bins
            ],
        )


async def _asked(
    asked: Annotated[HistogramFilter, Query()], db: Db
) -> tuple[HistogramFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/histogram",
    summary="Cycle or lead times in bins of equal width",
    response_model=DurationHistogram,
    responses=csv_documented("the bins as a table")
    | documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def duration_histogram(
    asked: Annotated[tuple[HistogramFilter, Scope], Depends(_asked)], request: Request, db: Db
) -> DurationHistogram | Response:
    """How many of the items finished in the window took how long.

    The bins' width follows the spread and the number of items: 1, 2, 4, 8 or 12 hours, 1, 2 or 3
    days, 1, 2 or 4 weeks, or a doubling of these. The counts add up to `sample_size`.
    """
    chosen, scope = asked
    found = await bin_durations(db, scope, chosen.duration)
    answer = DurationHistogram.of(scope, chosen.duration, found)
    if wants_csv(request):
        rows = [each.model_dump() for each in answer.bins]
        return csv_response(list(HistogramBin.model_fields), rows, "histogram")
    return answer
