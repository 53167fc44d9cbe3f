"""What happens to every request: an id, a count, a log line when it is worth one."""

import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import InternalError, response
from app.telemetry import REQUESTS

log = structlog.get_logger()

SLOW = 1.0
"""Seconds from which a request is worth a warning."""

SERVER_ERROR = 500

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_STREAM = b"text/event-stream; charset=utf-8"
"""An answer that goes on for as long as somebody listens: long, but not slow."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Observed:
    """Give each request an id (the caller's X-Request-ID if it is sane), count it, log it.

    What nobody expected becomes an answer here, where the request's id is still known.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.perf_counter()
        status = SERVER_ERROR
        answering = False
        streaming = False

        async def observe(message: Message) -> None:
            nonlocal status, answering, streaming
            answering = True
            if message["type"] == "http.response.start":
                status = message["status"]
                streaming = (b"content-type", _STREAM) in message["headers"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, self._bounded(scope, receive), observe)
        except Exception as error:
            log.exception("internal error", exc_info=error)
            if answering:
                raise
            await response(Request(scope), InternalError())(scope, receive, observe)
        finally:
            seconds = time.perf_counter() - began
            _record(scope, status, seconds, slow=seconds >= SLOW and not streaming)
            structlog.contextvars.clear_contextvars()

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Give up reading a body as soon as it is, or says that it is, too large."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        size = int(length) if length.isdigit() else 0
        too_large = HTTPException(413)
        if size > self._max_body_bytes:

            async def refuse() -> Message:
                raise too_large

            return refuse
        read = 0

        async def count() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_body_bytes:
                raise too_large
            return message

        return count


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode())
    return uuid.uuid4().hex


def _record(scope: MutableMapping[str, Any], status: int, seconds: float, *, slow: bool) -> None:
    """Count by route template, never by path: paths hold ids and would make endless series."""
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    endpoint = getattr(scope.get("route"), "path", "unmatched")
    REQUESTS.labels(method, endpoint, str(status)).inc()
    level = "error" if status >= SERVER_ERROR else "warning" if slow else "info"
    getattr(log, level)(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=round(seconds * 1000, 1),
    )
