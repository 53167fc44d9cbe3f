"""The bottleneck of a value stream, with the evidence for it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to, links_to_stages
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, grouped_csv, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer, dumped
from app.domain import errors
from app.domain.value_stream import Category
from app.domain.work_item import WorkItemType
from app.flow import bottleneck as rules
from app.flow import resampling
from app.flow.bottleneck import Bottleneck, Evidence, Verdict
from app.store.populations import Population
from app.usecases.find_bottleneck import DEFAULT_DAYS, find_bottleneck
from app.usecases.measure_groups import Groups, measure_groups
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)

_US_PER_HOUR = 3.6e9


class BottleneckFilter(GroupFilter):
    """As for every flow metric, but over a longer time: evidence takes data."""

    days: int | None = Field(
        None, ge=1, le=90, description=f"rolling window; unsaid: {DEFAULT_DAYS}"
    )


async def _asked(
    asked: Annotated[BottleneckFilter, Query()], db: Db
) -> tuple[BottleneckFilter, Scope]:
    return asked, await resolve(db, asked.question(), default_days=DEFAULT_DAYS)


class Needed(Answer):
    """What a verdict needs, and what there is."""

    finished_items: int
    finished_items_needed: int = rules.MIN_FINISHED
    full_days: int = Field(description="whole local days since the first item")
    full_days_needed: int = rules.MIN_FULL_DAYS


class Method(Answer):
    """The constants of the tests, so that the numbers can be computed again."""

    resamples: int = resampling.RESAMPLES
    confidence_needed: float = rules.CONFIDENCE
    sign_flips: int = resampling.SIGN_FLIPS
    significance: float = rules.SIGNIFICANCE
    time_at_limit_needed: float = rules.AT_LIMIT
    seed: int = resampling.SEED


class StageEvidence(Answer):
    """The evidence for one stage in doing. Null: it cannot be told, or not from so few data."""

    rank: int = Field(description="by the share of time, from 1")
    stage_id: int
    stage: str
    order: int
    category: Category
    time_avg: float | None = Field(description="hours that a finished item spent in the stage")
    time_share: float | None = Field(description="E1: of the time of finished items in doing")
    longest_confidence: float | None = Field(
        description="E1: share of bootstrap resamples in which this stage is the longest"
    )
    is_longest: bool
    arrivals: int = Field(description="on full days")
    departures: int = Field(description="on full days, cancellations included")
    net_flow: int = Field(description="E2: arrivals - departures")
    growth_p: float | None = Field(description="E2: p-value of the sign-flip test")
    growth_p_adjusted: float | None = Field(description="E2: after Holm's adjustment")
    is_growing: bool
    wip_at_end: int = Field(description="items in the stage at the window's end")
    wip_limit: int | None
    time_at_limit: float | None = Field(description="E3: share of time at the limit or above")
    is_at_limit: bool
    next_stage: str | None
    next_stage_empty: float | None = Field(description="E4: share of time")

    @classmethod
    def of(cls, rank: int, evidence: Evidence, finished: int) -> "StageEvidence":
        """Render the evidence for a stage."""
        stage, queue = evidence.stage, evidence.queue
        return cls(
            rank=rank,
            stage_id=stage.id,
            stage=stage.name,
            order=stage.order,
            category=stage.category,
            time_avg=evidence.time_us / (finished * _US_PER_HOUR) if finished else None,
            time_share=evidence.share,
            longest_confidence=evidence.confidence,
            is_longest=evidence.is_longest,
            arrivals=sum(queue.arrivals),
            departures=sum(queue.departures),
            net_flow=sum(queue.net_flow),
            growth_p=evidence.p_value,
            growth_p_adjusted=evidence.p_adjusted,
            is_growing=evidence.is_growing,
            wip_at_end=queue.at_end,
            wip_limit=stage.wip_limit,
            time_at_limit=evidence.at_limit,
            is_at_limit=evidence.is_at_limit,
            next_stage=evidence.next_stage.name if evidence.next_stage else None,
            next_stage_empty=evidence.next_empty,
        )


class Claim(Answer):
    """Which stage holds the flow up, if the data show it, and the evidence for every stage."""

    observed_from: datetime = Field(description="start of the window, or the first item")
    verdict: Verdict
    stage: str | None = Field(description="the stage that the verdict names")
    seen_in: str | None = Field(description="the stage whose evidence it rests on")
    waits_for: str | None = Field(description="set if work queues in `seen_in`, a waiting stage")
    claim: str = Field(description="the verdict in words, with its numbers")
    needed: Needed
    stages: list[StageEvidence] = Field(description="largest share of time first")


class TypeClaim(Claim):
    """The same from the items of one type; limits are about all types, so there is no E3."""

    type: WorkItemType
    sample_size: int


class BottleneckAnswer(Explained, Claim):
    """The claim about all items, and what it was computed with."""

    method: Method
    groups: list[TypeClaim] | None = Field(None, description="with `group_by=type`")

    @classmethod
    def of(cls, scope: Scope, groups: Groups[Bottleneck], *, by_type: bool) -> "BottleneckAnswer":
        """Render the finding about a scope."""
        seen = groups.whole.observation
        return cls(
            **explanation(
                scope,
                sample_size=seen.finished,
                excluded=groups.left_out,
                links=links_to(scope, Population.THROUGHPUT)
                | links_to_stages(
                    scope, Population.IN_STAGE, stages=[queue.stage for queue in seen.queues]
                ),
            ),
            **_claim(groups.whole),
            method=Method(),
            groups=[
                TypeClaim(type=kind, sample_size=found.observation.finished, **_claim(found))
                for kind, found in groups.by_type.items()
            ]
            if by_type
            else None,
        )


def _claim(found: Bottleneck) -> dict[str, Any]:
    """Return the fields of Claim."""
    seen = found.observation
    return {
        "observed_from": seen.window.start,
        "verdict": found.verdict,
        "stage": found.stage.name if found.stage else None,
        "seen_in": found.seen_in.stage.name if found.seen_in else None,
        "waits_for": found.waits_for.name if found.waits_for else None,
        "claim": in_words(found),
        "needed": Needed(finished_items=seen.finished, full_days=seen.full_days),
        "stages": [
            StageEvidence.of(rank, each, seen.finished)
            for rank, each in enumerate(found.ranking, start=1)
        ],
    }


def in_words(found: Bottleneck) -> str:
    """Say the verdict, and what it rests on, in words."""
    if found.verdict is Verdict.INSUFFICIENT_DATA:
        return (
            f"{found.observation.finished} finished items on {found.observation.full_days} full"
            f" days are too few for a verdict: it takes {rules.MIN_FINISHED} on"
            f" {rules.MIN_FULL_DAYS}."
        )
    if found.seen_in is None:
        return "No stage stands out beyond chance; the ranking shows what comes nearest."
    waiting = f", which waits for {found.waits_for.name}" if found.waits_for else ""
    reasons = " and ".join(_reasons(found.seen_in))
    return f"{found.seen_in.stage.name}{waiting}: {reasons}."


def _reasons(evidence: Evidence) -> list[str]:
    """Say each piece of evidence that holds."""
    reasons: list[str] = []
    if evidence.is_longest and evidence.share is not None and evidence.confidence is not None:
        reasons.append(
            f"items spend {evidence.share:.0%} of their time in doing there, more than in any"
            f" other stage in {evidence.confidence:.1%} of the resamples"
        )
    if evidence.is_growing and evidence.p_adjusted is not None:
        grown = sum(evidence.queue.net_flow)
        reasons.append(
            f"its queue grew by {grown} items, which chance alone does with probability"
            f" {evidence.p_adjusted:.4f}"
        )
    if evidence.is_at_limit and evidence.at_limit is not None:
        reasons.append(f"it was at its limit {evidence.at_limit:.0%} of the time")
    return reasons


_COLUMNS = list(StageEvidence.model_fields)


@router.get(
    "/metrics/bottleneck",
    summary="The stage that holds the flow up, with the evidence",
    response_model=BottleneckAnswer,
    responses=documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady)
    | csv_documented("the evidence, a row for each stage, with `group_by` per type and stage"),
)
async def bottleneck(
    asked: Annotated[tuple[BottleneckFilter, Scope], Depends(_asked)], db: Db, request: Request
) -> BottleneckAnswer | Response:
    """Tell which stage is the constraint, if the evidence is stronger than chance.

    The verdict is one of `constraint` (longest stage, and its queue grows or it is at its limit),
    `longest_stage`, `growing_queue`, `none_clear` and `insufficient_data`. The same data always
    give the same answer.
    """
    chosen, scope = asked
    found = await measure_groups(db, scope, find_bottleneck, by_type=chosen.by_type)
    answer = BottleneckAnswer.of(scope, found, by_type=chosen.by_type)
    if not wants_csv(request):
        return answer
    return grouped_csv(_COLUMNS, answer, lambda each: dumped(each.stages), "bottleneck")
