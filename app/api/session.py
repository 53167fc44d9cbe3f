"""One request is one transaction, and a write with an Idempotency-Key happens once.

The transaction ends before the answer leaves: a client that sees 201 can rely on it. A transaction
that the database lost is run again where that is safe.
"""

import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api.problems import InvalidRequest
from app.store import idempotency
from app.store.database import Connection, transaction
from app.store.retry import repeated

_WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_KEPT_HEADERS = ("content-type", "location", "etag")
_MAX_KEY = 255

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=_MAX_KEY,
        pattern=r"^[\x21-\x7e]+$",
        description="Repeat a request safely: the same key and body give the first answer again.",
    ),
]


async def _declare_key(key: IdempotencyKey = None) -> None:
    """Put the header into the documentation and validate it."""


KEYED = [Depends(_declare_key)]
"""Dependencies of every route that writes."""


def _connection(request: Request) -> Connection:
    connection: Connection = request.state.connection
    return connection


Db = Annotated[Connection, Depends(_connection)]
"""The connection of this request's transaction."""


class UnitOfWork(APIRoute):
    """A route whose handler runs inside one transaction, committed before the answer is sent."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler; an exception rolls back and travels on to the problem table."""
        handle = super().get_route_handler()
        takes_query = _takes_query(self.dependant)

        async def in_transaction(request: Request) -> Response:
            if request.query_params and not takes_query:
                raise InvalidRequest([_no_such_parameter(name) for name in request.query_params])
            body = await request.body()  # before a connection is taken: a body may come slowly
            return await repeated(
                lambda: _in_transaction(request, handle),
                finds_itself=lambda: _finds_itself(request, body),
            )

        return in_transaction


async def _in_transaction(
    request: Request, handle: Callable[[Request], Awaitable[Response]]
) -> Response:
    async with transaction(request.app.state.database) as connection:
        request.state.connection = connection
        key = _key(request)
        if key and request.method in _WRITES:
            return await _once(connection, key, request, handle)
        return await handle(request)


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    return key if key and len(key) <= _MAX_KEY else None


def _finds_itself(request: Request, body: bytes) -> bool:
    """Tell whether this request, sent twice, does no more than once: it reads, or has a name."""
    if request.method not in _WRITES or _key(request):
        return True
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(body)
        return isinstance(told, dict) and bool(told.get("source_event_id"))
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
    handle: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Answer from the store if this request was answered before, else handle it and keep that.

    Only answers to completed writes are kept: a refused request changed nothing and may be
    corrected and repeated under its key.
    """
    earlier = await idempotency.claim(connection, key, await _fingerprint(request))
    if earlier is not None:
        headers = {**earlier.headers, "Idempotent-Replayed": "true"}
        return Response(earlier.body, earlier.status, headers=headers)
    response = await handle(request)
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    answer = idempotency.Answer(response.status_code, headers, bytes(response.body))
    await idempotency.keep(connection, key, answer)
    return response


async def _fingerprint(request: Request) -> str:
    """Return what makes two requests the same: method, path, query, precondition and body.

    JSON is compared by value, so that a client may write its fields in another order.
    """
    body = await request.body()
    with contextlib.suppress(ValueError, RecursionError):  # not JSON: compared byte by byte
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    parts = (request.method, request.url.path, request.url.query, request.headers.get("if-match"))
    digest = hashlib.sha256(json.dumps(parts).encode() + b"\0" + body)
    return digest.hexdigest()
