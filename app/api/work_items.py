"""Work items: create, find, change, cancel."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import ConfigDict, Field

from app.api.items import EnteredItemOut, WorkItemOut, tag, warnings_of
from app.api.problems import documented
from app.api.session import KEYED, Db, UnitOfWork
from app.api.types import Id, Instant, Key, Name, OverrideReason, Reason, Title
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.transition import ActorKind
from app.domain.work_item import WorkItem, WorkItemType
from app.store import blocks, transitions, value_streams, work_items
from app.store.blocks import Obstacle
from app.usecases.cancel import Restored, cancel, restore
from app.usecases.create import Created, Creation, create
from app.usecases.edit import edit
from app.usecases.move import Expectation

router = APIRouter(prefix="/api/v1", tags=["work items"], route_class=UnitOfWork)

ItemId = Annotated[Id, Path(description="the work item's id")]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="act only if the item still has this ETag"),
]


class WhichStream(RequestModel):
    """Which value stream."""

    stream: Name | None = Field(None, description="value stream; unsaid: the default one")


class CreateWorkItem(RequestModel):
    """A new work item."""

    title: Title
    type: WorkItemType
    timestamp: Instant | None = Field(None, description="when it was created; unsaid: now")
    stage: Name | None = Field(None, description="stage it enters; unsaid: the first")
    stream: Name | None = Field(None, description="value stream; unsaid: the default one")
    source: Name | None = Field(None, description="where `external_key` is from; unsaid: `api`")
    external_key: Key | None = Field(None, description="its key elsewhere, unique per source")
    reason: Reason | None = None
    actor_kind: ActorKind | None = None
    override_reason: OverrideReason = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"title": "Pay by invoice", "type": "feature"},
                {
                    "title": "Checkout fails on Safari",
                    "type": "bug",
                    "external_key": "SHOP-17",
                    "source": "jira",
                    "timestamp": "2026-03-02T09:00:00Z",
                    "stage": "Analysis",
                },
            ]
        }
    )


class ChangeWorkItem(RequestModel):
    """What to correct; what is left out stays."""

    title: Title | None = None
    type: WorkItemType | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Pay by invoice or card"}]})


class CancelWorkItem(RequestModel):
    """Why, and when, the item was given up."""

    reason: Reason
    timestamp: Instant | None = Field(None, description="unsaid: now")

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "superseded by SHOP-20"}]})


class RestoreWorkItem(RequestModel):
    """May be left out; only a stage that is full asks for it.

    What else it says is not read: a restoration took any body before it knew one.
    """

    override_reason: OverrideReason = None

    model_config = ConfigDict(
        extra="ignore", json_schema_extra={"examples": [{"override_reason": "a live defect"}]}
    )


@router.post(
    "/work-items",
    status_code=201,
    summary="Create a work item",
    dependencies=KEYED,
    responses=documented(
        errors.InvalidValue,
        errors.UnknownStream,
        errors.DuplicateItem,
        errors.WipLimitReached,
        errors.IdempotencyKeyReused,
        errors.Overloaded,
    ),
)
async def create_item(
    body: CreateWorkItem, which: Annotated[WhichStream, Query()], db: Db, response: Response
) -> EnteredItemOut:
    """Create an item; it enters its stage in the same transaction, with the same instant."""
    created = await create(db, creation_of(body, which.stream))
    response.headers["Location"] = location(created.item.id)
    return _entered(response, created)


@router.get(
    "/work-items/{id}", summary="Read a work item", responses=documented(errors.UnknownItem)
)
async def read_item(id: ItemId, db: Db, response: Response) -> WorkItemOut:  # noqa: A002
    """Return one item; its ETag serves as a later If-Match."""
    item = await work_items.get(db, id)
    return await _answer(db, response, item)


@router.patch(
    "/work-items/{id}",
    summary="Change title or type",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem, errors.PreconditionFailed, errors.IdempotencyKeyReused
    ),
)
async def change_item(
    id: ItemId,  # noqa: A002
    body: ChangeWorkItem,
    db: Db,
    response: Response,
    if_match: IfMatch = None,
) -> WorkItemOut:
    """Correct what the item is called or what kind of work it is."""
    expected = Expectation(versions=versions_in(if_match))
    item = await edit(db, id, expected, title=body.title, type=body.type)
    return await _answer(db, response, item)


@router.post(
    "/work-items/{id}/cancel",
    summary="Cancel a work item",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem,
        errors.ItemCancelled,
        errors.CancelBeforeLastMove,
        errors.InvalidValue,
        errors.IdempotencyKeyReused,
    ),
)
async def cancel_item(
    id: ItemId,  # noqa: A002
    body: CancelWorkItem,
    db: Db,
    response: Response,
) -> WorkItemOut:
    """Close the item without finishing it; it leaves WIP and never enters cycle times."""
    item = await cancel(db, id, body.reason, body.timestamp)
    return await _answer(db, response, item)


@router.post(
    "/work-items/{id}/restore",
    summary="Take a cancellation back",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownItem,
        errors.ItemNotCancelled,
        errors.WipLimitReached,
        errors.IdempotencyKeyReused,
    ),
)
async def restore_item(
    id: ItemId,  # noqa: A002
    db: Db,
    response: Response,
    body: RestoreWorkItem | None = None,
) -> EnteredItemOut:
    """Undo a cancellation; the item stands where it stood."""
    asked = body or RestoreWorkItem()
    restored = await restore(db, id, asked.override_reason)
    return _entered(response, restored, await _obstacle(db, restored.item))


def creation_of(body: CreateWorkItem, stream: str | None = None) -> Creation:
    """Return what is asked for, in a stream that is named in the body or outside of it."""
    if stream is not None and body.stream is not None:
        raise errors.InvalidValue("stream", "is named already, outside of the body")
    if body.source is not None and body.external_key is None:
        raise errors.InvalidValue("external_key", "expected a key, because `source` is given")
    return Creation(
        title=body.title,
        type=body.type,
        timestamp=body.timestamp,
        stage=body.stage,
        stream=body.stream or stream,
        source=body.source,
        external_key=body.external_key,
        reason=body.reason,
        actor_kind=body.actor_kind,
        override_reason=body.override_reason,
    )


def location(item_id: int) -> str:
    """Return the path of an item."""
    return f"/api/v1/work-items/{item_id}"


def versions_in(if_match: str | None) -> frozenset[int] | None:
    """Return the versions that an If-Match header accepts; None when it accepts any.

    A tag that we never gave matches nothing, as RFC 9110 wants it.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(int(version) for version in re.findall(r'(?<!W/)"(\d{1,18})"', if_match))


async def _answer(db: Db, response: Response, item: WorkItem) -> WorkItemOut:
    tag(response, item.version)
    stream = await value_streams.load_by_id(db, item.stream_id)
    return WorkItemOut.of(item, stream, await _obstacle(db, item))


def _entered(
    response: Response, entered: Created | Restored, obstacle: Obstacle | None = None
) -> EnteredItemOut:
    tag(response, entered.item.version)
    answer = EnteredItemOut.of(entered.item, entered.stream, obstacle)
    return answer.model_copy(update={"warnings": warnings_of(entered.broken)})


async def _obstacle(db: Db, item: WorkItem) -> Obstacle | None:
    """Return what the item is blocked by now."""
    now = await transitions.clock(db)
    return (await blocks.obstacles(db, item.stream_id, now, [item.id])).get(item.id)
