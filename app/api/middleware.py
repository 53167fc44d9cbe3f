"""What happens to every request: an id, a count, a log line when it is worth one."""

import functools
import random
import re
import time
from collections.abc import Iterable, MutableMapping
from typing import Any, NamedTuple

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import InternalError, response
from app.telemetry.logs import OF_REQUEST
from app.telemetry.process import REQUEST_SECONDS, REQUESTS, REQUESTS_IN_PROGRESS

log = structlog.get_logger()

SERVER_ERROR = 500

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_STREAM = b"text/event-stream; charset=utf-8"
"""An answer that goes on for as long as somebody listens: long, but not slow."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(
    r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}.*"
)
"""W3C Trace Context, level 1: version, trace id, parent id, flags."""


class Observed:
    """Give each request an id (the caller's X-Request-ID if it is sane), count it, log it.

    Logged are requests that failed here or took at least `slow` seconds, and all with `log_all`.
    What nobody expected becomes an answer here, where the request's id is still known.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, *, log_all: bool, slow: float) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._log_all = log_all
        self._slow = slow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = _told(scope["headers"])
        request_id = told.request_id
        scope.setdefault("state", {})["request_id"] = request_id
        under_way = OF_REQUEST.set({"request_id": request_id, **told.trace})
        REQUESTS_IN_PROGRESS.inc()
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
            await self._app(scope, self._bounded(told.length, receive), observe)
        except Exception as error:
            log.exception("internal error", exc_info=error)
            if answering:
                raise
            await response(Request(scope), InternalError())(scope, receive, observe)
        finally:
            REQUESTS_IN_PROGRESS.dec()
            seconds = time.perf_counter() - began
            _count(scope, status, None if streaming else seconds)
            self._log(scope, status, 0.0 if streaming else seconds)
            OF_REQUEST.reset(under_way)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        """Write a line if the request is worth one."""
        failed, slow = status >= SERVER_ERROR, seconds >= self._slow
        if not (failed or slow or self._log_all):
            return
        level = "error" if failed else "warning" if slow else "info"
        getattr(log, level)(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
        )

    def _bounded(self, length: int | None, receive: Receive) -> Receive:
        """Give up reading a body as soon as it is, or says that it is, too large."""
        if length is not None and length <= self._max_body_bytes:
            return receive  # the server reads no more than that
        too_large = HTTPException(413)
        if length is not None:

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


class _Told(NamedTuple):
    """What a request's headers tell of it.

    The caller's trace is told so that logs lead to it also where nobody collects our spans. A body
    of unknown length has None.
    """

    request_id: str
    trace: dict[str, str]
    length: int | None


def _told(headers: Iterable[tuple[bytes, bytes]]) -> _Told:
    request_id: str | None = None
    trace: dict[str, str] = {}
    length: int | None = 0
    for name, value in headers:
        if name == b"content-length":
            length = int(value) if value.isdigit() else None
        elif name == b"transfer-encoding":
            length = None
        elif name == b"x-request-id":
            given = value.decode("latin-1")
            request_id = request_id or (given if _REQUEST_ID.fullmatch(given) else None)
        elif name == b"traceparent" and not trace:
            found = _TRACEPARENT.fullmatch(value.decode("latin-1"))
            trace = {"trace_id": found[1]} if found else {}
    return _Told(request_id or f"{random.getrandbits(128):032x}", trace, length)


# looking a counter up by its labels costs more than counting; there are few of them
_counter = functools.cache(REQUESTS.labels)
_histogram = functools.cache(REQUEST_SECONDS.labels)


def _count(scope: MutableMapping[str, Any], status: int, seconds: float | None) -> None:
    """Count by route template, never by path: paths hold ids and would make endless series."""
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    endpoint = getattr(scope.get("route"), "path", "unmatched")
    _counter(method, endpoint, str(status)).inc()
    if seconds is not None:
        _histogram(method, endpoint).observe(seconds)
