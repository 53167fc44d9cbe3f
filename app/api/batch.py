"""Many work items with their histories in one request."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import ConfigDict, Field, model_validator

from app.api.problems import documented
from app.api.session import KEYED, Db, UnitOfWork
from app.api.types import Answer, Instant, Key, Name, Reason, Title
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.block import Block
from app.domain.transition import ActorKind, Transition
from app.domain.work_item import ItemHistory, WorkItemType
from app.store import transitions
from app.usecases.batch import create_batch

router = APIRouter(prefix="/api/v1", tags=["work items"], route_class=UnitOfWork)

MAX_ITEMS = 10_000
MAX_MOVES = 1_000
MAX_BLOCKS = 1_000


class BatchTransition(RequestModel):
    """One move of an item's history."""

    to_stage: Name
    timestamp: Instant
    source_event_id: Key | None = None
    reason: Reason | None = None
    actor_kind: ActorKind | None = None


class BatchBlock(RequestModel):
    """One span in which an item could not go on."""

    reason: Reason
    started_at: Instant
    ended_at: Instant | None = Field(None, description="null while it lasts")
    source_event_id: Key | None = None


class BatchItem(RequestModel):
    """One item with its history; without transitions it enters the first stage at `timestamp`."""

    title: Title
    type: WorkItemType
    timestamp: Instant | None = Field(
        None, description="when it was created; unsaid: its first transition, or now"
    )
    external_key: Key | None = None
    source: Name | None = Field(None, description="where `external_key` is from; unsaid: `api`")
    transitions: list[BatchTransition] = Field([], max_length=MAX_MOVES)
    blocks: list[BatchBlock] = Field([], max_length=MAX_BLOCKS)
    cancelled_at: Instant | None = None
    cancel_reason: Reason | None = None

    @model_validator(mode="after")
    def _check_companions(self) -> Self:
        """Refuse what would be lost: a source without a key, a reason without a cancellation."""
        if self.source is not None and self.external_key is None:
            raise ValueError("`source` needs an `external_key`")
        if self.cancel_reason is not None and self.cancelled_at is None:
            raise ValueError("`cancel_reason` needs a `cancelled_at`")
        return self


class Batch(RequestModel):
    """Up to 10,000 items."""

    items: Annotated[list[BatchItem], Field(min_length=1, max_length=MAX_ITEMS)]
    stream: Name | None = Field(None, description="value stream; unsaid: the default one")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "title": "Pay by invoice",
                            "type": "feature",
                            "external_key": "SHOP-17",
                            "transitions": [
                                {"to_stage": "Backlog", "timestamp": "2026-03-02T09:00:00Z"},
                                {"to_stage": "Development", "timestamp": "2026-03-04T13:30:00Z"},
                            ],
                        }
                    ]
                }
            ]
        }
    )


class BatchCreated(Answer):
    """The ids of the new items, in the order of the request."""

    created: int
    ids: list[int]


@router.post(
    "/work-items/batch",
    status_code=201,
    summary="Create many work items",
    dependencies=KEYED,
    responses=documented(errors.InvalidBatch, errors.UnknownStream, errors.IdempotencyKeyReused),
)
async def create_items(body: Batch, db: Db) -> BatchCreated:
    """Create up to 10,000 items with their transitions: all of them, or none.

    Every item that cannot be right is named by its index.
    """
    now = await transitions.clock(db)
    told = [_history(item, now) for item in body.items]
    ids = await create_batch(db, body.stream, told, now)
    return BatchCreated(created=len(ids), ids=list(ids))


def _history(item: BatchItem, now: datetime) -> ItemHistory:
    """Return the item as the domain knows it."""
    moves = tuple(Transition(**move.model_dump()) for move in item.transitions)
    first = min((move.timestamp for move in moves), default=now)
    return ItemHistory(
        title=item.title,
        type=item.type,
        created_at=item.timestamp or first,
        transitions=moves,
        key=item.external_key,
        source=(item.source or "api") if item.external_key else None,
        cancelled_at=item.cancelled_at,
        cancel_reason=item.cancel_reason,
        blocks=tuple(map(_block, item.blocks)),
    )


def _block(told: BatchBlock) -> Block:
    return Block(told.reason, told.started_at, told.ended_at, told.source_event_id)
