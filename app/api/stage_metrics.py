"""Stage by stage: how many, how long, how often sent back."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import (
    Explained,
    broken_rules_link,
    explanation,
    links_to,
    links_to_stages,
)
from app.api.filters import GroupFilter
from app.api.negotiation import csv_documented, grouped_csv, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer, dumped
from app.domain import errors
from app.domain.broken_rule import Rule
from app.domain.value_stream import Category, Zone
from app.domain.work_item import WorkItemType
from app.flow.percentile import low_confidence
from app.flow.quality import StageQuality
from app.flow.stage_times import US_PER_HOUR, StageTimes
from app.flow.value_stream_map import NoEfficiency, Rung, ValueStreamMap
from app.store.populations import OF_ONE_STAGE, Population
from app.usecases.map_stream import map_types
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)

Share = Annotated[float | None, Field(ge=0, le=1)]
"""A part of a whole, or null when there is no whole."""


class StageMetrics(Answer):
    """One stage in the window. Durations are hours."""

    id: int
    name: str
    order: int
    category: Category
    zone: Zone
    avg_wip: float | None = Field(
        description="items here, averaged over the window's time; null for a done stage"
    )
    wip_at_end: int | None = Field(description="items here at the end; null for a done stage")
    arrivals: int = Field(description="visits that began")
    departures: int = Field(description="visits that ended, by a move or a cancellation")
    discarded: int = Field(description="items cancelled here, unfinished")
    visits: int = Field(description="visits that a move ended: those that the times are about")
    time_avg: float | None = Field(description="per visit")
    time_p50: float | None
    time_p85: float | None
    time_p95: float | None
    instant_visits: int = Field(description="visits of no length, among `visits`")
    item_time_avg: float | None = Field(
        description="per finished item: all its visits together, 0 when it skipped the stage"
    )
    pct_ca: Share = Field(
        description="complete and accurate: share of `forward_exits` not returned; null without any"
    )
    forward_exits: int = Field(description="moves to a later stage, of the finished items")
    returned: int = Field(description="forward exits after which rework brought the item back here")
    wip_limit: int | None
    time_at_limit: Share = Field(
        description="share of the time with `wip_limit` items or more; null without a limit, and "
        "when only some types are asked about, since a limit is about all of them"
    )
    time_over_limit: Share = Field(
        description="share of the time with more than `wip_limit` items; null as `time_at_limit`"
    )
    broken_rules: int = Field(
        description="rules broken by entering here; the sum of the next three"
    )
    broken_wip_limit: int = Field(description="entries that made one item too many")
    broken_allowed_move: int = Field(
        description="moves from a stage that they are not allowed from"
    )
    broken_backward_reason: int = Field(description="moves back here without a reason")


class StageTotals(Answer):
    """All stages together. Durations are hours, per finished item."""

    avg_wip: float = Field(description="over the stages in doing: the average WIP")
    wip_at_end: int = Field(description="over the stages in doing")
    lead_time_avg: float | None = Field(
        description="= `unplaced_time_avg` + every stage's `item_time_avg`"
    )
    cycle_time_avg: float | None = Field(description="= `active_time_avg` + `wait_time_avg`")
    unplaced_time_avg: float | None = Field(description="between creation and the first stage")
    active_time_avg: float | None = Field(
        description="unblocked in active stages: an upper bound of the time at work"
    )
    wait_time_avg: float | None = Field(
        description="between start and finish: in waiting stages, parked, or blocked"
    )
    blocked_time_avg: float | None = Field(
        description="part of `cycle_time_avg` in which items were blocked; null: nobody tells"
    )
    flow_efficiency: Share = Field(description="active time / cycle time")
    flow_efficiency_reason: NoEfficiency | None = Field(
        description="why there is none; `no_wait_signal`: no stage in doing is one of waiting"
    )
    activity_ratio: Share = Field(description="active time / lead time")
    rolled_ca: Share = Field(description="product of every stage's `pct_ca`")
    first_time_through: Share = Field(description="share of the items without a rework move")
    rework_rate: Share = Field(description="share of the items with a rework move")
    rework_moves: int
    rework_time_total: float = Field(description="spent on doing again what had been handed on")
    rework_time_share: Share = Field(description="`rework_time_total` / all cycle times")
    returns_unattributed: int = Field(
        description="rework moves into a stage that had not handed the item on"
    )

    @classmethod
    def of(cls, found: ValueStreamMap) -> Self:
        """Render the totals of a map."""
        ladder, quality = found.ladder, found.quality
        return cls(
            avg_wip=found.wip_us / found.window.length_us,
            wip_at_end=found.wip_at_end,
            lead_time_avg=ladder.mean_hours(ladder.lead_us),
            cycle_time_avg=ladder.mean_hours(ladder.cycle_us),
            unplaced_time_avg=ladder.mean_hours(ladder.unplaced_us),
            active_time_avg=ladder.mean_hours(ladder.process_us),
            wait_time_avg=ladder.mean_hours(ladder.cycle_wait_us),
            blocked_time_avg=None
            if ladder.blocked_us is None
            else ladder.mean_hours(ladder.blocked_us),
            flow_efficiency=ladder.flow_efficiency,
            flow_efficiency_reason=ladder.no_efficiency,
            activity_ratio=ladder.activity_ratio,
            rolled_ca=quality.rolled_complete_and_accurate,
            first_time_through=quality.first_time_through,
            rework_rate=quality.rework_rate,
            rework_moves=quality.rework_moves,
            rework_time_total=quality.rework_us / US_PER_HOUR,
            rework_time_share=quality.rework_time_share,
            returns_unattributed=quality.returns_unattributed,
        )


class AllStages(Answer):
    """Every stage in order, and all together."""

    stages: list[StageMetrics]
    totals: StageTotals


class TypeStages(AllStages):
    """Every stage, as the items of one type passed it."""

    type: WorkItemType
    sample_size: int


class StagesAnswer(Explained, AllStages):
    """Every stage in a window."""

    groups: list[TypeStages] | None = Field(None, description="with `group_by=type`")


async def _asked(asked: Annotated[GroupFilter, Query()], db: Db) -> tuple[GroupFilter, Scope]:
    return asked, await resolve(db, asked.question())


@router.get(
    "/metrics/stages",
    summary="Flow metrics per stage",
    response_model=StagesAnswer,
    responses={
        **csv_documented("one row per stage, with `group_by` per type and stage"),
        **documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
    },
)
async def stage_metrics(
    asked: Annotated[tuple[GroupFilter, Scope], Depends(_asked)], db: Db, request: Request
) -> StagesAnswer | Response:
    """Where items are, how long a visit to a stage lasts, where time goes, and what comes back.

    A visit belongs to the window in which it ends. Times per item, quality and most totals are
    about the items finished in the window. With `Accept: text/csv`, the stages as a table.
    """
    chosen, scope = asked
    maps = await map_types(db, scope, by_type=chosen.by_type)
    found = maps.whole
    links = links_to_stages(scope, *OF_ONE_STAGE) | broken_rules_link(scope)
    answer = StagesAnswer(
        **map_explanation(scope, found, links),
        **_all_stages(scope, found),
        groups=[_of_type(alone, maps.by_type[kind]) for kind, alone in scope.of_each_type().items()]
        if chosen.by_type
        else None,
    )
    if not wants_csv(request):
        return answer
    columns = list(StageMetrics.model_fields)
    return grouped_csv(columns, answer, lambda each: dumped(each.stages), "stages")


def _all_stages(scope: Scope, found: ValueStreamMap) -> dict[str, Any]:
    """Return the fields of AllStages."""
    return {"stages": stages_of(scope, found), "totals": StageTotals.of(found)}


def _of_type(scope: Scope, found: ValueStreamMap) -> TypeStages:
    """Render the map of a scope of one type."""
    [kind] = scope.kinds
    return TypeStages(type=kind, sample_size=found.ladder.items, **_all_stages(scope, found))


def map_explanation(scope: Scope, found: ValueStreamMap, links: dict[str, str]) -> dict[str, Any]:
    """Return what the answer about a map rests on: the items finished in its window."""
    return explanation(
        scope,
        sample_size=found.ladder.items,
        excluded={
            "cancelled": found.presence.discarded,
            "in_progress": found.wip_at_end,
            "not_started": found.backlog_at_end,
        },
        low_confidence=low_confidence(found.ladder.items),
        links=links_to(scope, Population.THROUGHPUT, Population.WIP_AT_END) | links,
    )


def stages_of(scope: Scope, found: ValueStreamMap) -> list[StageMetrics]:
    """Render the stages of a map, in order."""
    exits = {each.stage: each for each in found.quality.stages}
    return [
        _stage(scope, found, rung, times, exits.get(rung.stage))
        for rung, times in zip(found.ladder.rungs, found.presence.stages, strict=True)
    ]


def _stage(
    scope: Scope, found: ValueStreamMap, rung: Rung, times: StageTimes, exits: StageQuality | None
) -> StageMetrics:
    stage, visit = times.stage, times.visit_time
    window_us, broken = found.window.length_us, found.broken_rules
    return StageMetrics(
        id=stage.id,
        name=stage.name,
        order=stage.order,
        category=stage.category,
        zone=rung.zone,
        avg_wip=times.occupancy(window_us),
        wip_at_end=times.at_end,
        arrivals=times.arrivals,
        departures=times.departures,
        discarded=times.discarded,
        visits=visit.count,
        time_avg=visit.avg_hours,
        time_p50=visit.p50_hours,
        time_p85=visit.p85_hours,
        time_p95=visit.p95_hours,
        instant_visits=times.instant_visits,
        item_time_avg=found.ladder.mean_hours(rung.time_us),
        pct_ca=exits.complete_and_accurate if exits else None,
        forward_exits=exits.forward_exits if exits else 0,
        returned=exits.returned if exits else 0,
        wip_limit=stage.wip_limit,
        time_at_limit=times.share_at_limit(window_us) if scope.types is None else None,
        time_over_limit=times.share_over_limit(window_us) if scope.types is None else None,
        broken_rules=broken.at(stage.id),
        broken_wip_limit=broken.of(stage.id, Rule.WIP_LIMIT),
        broken_allowed_move=broken.of(stage.id, Rule.ALLOWED_MOVE),
        broken_backward_reason=broken.of(stage.id, Rule.BACKWARD_REASON),
    )
