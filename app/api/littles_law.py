"""Little's law: does average WIP follow from throughput and cycle time, and if not, why."""

from fastapi import APIRouter
from pydantic import Field

from app.api.explained import Explained, explanation, links_to
from app.api.filters import Scoped
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.flow.littles_law import LittlesLaw, Verdict
from app.store.populations import Population
from app.usecases.check_littles_law import check_littles_law
from app.usecases.scope import Scope

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)

_US_PER_HOUR = 3.6e9


class LawAssumption(Answer):
    """A condition of the law, with how far it is from being met."""

    name: str
    value: float | None = Field(description="0 at best; null when nothing happened")
    holds: bool = Field(description="at most 0.1 from 0")


class Identity(Answer):
    """What always holds, in item-hours: wip = exits - reentries + at_end - at_start.

    The time items have spent in process so far, summed over those that left it, came back to it,
    and are in it at the window's start and end.
    """

    wip: float = Field(description="integral of WIP over the window")
    exits: float
    reentries: float
    at_start: float
    at_end: float


class LawCheck(Explained):
    """Little's law over the window, in days and items."""

    avg_wip: float
    throughput_per_day: float
    avg_cycle_time_days: float | None
    predicted_wip: float | None = Field(description="throughput x average cycle time")
    gap: float | None = Field(description="predicted / average - 1")
    identity: Identity
    assumptions: list[LawAssumption]
    meaningful: bool = Field(description="10 items finished, and a window of twice the p85")
    verdict: Verdict | None = Field(description="null unless meaningful")

    @classmethod
    def of(cls, scope: Scope, law: LittlesLaw) -> "LawCheck":
        """Render the terms of a scope."""
        return cls(
            **explanation(
                scope,
                sample_size=law.throughput,
                excluded={
                    "cancelled": law.discarded_started,
                    "in_progress": law.wip_at_end,
                },
                links=links_to(
                    scope,
                    Population.THROUGHPUT,
                    Population.STARTED,
                    Population.DISCARDED,
                    Population.WIP_AT_END,
                ),
            ),
            avg_wip=law.avg_wip,
            throughput_per_day=law.throughput_per_day,
            avg_cycle_time_days=law.avg_cycle_time_days,
            predicted_wip=law.predicted_wip,
            gap=law.gap,
            identity=Identity(
                wip=law.wip_us / _US_PER_HOUR,
                exits=law.exited_us / _US_PER_HOUR,
                reentries=law.reentered_us / _US_PER_HOUR,
                at_start=law.residence_at_start_us / _US_PER_HOUR,
                at_end=law.residence_at_end_us / _US_PER_HOUR,
            ),
            assumptions=[LawAssumption.model_validate(each) for each in law.assumptions],
            meaningful=law.meaningful,
            verdict=law.verdict,
        )


@router.get(
    "/metrics/littles-law",
    summary="Little's law",
    responses=documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def little_law_check(scope: Scoped, db: Db) -> LawCheck:
    """Compare average WIP with throughput x cycle time, and tell what makes the difference.

    A check on averages of the past; it forecasts nothing.
    """
    return LawCheck.of(scope, await check_littles_law(db, scope))
