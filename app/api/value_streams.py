"""Stages of a value stream."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.problems import documented
from app.api.session import Db, UnitOfWork
from app.api.types import Answer, Name
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.value_stream import Category, Zone
from app.store import value_streams

router = APIRouter(prefix="/api/v1", tags=["value streams"], route_class=UnitOfWork)


class WhichStream(RequestModel):
    """Which value stream."""

    stream: Name | None = None


class StageOut(Answer):
    """One stage of a value stream."""

    id: int
    name: str
    order: int
    type: str
    category: Category
    zone: Zone
    wip_limit: int | None


@router.get("/stages", summary="List the stages", responses=documented(errors.UnknownStream))
async def list_stages(which: Annotated[WhichStream, Query()], db: Db) -> list[StageOut]:
    """Return the stages of the stream (unsaid: the default one), in order."""
    stream = await value_streams.load(db, which.stream)
    return [
        StageOut(
            id=stage.id,
            name=stage.name,
            order=stage.order,
            type=stage.type,
            category=stage.category,
            zone=stream.zone(stage),
            wip_limit=stage.wip_limit,
        )
        for stage in stream.stages
    ]
