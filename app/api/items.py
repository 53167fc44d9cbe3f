"""What a work item and its moves look like on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.api.types import Answer
from app.domain.broken_rule import BrokenRule, Rule
from app.domain.transition import ActorKind, Moved, RecordedTransition
from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItem, WorkItemType
from app.store.blocks import Obstacle
from app.usecases.move import Voided

EXAMPLE_ITEM: JsonDict = {
    "id": 42,
    "title": "Pay by invoice",
    "type": "feature",
    "created_at": "2026-03-02T09:00:00Z",
    "updated_at": "2026-03-04T13:30:00Z",
    "current_stage": "Development",
    "current_stage_since": "2026-03-04T13:30:00Z",
    "version": 3,
    "value_stream": "default",
    "source": "jira",
    "external_key": "SHOP-17",
    "started_at": "2026-03-03T10:00:00Z",
    "finished_at": None,
    "cancelled_at": None,
    "cancel_reason": None,
    "blocked_since": "2026-03-05T08:00:00Z",
    "blocked_by": "waits for the security review",
}
EXAMPLE_TRANSITION: JsonDict = {
    "id": 137,
    "work_item_id": 42,
    "from_stage": "Analysis",
    "to_stage": "Development",
    "timestamp": "2026-03-04T13:30:00Z",
    "reason": None,
    "actor_kind": "human",
    "source_event_id": None,
}


class WarningOut(Answer):
    """A rule of the stream that was broken, by what was done all the same."""

    rule: Rule
    stage: str = Field(description="the stage entered")
    message: str


Warnings = Annotated[
    list[WarningOut],
    Field(
        default_factory=list,
        description="rules of the stream that this broke; left out when it broke none",
        exclude_if=lambda found: not found,
    ),
]


def warnings_of(broken: Sequence[BrokenRule]) -> list[WarningOut]:
    """Render broken rules."""
    return [WarningOut.model_validate(each) for each in broken]


class WorkItemOut(Answer):
    """A work item."""

    id: int
    title: str
    type: WorkItemType
    created_at: datetime
    updated_at: datetime
    current_stage: str | None = Field(description="null only when every move was voided")
    current_stage_since: datetime | None
    version: int = Field(description="grows with every change; also the ETag")
    value_stream: str
    source: str | None
    external_key: str | None
    started_at: datetime | None = Field(description="first instant in process or done")
    finished_at: datetime | None = Field(description="first instant done; never resets")
    cancelled_at: datetime | None
    cancel_reason: str | None
    blocked_since: datetime | None = Field(
        None, description="it cannot go on since then; null: it can. In lists as of `as_of`"
    )
    blocked_by: str | None = Field(None, description="the reason; of several blocks the first")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ITEM]})

    @classmethod
    def of(cls, item: WorkItem, stream: ValueStream, obstacle: Obstacle | None = None) -> Self:
        """Render a stored item of this stream, and what blocks it."""
        stage = stream.stage_by_id(item.facts.stage_id)
        return cls.told(item, stage.name if stage else None, stream.key, obstacle)

    @classmethod
    def told(
        cls, item: WorkItem, stage: str | None, stream_key: str, obstacle: Obstacle | None = None
    ) -> Self:
        """Render an item that is in this stage of this stream, and what blocks it."""
        return cls.model_validate(item_fields(item, stage, stream_key, obstacle))


def item_fields(
    item: WorkItem, stage: str | None, stream_key: str, obstacle: Obstacle | None = None
) -> dict[str, Any]:
    """Return the fields of a `WorkItemOut`, in its order; they are its JSON as they are."""
    return {
        "id": item.id,
        "title": item.title,
        "type": item.type,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "current_stage": stage,
        "current_stage_since": item.facts.stage_since,
        "version": item.version,
        "value_stream": stream_key,
        "source": item.source,
        "external_key": item.external_key,
        "started_at": item.facts.started_at,
        "finished_at": item.facts.finished_at,
        "cancelled_at": item.cancelled_at,
        "cancel_reason": item.cancel_reason,
        "blocked_since": obstacle.since if obstacle else None,
        "blocked_by": obstacle.reason if obstacle else None,
    }


class EnteredItemOut(WorkItemOut):
    """A work item that has entered a stage, as it is read from now on."""

    warnings: Warnings


class TransitionOut(Answer):
    """One move of an item."""

    id: int
    work_item_id: int
    from_stage: str | None = Field(description="null for the first move")
    to_stage: str
    timestamp: datetime
    reason: str | None = None
    actor_kind: ActorKind | None = None
    source_event_id: str | None = None

    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [EXAMPLE_TRANSITION]}
    )


def move_fields(move: RecordedTransition) -> dict[str, Any]:
    """Return the fields of a `TransitionOut`, in its order; they are its JSON as they are."""
    return {
        "id": move.id,
        "work_item_id": move.work_item_id,
        "from_stage": move.from_stage,
        "to_stage": move.to_stage,
        "timestamp": move.timestamp,
        "reason": move.reason,
        "actor_kind": move.actor_kind,
        "source_event_id": move.source_event_id,
    }


class MovedOut(TransitionOut):
    """A move that was just made."""

    warnings: Warnings

    @classmethod
    def of(cls, moved: Moved) -> Self:
        """Render a move with the rules it broke."""
        fields = move_fields(moved.transition)
        return cls.model_validate(fields | {"warnings": warnings_of(moved.broken)})


class VoidableTransitionOut(TransitionOut):
    """One move of an item, with what became of it."""

    voided_at: datetime | None = None
    void_reason: str | None = None


class VoidedOut(VoidableTransitionOut):
    """A move that was just taken back; the item is again where it was before it."""

    warnings: Warnings

    @classmethod
    def of(cls, voided: Voided) -> Self:
        """Render a void with the limit that it exceeds."""
        return cls.model_validate(voided.transition).model_copy(
            update={"warnings": warnings_of(voided.broken)}
        )


def etag(version: int) -> str:
    """Return the entity tag of an item's version."""
    return f'"{version}"'


def tag(response: Response, version: int) -> None:
    """Put the item's version on the answer, for a later If-Match."""
    response.headers["ETag"] = etag(version)
