"""Whether the promise that could be made at a window's start was kept in it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from app.api.expectations import PromiseFilter, ServiceLevelExpectation
from app.api.explained import Explained, explanation, links_to
from app.api.problems import documented
from app.api.session import Db, UnitOfWork
from app.api.types import Answer
from app.domain import errors
from app.flow.expectation import CONFIDENCE, Attainment, Predictability, Verdict
from app.store.populations import Population
from app.usecases.check_predictability import check_predictability
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=UnitOfWork)


class SleAttainment(Answer):
    """How many of the window's items took at most the expected time."""

    finished: int
    within: int | None = Field(description="null without an expectation")
    share: float | None = Field(description="within / finished")
    low: float | None = Field(description="the true share lies between here")
    high: float | None = Field(description="and here, with the confidence given")
    confidence: float = Field(description="of the Clopper-Pearson interval")

    @classmethod
    def of(cls, attained: Attainment) -> "SleAttainment":
        """Render an attainment."""
        low, high = attained.interval or (None, None)
        return cls(
            finished=attained.finished,
            within=attained.within,
            share=attained.share,
            low=low,
            high=high,
            confidence=CONFIDENCE,
        )


class FlowPredictability(Explained):
    """How well the window's cycle times could be told before it began. Durations are hours."""

    expectation: ServiceLevelExpectation = Field(
        description="from the 90 days before the window: nothing in it was known"
    )
    sle_attainment: SleAttainment
    verdict: Verdict = Field(description="predictable: the interval contains `p` or lies above it")
    cycle_time_p50: float | None
    cycle_time_p85: float | None
    spread: float | None = Field(description="p85 / p50: 1 if all items took equally long")

    @classmethod
    def of(cls, scope: Scope, found: Predictability) -> "FlowPredictability":
        """Render the predictability of a scope."""
        return cls(
            **explanation(
                scope,
                sample_size=found.cycle.count,
                low_confidence=[each for each in found.cycle.low_confidence if each == "p85"],
                links=links_to(scope, Population.THROUGHPUT),
            ),
            expectation=ServiceLevelExpectation.of(found.attainment.expectation),
            sle_attainment=SleAttainment.of(found.attainment),
            verdict=found.attainment.verdict,
            cycle_time_p50=found.cycle.p50_hours,
            cycle_time_p85=found.cycle.p85_hours,
            spread=found.spread,
        )


async def _asked(asked: Annotated[PromiseFilter, Query()], db: Db) -> tuple[PromiseFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/predictability",
    summary="Was the service level expectation met",
    responses=documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def flow_predictability(
    asked: Annotated[tuple[PromiseFilter, Scope], Depends(_asked)], db: Db
) -> FlowPredictability:
    """State what could be promised at the window's start, and hold the window against it.

    The promise is an order statistic of the cycle times of the 90 days before. The share that kept
    it comes with an exact 95 % interval.
    """
    chosen, scope = asked
    return FlowPredictability.of(scope, await check_predictability(db, scope, chosen.promise))
