"""The short way of the hot requests: from the socket to the shared statement and back.

A request that reads plainly is validated by the route's own model and joins the others that wait.
Whatever is out of the ordinary, from a header to an item that is held, is passed on untouched to
the documented route, which goes the long way and has the words for every refusal.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from msgspec.json import Encoder
from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.items import etag, item_fields, move_fields
from app.api.problems import answer_error
from app.api.session import fingerprint, is_key
from app.api.transitions import MoveWorkItem, history_fields
from app.api.work_items import CreateWorkItem, creation_of, location, versions_in
from app.domain.errors import Unavailable, VsmError
from app.domain.transition import Moved
from app.store.idempotency import Answer, Keyed
from app.store.plain_histories import AskedHistory
from app.store.plain_items import Entered
from app.store.shared import Shared
from app.usecases.move import Expectation
from app.usecases.plainly import plain_item, plain_move
from app.usecases.tell_journey import journey_of

_CREATE = "/api/v1/work-items"
_MOVE = re.compile(rf"{_CREATE}/([0-9]{{1,18}})/transition")
_HISTORY = re.compile(rf"{_CREATE}/([0-9]{{1,18}})/history")
_HEADERS = (b"content-type", b"content-length", b"idempotency-key", b"if-match")
_JSON = (b"application/json", b"application/json; charset=utf-8")
_MAX_BODY = 64 * 1024
"""Bytes; a longer body cannot be right, and the route says why."""

_WRITER = Encoder()
"""Writes what pydantic writes of the same fields, several times as fast."""

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Template:
    """The route that a request is counted under."""

    path: str


_CREATE_ROUTE = Template(_CREATE)
_HISTORY_ROUTE = Template(f"{_CREATE}/{{id}}/history")
_MOVE_ROUTE = Template(f"{_CREATE}/{{id}}/transition")


class PlainRequest(NamedTuple):
    """What of a request a plain write depends on."""

    method: str
    path: str
    body: bytes
    key: str | None
    if_match: str | None

    def keyed(self, answer: Callable[[D], Answer]) -> Keyed[D] | None:
        """Return the key that the answer is to be kept under, if the request has one."""
        if self.key is None:
            return None
        said = fingerprint(self.method, self.path, "", self.if_match, self.body)
        return Keyed(self.key, said, answer)


Handle = Callable[[Shared, PlainRequest], Awaitable[Answer | None]]


class PlainRequests:
    """Answer plain moves, creations and histories, and pass on all else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        found = _route(scope)
        headers = _headers(scope) if found else None
        if found is None or headers is None:
            await self._app(scope, receive, send)
            return
        route, handle = found
        body = await _read(receive) if scope["method"] != "GET" else b""
        if body is None:
            # nobody reads it, but it is counted as the client's doing
            await _send(Answer(400, {}, b""), send)
            return
        asked = PlainRequest(scope["method"], scope["path"], body, *headers)
        try:
            answer = await handle(scope["app"].state.shared, asked)
        except Unavailable as error:
            scope["route"] = route
            await answer_error(Request(scope), error)(scope, receive, send)
            return
        if answer is None:
            again = receive if scope["method"] == "GET" else _again(body, receive)
            await self._app(scope, again, send)
            return
        scope["route"] = route
        await _send(answer, send)


def _route(scope: Scope) -> tuple[Template, Handle] | None:
    if scope["type"] != "http" or scope["query_string"]:
        return None
    if scope["method"] == "PUT":
        return (_MOVE_ROUTE, _move) if _MOVE.fullmatch(scope["path"]) else None
    if scope["method"] == "POST" and scope["path"] == _CREATE:
        return _CREATE_ROUTE, _create
    if scope["method"] == "GET" and _HISTORY.fullmatch(scope["path"]):
        return _HISTORY_ROUTE, _history
    return None


def _headers(scope: Scope) -> tuple[str | None, str | None] | None:
    """Return the key and the precondition; None when a header is not as it usually is."""
    if scope["method"] == "GET":
        return None, None
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _HEADERS:
            if name in found:
                return None
            found[name] = value
    length = found.get(b"content-length", b"")
    if found.get(b"content-type") not in _JSON or not length.isdigit():
        return None
    key, if_match = _text(found, b"idempotency-key"), _text(found, b"if-match")
    if int(length) > _MAX_BODY or (key is not None and not is_key(key)):
        return None
    return key, if_match


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    return headers[name].decode("latin-1") if name in headers else None


async def _read(receive: Receive) -> bytes | None:
    """Return the body; None when the client has gone before it was complete."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what reads the same request once more."""
    read = False

    async def replay() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _move(shared: Shared, asked: PlainRequest) -> Answer | None:
    try:
        body = MoveWorkItem.model_validate_json(asked.body)
    except ValidationError:
        return None
    expected = Expectation(versions_in(asked.if_match), body.expected_stage)
    item_id = int(asked.path.split("/")[4])
    row = plain_move(item_id, body.move(), expected, asked.keyed(_moved))
    done = await shared.moves.run(row) if row else None
    return _moved(done) if done else None


def _moved(moved: Moved) -> Answer:
    return _json(200, move_fields(moved.transition), {"etag": etag(moved.version)})


async def _create(shared: Shared, asked: PlainRequest) -> Answer | None:
    try:
        creation = creation_of(CreateWorkItem.model_validate_json(asked.body))
    except (ValidationError, VsmError):
        return None
    row = plain_item(creation, asked.keyed(_created))
    done = await shared.items.run(row) if row else None
    return _created(done) if done else None


def _created(entered: Entered) -> Answer:
    item = entered.item
    fields = item_fields(item, entered.stage, entered.stream_key)
    return _json(201, fields, {"location": location(item.id), "etag": etag(item.version)})


async def _history(shared: Shared, asked: PlainRequest) -> Answer | None:
    told = await shared.histories.run(AskedHistory(int(asked.path.split("/")[4])))
    if told is None:
        return None
    journey = journey_of(told.item, told.stream, told.moves, told.as_of)
    return _json(200, history_fields(journey), {"etag": etag(told.item.version)})


def _json(status: int, fields: dict[str, Any], headers: dict[str, str]) -> Answer:
    """Write the answer model's fields without the model: building it took longer than writing."""
    return Answer(status, {"content-type": "application/json", **headers}, _WRITER.encode(fields))


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
