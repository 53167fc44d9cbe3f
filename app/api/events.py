"""New moves, and what else happens, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.api.problems import documented
from app.api.types import Answer, Name
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.news import NewsKind
from app.domain.work_item import WorkItemType
from app.store import value_streams
from app.store.new_moves import NewMove
from app.usecases.watch_moves import MOST_AT_ONCE, MoveFeed, Told

router = APIRouter(prefix="/api/v1", tags=["work items"])

HEARTBEAT = 15.0
"""Seconds of silence after which a comment tells proxies that the connection is alive."""

_EXAMPLE = """\
id: 3324
event: move
data: {"id":3324,"work_item_id":17,"title":"Pay by invoice","type":"feature",\
"value_stream":"default","from_stage":"Development","to_stage":"Testing","timestamp":"2026-11-27T09:12:44.108Z"}

event: news
data: {"kind":"item_cancelled","value_stream":"default","work_item_id":17,\
"title":"Pay by invoice","recorded_at":"2026-11-27T09:13:02.511Z"}
"""
_RETRY = "retry: 3000\n\n"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would collect events until a buffer is full
}


class WatchedMoves(RequestModel):
    """Whose moves are told."""

    stream: Name | None = Field(None, description="value stream; unsaid: the default one")


class MoveEvent(Answer):
    """The data of one `move` event."""

    id: int = Field(description="of the move; also the event's id")
    work_item_id: int
    title: str
    type: WorkItemType
    value_stream: str
    from_stage: str | None = Field(description="null for an item's first move")
    to_stage: str
    timestamp: datetime


class NewsEvent(Answer):
    """The data of one `news` event."""

    kind: NewsKind
    value_stream: str
    work_item_id: int | None = Field(description="null where it is about the stream as a whole")
    title: str | None
    recorded_at: datetime


class EventStream(StreamingResponse):
    """An answer that goes on."""

    media_type = "text/event-stream"


@router.get(
    "/events",
    summary="Watch moves as they happen",
    response_class=EventStream,
    responses=documented(errors.UnknownStream, errors.TooManyWatchers, errors.InvalidValue)
    | {
        200: {
            "description": "server-sent events, until either side hangs up",
            "content": {EventStream.media_type: {"example": _EXAMPLE}},
        }
    },
)
async def watch_moves(watched: Annotated[WatchedMoves, Query()], request: Request) -> EventStream:
    """Send a `move` event for each move, within about a second of its recording.

    For watching, not for replication: a client that was away reads the metrics again. When more
    than 200 moves come at once, one `many` event stands for them. What happens beside moves is
    told by `news` events: moves that are taken back, edits, cancellations, blocks, changes of the
    stream. A comment is sent every 15 seconds of silence.
    """
    read = request.app.state.databases.read
    stream = await read(lambda db, _seen: value_streams.load(db, watched.stream))
    feed: MoveFeed = request.app.state.feed
    feed.require_room()
    return EventStream(_events(feed, stream.key), headers=_HEADERS)


async def _events(feed: MoveFeed, stream: str) -> AsyncIterator[str]:
    async with feed.watching() as watch:
        yield _RETRY
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    told = await watch.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if told is None:
                return
            text = _rendered(told, stream)
            if text:
                yield text


def _rendered(told: Told, stream: str) -> str:
    moves = [move for move in told.moves if move.value_stream == stream]
    news = [NewsEvent.model_validate(asdict(n)) for n in told.news if n.value_stream == stream]
    return _moves(moves) + "".join(
        f"event: news\ndata: {event.model_dump_json()}\n\n" for event in news
    )


def _moves(moves: Sequence[NewMove]) -> str:
    if len(moves) > MOST_AT_ONCE:
        return f'event: many\ndata: {{"at_least": {len(moves)}}}\n\n'
    events = [MoveEvent.model_validate(asdict(move)) for move in moves]
    return "".join(
        f"id: {event.id}\nevent: move\ndata: {event.model_dump_json()}\n\n" for event in events
    )
