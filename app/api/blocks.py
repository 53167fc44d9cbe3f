"""Blocks of a work item: when it could not go on, and why."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import ConfigDict, Field

from app.api.items import tag
from app.api.problems import documented
from app.api.session import KEYED, Db, UnitOfWork
from app.api.types import Answer, Id, Instant, Key, Reason
from app.api.types import Request as RequestModel
from app.api.work_items import IfMatch, ItemId, versions_in
from app.domain import errors
from app.store import blocks, work_items
from app.usecases.block import Blocking, block, unblock, void_block
from app.usecases.move import Expectation

router = APIRouter(prefix="/api/v1", tags=["work items"], route_class=UnitOfWork)

BlockId = Annotated[Id, Path(description="the block's id")]


class BlockWorkItem(RequestModel):
    """Why the item cannot go on."""

    reason: Reason
    started_at: Instant | None = Field(None, description="unsaid: now")
    ended_at: Instant | None = Field(None, description="where it is over already")
    source_event_id: Key | None = Field(
        None, description="the event's id at its source; a repeated one changes nothing"
    )

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "waits for the security review"}]}
    )


class EndBlock(RequestModel):
    """When the item could go on again."""

    ended_at: Instant | None = Field(None, description="unsaid: now")


class WhichBlocks(RequestModel):
    """Which of an item's blocks."""

    voided: bool = Field(False, description="also those that were taken back")


class BlockOut(Answer):
    """One span in which an item could not go on."""

    id: int
    work_item_id: int
    reason: str
    started_at: datetime
    ended_at: datetime | None = Field(description="null while it lasts")
    source_event_id: str | None
    voided_at: datetime | None


@router.post(
    "/work-items/{id}/blocks",
    status_code=201,
    summary="Block a work item",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem,
        errors.ItemCancelled,
        errors.PreconditionFailed,
        errors.InvalidValue,
        errors.IdempotencyKeyReused,
    ),
)
async def block_item(
    id: ItemId,  # noqa: A002
    body: BlockWorkItem,
    db: Db,
    response: Response,
    if_match: IfMatch = None,
) -> BlockOut:
    """Tell that the item cannot go on. Blocks may overlap; their time is never counted twice."""
    expected = Expectation(versions=versions_in(if_match))
    told = await block(
        db, id, expected, body.reason, body.started_at, body.ended_at, body.source_event_id
    )
    return _answer(response, told)


@router.get(
    "/work-items/{id}/blocks",
    summary="List a work item's blocks",
    responses=documented(errors.UnknownItem),
)
async def list_blocks(
    id: ItemId,  # noqa: A002
    which: Annotated[WhichBlocks, Query()],
    db: Db,
) -> list[BlockOut]:
    """Return the item's blocks, oldest first."""
    await work_items.get(db, id)
    found = await blocks.of_item(db, id, with_voided=which.voided)
    return [BlockOut.model_validate(each) for each in found]


@router.post(
    "/work-items/{id}/blocks/{block_id}/end",
    summary="End a block",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem,
        errors.UnknownBlock,
        errors.BlockEnded,
        errors.BlockVoided,
        errors.PreconditionFailed,
        errors.InvalidValue,
        errors.IdempotencyKeyReused,
    ),
)
async def end_block(
    id: ItemId,  # noqa: A002
    block_id: BlockId,
    body: EndBlock,
    db: Db,
    response: Response,
    if_match: IfMatch = None,
) -> BlockOut:
    """Tell that the item can go on."""
    expected = Expectation(versions=versions_in(if_match))
    return _answer(response, await unblock(db, id, block_id, expected, body.ended_at))


@router.post(
    "/work-items/{id}/blocks/{block_id}/void",
    summary="Take a mistaken block back",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem,
        errors.UnknownBlock,
        errors.BlockVoided,
        errors.PreconditionFailed,
        errors.IdempotencyKeyReused,
    ),
)
async def void_a_block(
    id: ItemId,  # noqa: A002
    block_id: BlockId,
    db: Db,
    response: Response,
    if_match: IfMatch = None,
) -> BlockOut:
    """Take a block out of all numbers; it is kept, marked void."""
    expected = Expectation(versions=versions_in(if_match))
    return _answer(response, await void_block(db, id, block_id, expected))


def _answer(response: Response, told: Blocking) -> BlockOut:
    """Render a block; the tag is that of the item, which has changed with it."""
    tag(response, told.version)
    return BlockOut.model_validate(told.block)
