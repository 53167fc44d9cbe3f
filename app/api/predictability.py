"""Whether the promise that could be made at a window's start was kept in it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.expectations import PromiseFilter, ServiceLevelExpectation
from app.api.explained import Explained, explanation, links_to
from app.api.negotiation import csv_documented, grouped_csv, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.slowest import Slowest, rendered
from app.api.types import Answer
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.expectation import (
    CONFIDENCE,
    Attainment,
    Predictability,
    StatedLevel,
    Verdict,
)
from app.store.populations import Population
from app.usecases.check_predictability import Checked, check_predictability
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=Analysis)


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


class KeptPromise(Answer):
    """What could be promised, and how it was kept. Durations are hours."""

    expectation: ServiceLevelExpectation = Field(
        description="from the 90 days before the window: nothing in it was known"
    )
    sle_attainment: SleAttainment
    verdict: Verdict = Field(description="predictable: the interval contains `p` or lies above it")
    cycle_time_p50: float | None
    cycle_time_p85: float | None
    spread: float | None = Field(description="p85 / p50: 1 if all items took equally long")


class TypePredictability(KeptPromise):
    """The promise for the items of one type, and how it was kept."""

    type: WorkItemType
    sample_size: int


class StatedServiceLevel(Answer):
    """What the stream's team has promised, held against the window."""

    percent: int
    hours: float
    finished: int
    within: int = Field(description="items that took at most `hours`")
    share: float | None = Field(description="within / finished")
    kept: bool | None = Field(description="null when nothing was finished")

    @classmethod
    def of(cls, stated: StatedLevel) -> "StatedServiceLevel":
        """Render a service level."""
        return cls(
            percent=stated.level.percent,
            hours=stated.level.hours,
            finished=stated.finished,
            within=stated.within,
            share=stated.share,
            kept=stated.is_kept,
        )


class FlowPredictability(Explained, KeptPromise):
    """How well the window's cycle times could be told before it began."""

    stated_service_level: StatedServiceLevel | None = Field(
        description="of the stream's file; null without one"
    )
    slowest: Slowest
    groups: list[TypePredictability] | None = Field(None, description="with `group_by=type`")

    @classmethod
    def of(cls, scope: Scope, asked: PromiseFilter, found: Checked) -> "FlowPredictability":
        """Render the predictability of a scope."""
        cycle = found.whole.cycle
        return cls(
            **explanation(
                scope,
                sample_size=cycle.count,
                excluded=found.left_out,
                low_confidence=[each for each in cycle.low_confidence if each == "p85"],
                links=links_to(scope, Population.THROUGHPUT),
            ),
            **_kept(found.whole),
            stated_service_level=None
            if found.stated is None
            else StatedServiceLevel.of(found.stated),
            slowest=rendered(found.slowest),
            groups=[
                TypePredictability(type=kind, sample_size=each.cycle.count, **_kept(each))
                for kind, each in found.by_type.items()
            ]
            if asked.by_type
            else None,
        )


def _kept(found: Predictability) -> dict[str, Any]:
    """Return the fields of KeptPromise."""
    return {
        "expectation": ServiceLevelExpectation.of(found.attainment.expectation),
        "sle_attainment": SleAttainment.of(found.attainment),
        "verdict": found.attainment.verdict,
        "cycle_time_p50": found.cycle.p50_hours,
        "cycle_time_p85": found.cycle.p85_hours,
        "spread": found.spread,
    }


async def _asked(asked: Annotated[PromiseFilter, Query()], db: Db) -> tuple[PromiseFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/predictability",
    summary="Was the service level expectation met",
    response_model=FlowPredictability,
    responses=csv_documented("the promise as a row, with `group_by` a row for each type")
    | documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def flow_predictability(
    asked: Annotated[tuple[PromiseFilter, Scope], Depends(_asked)], request: Request, db: Db
) -> FlowPredictability | Response:
    """State what could be promised at the window's start, and hold the window against it.

    The promise is an order statistic of the cycle times of the 90 days before. The share that kept
    it comes with an exact 95 % interval.
    """
    chosen, scope = asked
    found = await check_predictability(db, scope, chosen.promise, by_type=chosen.by_type)
    answer = FlowPredictability.of(scope, chosen, found)
    if not wants_csv(request):
        return answer
    return grouped_csv(list(_row(answer)), answer, lambda each: [_row(each)], "predictability")


def _row(kept: KeptPromise) -> dict[str, Any]:
    """Return a promise as a row: its parts by their names, one beside the other."""
    plain = kept.model_dump(include={"verdict", "cycle_time_p50", "cycle_time_p85", "spread"})
    expected = {f"expectation_{name}": value for name, value in dict(kept.expectation).items()}
    return expected | dict(kept.sle_attainment) | plain
