"""The histogram of cycle or lead times."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, grouped_csv, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.slowest import Slowest, rendered
from app.api.types import Answer, dumped
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.histogram import Duration, Histogram
from app.store.populations import Population
from app.usecases.bin_durations import Binned, bin_durations
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=Analysis)


class HistogramFilter(GroupFilter):
    """Which part of the flow is asked about, and which durations."""

    duration: Duration = Field(
        Duration.CYCLE, description="`cycle`: from the start of work; `lead`: from creation"
    )


class HistogramBin(Answer):
    """The items that took from `from_hours` up to, but not including, `to_hours`."""

    from_hours: int
    to_hours: int
    count: int
    share: float


class TypeHistogram(Answer):
    """The durations of the items of one type, in bins as wide as those of all items."""

    type: WorkItemType
    sample_size: int
    bins: list[HistogramBin]


class DurationHistogram(Explained):
    """How many items took how long, in bins of equal width."""

    duration: Duration
    width_hours: int | None = Field(description="chosen from the data; null without items")
    bins: list[HistogramBin] = Field(description="from 0 to the longest, empty ones included")
    slowest: Slowest
    groups: list[TypeHistogram] | None = Field(
        None, description="with `group_by=type`: bin by bin they add up to `bins`"
    )

    @classmethod
    def of(cls, scope: Scope, asked: HistogramFilter, found: Binned) -> "DurationHistogram":
        """Render the histogram of a scope."""
        return cls(
            **explanation(
                scope,
                sample_size=found.whole.count,
                excluded=found.left_out,
                links=links_to(scope, Population.THROUGHPUT),
            ),
            duration=asked.duration,
            width_hours=found.whole.width_hours,
            bins=_bins(found.whole),
            slowest=rendered(found.slowest),
            groups=[
                TypeHistogram(type=kind, sample_size=each.count, bins=_bins(each))
                for kind, each in found.by_type.items()
            ]
            if asked.by_type
            else None,
        )


def _bins(found: Histogram) -> list[HistogramBin]:
    return [
        HistogramBin(
            from_hours=each.from_hours,
            to_hours=each.to_hours,
            count=each.count,
            share=each.count / found.count,
        )
        for each in found.bins
    ]


async def _asked(
    asked: Annotated[HistogramFilter, Query()], db: Db
) -> tuple[HistogramFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/histogram",
    summary="Cycle or lead times in bins of equal width",
    response_model=DurationHistogram,
    responses=csv_documented("the bins as a table, with `group_by` those of each type")
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
    answer = DurationHistogram.of(scope, chosen, found)
    if not wants_csv(request):
        return answer
    columns = list(HistogramBin.model_fields)
    return grouped_csv(columns, answer, lambda each: dumped(each.bins), "histogram")
