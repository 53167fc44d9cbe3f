"""One request is one transaction, and a write with an Idempotency-Key happens once.

The transaction ends before the answer leaves: a client that sees 201 can rely on it. A transaction
that the database lost is run again where that is safe. What was read from a standby says so.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api.problems import InvalidRequest
from app.api.remembered import Answers, wants_it_computed
from app.store import idempotency
from app.store.database import Connection
from app.store.databases import Databases, Seen
from app.store.retry import repeated
from app.store.versions import state_of_data

_WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_KEPT_HEADERS = ("content-type", "location", "etag")
_MAX_KEY = 255
_KEY_PATTERN = r"^[\x21-\x7e]+$"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=_MAX_KEY,
        pattern=_KEY_PATTERN,
        description="Repeat a request safely: the same key and body give the first answer again.",
    ),
]


async def _declare_key(key: IdempotencyKey = None) -> None:
    """Put the header into the documentation and validate it."""


KEYED = [Depends(_declare_key)]
"""Dependencies of every route that writes."""


async def _connection(request: Request) -> Connection:
    # not a plain function: the framework would give that a thread
    connection: Connection = request.state.connection
    return connection


Db = Annotated[Connection, Depends(_connection)]
"""The connection of this request's transaction."""


Handler = Callable[[Request], Awaitable[Response]]

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "It is the answer whose `ETag` was sent as `If-None-Match`"}
}


class UnitOfWork(APIRoute):
    """A route whose handler runs inside one transaction, committed before the answer is sent."""

    may_lag = False
    """Whether a standby may answer a reading request also while the primary is there."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler; an exception rolls back and travels on to the problem table."""
        handle = _telling_what_it_varies_by(super().get_route_handler())
        takes_query = _takes_query(self.dependant)

        async def in_transaction(request: Request) -> Response:
            if request.query_params and not takes_query:
                raise InvalidRequest([_no_such_parameter(name) for name in request.query_params])
            body = await request.body()  # before a connection is taken: a body may come slowly
            if request.method not in _WRITES:
                return await _read(request, handle, may_lag=self.may_lag)
            return await repeated(
                lambda: _write(request, handle), finds_itself=lambda: _finds_itself(request, body)
            )

        return in_transaction


class Analysis(UnitOfWork):
    """A route of numbers, which a standby may answer where there is one.

    Who asks the same at the same time gets the same answer, computed once.
    """

    may_lag = True

    def __init__(self, *args: Any, **options: Any) -> None:
        options["responses"] = NOT_MODIFIED | (options.get("responses") or {})
        super().__init__(*args, **options)


def _telling_what_it_varies_by(handle: Handler) -> Handler:
    """Tell caches in between that an answer in one of several forms was chosen by `Accept`."""

    async def telling(request: Request) -> Response:
        response = await handle(request)
        if getattr(request.state, "varies_by_accept", False):
            response.headers["Vary"] = "Accept"
        return response

    return telling


async def _write(request: Request, handle: Handler) -> Response:
    databases: Databases = request.app.state.databases
    async with databases.writing() as connection:
        request.state.connection = connection
        key = _key(request)
        return await _once(connection, key, request, handle) if key else await handle(request)


async def _read(request: Request, handle: Handler, *, may_lag: bool) -> Response:
    databases: Databases = request.app.state.databases
    by_memory = may_lag and not wants_it_computed(request)

    async def work(connection: Connection, seen: Seen) -> Response:
        request.state.connection = connection
        request.state.seen = told(seen)  # a problem tells it as well
        response = await (_recalled if by_memory else _handled)(request, handle, connection)
        response.headers.update(told(seen))
        return response

    if not by_memory:
        return await databases.read(work, may_lag=may_lag)
    answers: Answers = request.app.state.answers
    asked_at = answers.clock()
    async with answers.turn(request):
        known = answers.since(request, asked_at)
        return await databases.read(work, may_lag=True) if known is None else known


async def _handled(request: Request, handle: Handler, _: Connection) -> Response:
    return await handle(request)


async def _recalled(request: Request, handle: Handler, connection: Connection) -> Response:
    """Answer from memory, if nothing has changed since, else handle it and remember that."""
    answers: Answers = request.app.state.answers
    at, state = answers.clock(), await state_of_data(connection)
    known = answers.recall(request, state)
    if known is not None:
        return known
    response = await handle(request)
    response.headers.update(request.state.seen)  # for those who waited for it, too
    return answers.remember(request, state, at, response)


def told(seen: Seen) -> dict[str, str]:
    """Return the headers that tell what an answer was read from; none for the primary."""
    if not seen.standby:
        return {}
    staleness = "unknown" if seen.staleness is None else f"{seen.staleness:.3f}"
    headers = {"VSM-Served-By": "standby", "VSM-Staleness": staleness}
    return headers | ({"VSM-Degraded": "primary-away"} if seen.degraded else {})


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    return key if key and len(key) <= _MAX_KEY else None


def _finds_itself(request: Request, body: bytes) -> bool:
    """Tell whether this write, sent twice, is done once: it has a name that is looked up first."""
    if _key(request):
        return True
    with contextlib.suppress(ValueError, RecursionError):
        event = json.loads(body)
        return isinstance(event, dict) and bool(event.get("source_event_id"))
    return False


def _takes_query(dependant: Dependant) -> bool:
    return bool(dependant.query_params) or any(map(_takes_query, dependant.dependencies))


def _no_such_parameter(name: str) -> dict[str, str]:
    """Refuse what would be ignored; routes that take a query have a model that does the same."""
    return {"field": name, "message": "There is no such field or parameter"}


async def _once(
    connection: Connection,
    key: str,
    request: Request,
    handle: Handler,
) -> Response:
    """Answer from the store if this request was answered before, else handle it and keep that.

    Only answers to completed writes are kept: a refused request changed nothing and may be
    corrected and repeated under its key.
    """
    url = request.url
    said = fingerprint(
        request.method, url.path, url.query, request.headers.get("if-match"), await request.body()
    )
    earlier = await idempotency.claim(connection, key, said)
    if earlier is not None:
        headers = {**earlier.headers, "Idempotent-Replayed": "true"}
        return Response(earlier.body, earlier.status, headers=headers)
    response = await handle(request)
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    answer = idempotency.Answer(response.status_code, headers, bytes(response.body))
    await idempotency.keep(connection, key, answer)
    return response


def is_key(text: str) -> bool:
    """Tell whether this can be an Idempotency-Key."""
    return re.fullmatch(_KEY_PATTERN, text) is not None and len(text) <= _MAX_KEY


def fingerprint(method: str, path: str, query: str, if_match: str | None, body: bytes) -> str:
    """Return what makes two requests the same: method, path, query, precondition and body.

    JSON is compared by value, so that a client may write its fields in another order.
    """
    with contextlib.suppress(ValueError, RecursionError):  # not JSON: compared byte by byte
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    parts = json.dumps((method, path, query, if_match)).encode()
    digest = hashlib.sha256(parts + b"\0" + body)
    return digest.hexdigest()
