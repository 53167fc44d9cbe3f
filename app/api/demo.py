"""A made-up year of work to look around in, and its removal."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.problems import documented
from app.api.session import KEYED, Db, UnitOfWork
from app.api.types import Answer, Name
from app.api.types import Request as RequestModel
from app.domain import errors
from app.store import demo_items, value_streams
from app.usecases.fill_demo import fill_demo
from app.usecases.remove_demo import remove_demo

router = APIRouter(prefix="/api/v1", tags=["demo"], route_class=UnitOfWork)


class WhichStream(RequestModel):
    """Which value stream."""

    stream: Name | None = Field(None, description="value stream; unsaid: the default one")


class DemoAsked(WhichStream):
    """How much is made up: no more than is made in a moment. `vsm demo` makes more."""

    days: int = Field(365, ge=7, le=400, description="how far back it begins")
    items_per_week: float = Field(12, ge=0.1, le=25, description="arrivals")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="another seed, another history")


class DemoState(Answer):
    """What of a stream is made up."""

    value_stream: str
    items: int = Field(description="items with the source `demo`")
    other_items: bool = Field(description="whether there are others")


class DemoMade(Answer):
    """What was made up."""

    items_created: int
    transitions_created: int


class DemoRemoved(Answer):
    """What was taken away."""

    items_removed: int


@router.get(
    "/demo",
    summary="How much of a stream is made up",
    responses=documented(errors.UnknownStream),
)
async def read_demo(which: Annotated[WhichStream, Query()], db: Db) -> DemoState:
    """Tell whether a stream has made-up items, and whether it has others."""
    stream = await value_streams.load(db, which.stream)
    found = await demo_items.count(db, stream.id)
    return DemoState(value_stream=stream.key, items=found.made_up, other_items=found.others)


@router.post(
    "/demo",
    status_code=201,
    summary="Fill an empty stream with a made-up year",
    dependencies=KEYED,
    responses=documented(
        errors.UnknownStream,
        errors.StreamNotEmpty,
        errors.InvalidValue,
        errors.IdempotencyKeyReused,
    ),
)
async def make_demo(asked: Annotated[DemoAsked, Query()], db: Db) -> DemoMade:
    """Make up items and their moves, as `vsm demo` does, in a stream that has no item yet.

    All of them have the source `demo`; `DELETE /api/v1/demo` takes them away again.
    """
    merged = await fill_demo(
        db,
        stream_key=asked.stream,
        days=asked.days,
        items_per_week=asked.items_per_week,
        seed=asked.seed,
        only_if_empty=True,
    )
    return DemoMade(
        items_created=merged.items_created, transitions_created=merged.transitions_created
    )


@router.delete(
    "/demo",
    summary="Remove a stream's made-up items",
    dependencies=KEYED,
    responses=documented(errors.UnknownStream, errors.IdempotencyKeyReused),
)
async def delete_demo(which: Annotated[WhichStream, Query()], db: Db) -> DemoRemoved:
    """Remove the items with the source `demo` and all of their moves, also those made since.

    What is not made up stays.
    """
    return DemoRemoved(items_removed=await remove_demo(db, which.stream))
