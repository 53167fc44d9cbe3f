"""Little's law: does average WIP follow from throughput and cycle time, and if not, why."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, grouped_csv, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.calendar import US_PER_HOUR
from app.flow.littles_law import LittlesLaw, Verdict
from app.store.populations import Population
from app.usecases.check_littles_law import check_littles_law
from app.usecases.measure_groups import Groups, measure_groups
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)


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


class LawTerms(Answer):
    """The law's terms over the window, in days and items."""

    started: int
    wip_at_end: int
    avg_wip: float
    throughput_per_day: float
    avg_cycle_time_days: float | None
    predicted_wip: float | None = Field(description="throughput x average cycle time")
    gap: float | None = Field(description="predicted / average - 1")
    identity: Identity
    assumptions: list[LawAssumption]
    meaningful: bool = Field(description="10 items finished, and a window of twice the p85")
    verdict: Verdict | None = Field(description="null unless meaningful")


class TypeLaw(LawTerms):
    """The law's terms for the items of one type."""

    type: WorkItemType
    sample_size: int


class LawCheck(Explained, LawTerms):
    """Little's law over a window."""

    groups: list[TypeLaw] | None = Field(None, description="with `group_by=type`")

    @classmethod
    def of(cls, scope: Scope, asked: GroupFilter, found: Groups[LittlesLaw]) -> Self:
        """Render the terms of a scope."""
        law = found.whole
        return cls(
            **explanation(
                scope,
                sample_size=law.throughput,
                excluded=found.left_out,
                links=links_to(
                    scope,
                    Population.THROUGHPUT,
                    Population.STARTED,
                    Population.DISCARDED,
                    Population.WIP_AT_END,
                ),
            ),
            **_terms(law),
            groups=[
                TypeLaw(type=kind, sample_size=each.throughput, **_terms(each))
                for kind, each in found.by_type.items()
            ]
            if asked.by_type
            else None,
        )


def _terms(law: LittlesLaw) -> dict[str, Any]:
    """Return the fields of LawTerms."""
    same = (
        "started",
        "wip_at_end",
        "avg_wip",
        "throughput_per_day",
        "avg_cycle_time_days",
        "predicted_wip",
        "gap",
    )
    return {name: getattr(law, name) for name in (*same, "meaningful", "verdict")} | {
        "identity": Identity(
            wip=law.wip_us / US_PER_HOUR,
            exits=law.exited_us / US_PER_HOUR,
            reentries=law.reentered_us / US_PER_HOUR,
            at_start=law.residence_at_start_us / US_PER_HOUR,
            at_end=law.residence_at_end_us / US_PER_HOUR,
        ),
        "assumptions": [LawAssumption.model_validate(each) for each in law.assumptions],
    }


def _row(terms: LawTerms) -> dict[str, Any]:
    """Return the terms as a row: those of the identity and the assumptions by their names."""
    plain = terms.model_dump(include={*LawTerms.model_fields} - {"identity", "assumptions"})
    identity = {f"identity_{name}": value for name, value in terms.identity.model_dump().items()}
    return plain | identity | {each.name: each.value for each in terms.assumptions}


async def _asked(asked: Annotated[GroupFilter, Query()], db: Db) -> tuple[GroupFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/metrics/littles-law",
    summary="Little's law",
    response_model=LawCheck,
    responses=csv_documented("the terms as a row, with `group_by` a row for each type")
    | documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def little_law_check(
    asked: Annotated[tuple[GroupFilter, Scope], Depends(_asked)], request: Request, db: Db
) -> LawCheck | Response:
    """Compare average WIP with throughput x cycle time, and tell what makes the difference.

    A check on averages of the past; it forecasts nothing.
    """
    chosen, scope = asked
    found = await measure_groups(db, scope, check_littles_law, by_type=chosen.by_type)
    answer = LawCheck.of(scope, chosen, found)
    if not wants_csv(request):
        return answer
    return grouped_csv(list(_row(answer)), answer, lambda each: [_row(each)], "littles-law")
