"""What a value stream map says of its stages and of the whole, without its frame."""

from pydantic import Field

from app.api.stage_metrics import Share
from app.api.types import Answer
from app.domain.value_stream import Category, Zone
from app.flow.value_stream_map import NoEfficiency, ValueStreamMap


class MapStage(Answer):
    """One stage on the map. Times are hours per finished item, 0 for items that skipped it."""

    id: int
    name: str
    order: int
    category: Category
    zone: Zone
    process_time: float | None = Field(description="of an active stage, else 0")
    wait_time: float | None = Field(description="of a waiting stage, else 0")
    pct_ca: Share = Field(description="complete and accurate; null when nothing was handed on")
    wip: int | None = Field(description="items here at the end; null for a done stage")
    items_waiting: int | None = Field(
        description="items in the waiting stages directly before; null for a waiting stage"
    )
    visits: int = Field(description="that a move ended in the window")
    visit_time_p50: float | None = Field(
        description="median visit, for information: medians do not add up"
    )


class MapTotals(Answer):
    """The whole map. Times are hours per finished item."""

    lead_time: float | None = Field(description="= `unplaced_time` + all stages' times")
    process_time: float | None
    wait_time: float | None
    unplaced_time: float | None = Field(
        description="part of `wait_time`: between creation and the first stage"
    )
    blocked_time: float | None = Field(
        description="part of `wait_time` in which items were blocked; null: nobody tells"
    )
    activity_ratio: Share = Field(description="process time / lead time")
    flow_efficiency: Share = Field(description="process time / cycle time")
    rolled_ca: Share
    first_time_through: Share
    rework_rate: Share
    rework_time_share: Share = Field(description="part of the cycle times spent on rework")
    items_finished: int
    items_waiting: int = Field(description="in waiting stages and in none, at the end")
    wip: int = Field(description="in process, at the end")


class MapLoop(Answer):
    """Rework that goes one way."""

    from_stage: str
    to_stage: str
    moves: int


class MapBody(Answer):
    """A map without its frame."""

    stages: list[MapStage]
    totals: MapTotals
    flow_efficiency_reason: NoEfficiency | None = Field(description="why there is none")
    rework_loops: list[MapLoop] = Field(description="the most travelled first")


def map_body(found: ValueStreamMap) -> MapBody:
    """Render a map."""
    ladder, quality = found.ladder, found.quality
    return MapBody(
        stages=_stages(found),
        totals=MapTotals(
            lead_time=ladder.mean_hours(ladder.lead_us),
            process_time=ladder.mean_hours(ladder.process_us),
            wait_time=ladder.mean_hours(ladder.wait_us),
            unplaced_time=ladder.mean_hours(ladder.unplaced_us),
            blocked_time=None
            if ladder.blocked_us is None
            else ladder.mean_hours(ladder.blocked_us),
            activity_ratio=ladder.activity_ratio,
            flow_efficiency=ladder.flow_efficiency,
            rolled_ca=quality.rolled_complete_and_accurate,
            first_time_through=quality.first_time_through,
            rework_rate=quality.rework_rate,
            rework_time_share=quality.rework_time_share,
            items_finished=ladder.items,
            items_waiting=sum(queue or 0 for queue in found.queues),
            wip=found.wip_at_end,
        ),
        flow_efficiency_reason=ladder.no_efficiency,
        rework_loops=[
            MapLoop(from_stage=loop.from_stage.name, to_stage=loop.to_stage.name, moves=loop.moves)
            for loop in quality.loops
        ],
    )


def _stages(found: ValueStreamMap) -> list[MapStage]:
    shares = {each.stage: each.complete_and_accurate for each in found.quality.stages}
    columns = zip(found.ladder.rungs, found.presence.stages, found.queues, strict=True)
    return [
        MapStage(
            id=rung.stage.id,
            name=rung.stage.name,
            order=rung.stage.order,
            category=rung.stage.category,
            zone=rung.zone,
            process_time=found.ladder.mean_hours(rung.process_us),
            wait_time=found.ladder.mean_hours(rung.wait_us),
            pct_ca=shares.get(rung.stage),
            wip=times.at_end,
            items_waiting=queue,
            visits=times.visit_time.count,
            visit_time_p50=times.visit_time.p50_hours,
        )
        for rung, times, queue in columns
    ]
