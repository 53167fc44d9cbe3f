"""Moves of a work item: make one, read them all, take one back."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import ConfigDict, Field

from app.api.blocks import BlockOut
from app.api.items import MovedOut, VoidableTransitionOut, VoidedOut, tag
from app.api.problems import documented
from app.api.session import KEYED, Db, UnitOfWork
from app.api.types import Answer, Id, Instant, Key, Name, OverrideReason, Reason
from app.api.types import Request as RequestModel
from app.api.work_items import IfMatch, ItemId, versions_in
from app.domain import errors
from app.domain.transition import ActorKind
from app.domain.visit import Ending, Visit
from app.domain.working_time import Clock
from app.flow.calendar import US_PER_HOUR, Measure
from app.usecases.move import Expectation, Move, move, void
from app.usecases.tell_journey import Journey, tell_journey

router = APIRouter(prefix="/api/v1", tags=["work items"], route_class=UnitOfWork)


class MoveWorkItem(RequestModel):
    """Where the item goes."""

    to_stage: Name
    timestamp: Instant | None = Field(
        None, description="when it moved, at most 5 minutes ahead; unsaid: now"
    )
    reason: Reason | None = None
    actor_kind: ActorKind | None = None
    expected_stage: Name | None = Field(None, description="act only if the item is there now")
    source_event_id: Key | None = Field(
        None, description="the event's id at its source; a repeated one changes nothing"
    )
    override_reason: OverrideReason = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"to_stage": "Development"},
                {"to_stage": "Testing", "expected_stage": "Development", "actor_kind": "human"},
            ]
        }
    )

    def move(self) -> Move:
        """Return the move as the use case knows it."""
        return Move(
            to_stage=self.to_stage,
            timestamp=self.timestamp,
            reason=self.reason,
            actor_kind=self.actor_kind,
            source_event_id=self.source_event_id,
            override_reason=self.override_reason,
        )


class VoidTransition(RequestModel):
    """Why the move is taken back."""

    reason: Reason

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "moved the wrong card"}]})


class WhichMoves(RequestModel):
    """Which of an item's moves, and by which clock its durations are."""

    voided: bool = Field(False, description="also the moves that were taken back")
    clock: Clock = Field(
        Clock.ELAPSED, description="durations count all time, or the stream's working time"
    )


class VisitOut(Answer):
    """One stay in a stage."""

    stage: str
    entered: datetime
    exited: datetime | None = Field(description="null while it lasts")
    ending: Ending
    hours: float = Field(description="until now, while it lasts")


class History(Answer):
    """An item's moves, oldest first, and what follows from them. Durations are hours."""

    work_item_id: int
    work_item_title: str
    as_of: datetime
    clock: Clock = Field(description="what durations count: all time, or working time")
    created_at: datetime = Field(description="the earlier of creation and first move")
    started_at: datetime | None
    finished_at: datetime | None = Field(description="the first time; never resets")
    final_finished_at: datetime | None = Field(description="the latest time it was done")
    cancelled_at: datetime | None
    cycle_time: float | None = Field(description="first start to first finish")
    lead_time: float | None = Field(description="creation to first finish")
    age: float | None = Field(description="since the start, while in process")
    parked_time: float | None = Field(description="part of the cycle time spent back in todo")
    blocked_time: float | None = Field(description="part of the cycle time it could not go on in")
    visits: list[VisitOut]
    blocks: list[BlockOut]
    transitions: list[VoidableTransitionOut]

    @classmethod
    def of(cls, journey: Journey) -> "History":
        """Render a journey."""
        return cls.model_validate(history_fields(journey))


def history_fields(journey: Journey) -> dict[str, Any]:
    """Return the fields of a journey's `History`, in its order; they are its JSON as they are."""
    item, times, as_of = journey.item, journey.times, journey.as_of
    return {
        "work_item_id": item.id,
        "work_item_title": item.title,
        "as_of": as_of,
        "clock": journey.clock,
        "created_at": times.created,
        "started_at": times.started,
        "finished_at": times.finished,
        "final_finished_at": times.final_finished,
        "cancelled_at": times.cancelled,
        "cycle_time": _hours(times.cycle_us),
        "lead_time": _hours(times.lead_us),
        "age": _hours(times.age_us(as_of)),
        "parked_time": _hours(times.parked_us),
        "blocked_time": _hours(journey.blocked_us),
        "visits": [_visit(visit, as_of, times.between) for visit in times.visits],
        "blocks": journey.blocks,
        "transitions": journey.moves,
    }


def _visit(visit: Visit, as_of: datetime, between: Measure) -> dict[str, Any]:
    until = visit.exited or max(as_of, visit.entered)
    return {
        "stage": visit.stage.name,
        "entered": visit.entered,
        "exited": visit.exited,
        "ending": visit.ending,
        "hours": between(visit.entered, until) / US_PER_HOUR,
    }


def _hours(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / US_PER_HOUR


@router.put(
    "/work-items/{id}/transition",
    summary="Move a work item",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem,
        errors.UnknownStage,
        errors.ItemCancelled,
        errors.EventIdReused,
        errors.WipLimitReached,
        errors.MoveNotAllowed,
        errors.ReasonNeeded,
        errors.PreconditionFailed,
        errors.InvalidValue,
        errors.IdempotencyKeyReused,
        errors.Overloaded,
    ),
)
async def move_item(
    id: ItemId,  # noqa: A002
    body: MoveWorkItem,
    db: Db,
    response: Response,
    if_match: IfMatch = None,
) -> MovedOut:
    """Record a move. Moves of one item take turns, so `from_stage` is always the stage left.

    A timestamp in the past inserts the move where it belongs and corrects the one after it. A move
    that changes where the item is now is held against the stream's rules.
    """
    expected = Expectation(versions=versions_in(if_match), stage=body.expected_stage)
    moved = await move(db, id, body.move(), expected)
    tag(response, moved.version)
    return MovedOut.of(moved)


@router.get(
    "/work-items/{id}/history",
    summary="Read a work item's history",
    responses=documented(
        errors.UnknownItem, errors.InvalidValue, errors.ClockNotReady, errors.Overloaded
    ),
)
async def read_history(
    id: ItemId,  # noqa: A002
    which: Annotated[WhichMoves, Query()],
    db: Db,
    response: Response,
) -> History:
    """Return the item's moves, oldest first; `from_stage` is null for the first."""
    journey = await tell_journey(db, id, which.clock, with_voided=which.voided)
    tag(response, journey.item.version)
    return History.of(journey)


@router.post(
    "/work-items/{id}/transitions/{transition_id}/void",
    summary="Take a mistaken move back",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem,
        errors.UnknownTransition,
        errors.TransitionVoided,
        errors.ItemCancelled,
        errors.IdempotencyKeyReused,
    ),
)
async def void_transition(
    id: ItemId,  # noqa: A002
    transition_id: Annotated[Id, Path(description="the transition's id")],
    body: VoidTransition,
    db: Db,
) -> VoidedOut:
    """Take a move out of the history; the log keeps it, marked void, with the reason."""
    return VoidedOut.of(await void(db, id, transition_id, body.reason))
