"""From errors to `application/problem+json` (RFC 9457): one table, nothing else decides a status.

The `type` of a problem is stable and leads to its explanation, for example
`/problems/unknown-stage`. No text of an internal exception ever reaches a client.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from app.api.problem_parts import parts_of
from app.domain import errors

log = structlog.get_logger()

STATUS: Mapping[type[errors.VsmError], int] = {
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.IdempotencyKeyReused: 422,
    errors.TooLarge: 413,
    errors.Unavailable: 503,
    errors.VsmError: 500,
}
"""The nearest class on an error's way up the tree gives its status."""


class HttpProblem(errors.VsmError):
    """The request cannot be served."""

    type_name = "http"


class InvalidRequest(errors.Invalid):
    """The request does not have the documented form."""

    type_name = "invalid-request"

    def __init__(self, parts: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__("; ".join(f"{part['field']}: {part['message']}" for part in parts[:3]))
        self.parts = parts


class NoSuchPath(errors.NotFound):
    """There is nothing at this path."""

    type_name = "no-such-path"


class MethodNotAllowed(HttpProblem):
    """This path does not know this method."""

    type_name = "method-not-allowed"


class InternalError(errors.VsmError):
    """The service failed; the fault is ours and has been logged."""

    type_name = "internal-error"


class FieldProblem(BaseModel):
    """What is wrong with one part of the request."""

    field: str = Field(description="which part, in dotted notation", examples=["to_stage"])
    message: str = Field(description="what was expected", examples=["Field required"])
    index: int | None = Field(None, description="position in a batch, from 0")
    file: str | None = Field(None, description="imported file")
    line: int | None = Field(None, description="line in the file, from 1")
    column: int | None = Field(None, description="column of the line, from 1")
    rule: str | None = Field(None, description="rule of the stream that stands against it")
    stage: str | None = Field(None, description="stage that the rule is about")


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="stable, leads to an explanation")
    title: str
    status: int
    detail: str = Field(description="what happened this time, and how to put it right")
    errors: list[FieldProblem] | None = Field(None, description="every part that is wrong")
    request_id: str | None = Field(None, description="find the log line with it")


def all_problems() -> list[type[errors.VsmError]]:
    """Return every class of the error tree, the tree's own order."""
    found: list[type[errors.VsmError]] = []

    def walk(parent: type[errors.VsmError]) -> None:
        for child in parent.__subclasses__():
            found.append(child)
            walk(child)

    walk(errors.VsmError)
    return found


def schemas() -> dict[str, Any]:
    """Return the OpenAPI schemas that `documented` refers to."""
    found = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**found.pop("$defs"), "Problem": found}


def status_of(kind: type[errors.VsmError]) -> int:
    """Return the HTTP status of a class of errors."""
    if issubclass(kind, MethodNotAllowed):
        return 405
    return next(STATUS[parent] for parent in kind.__mro__ if parent in STATUS)


def documented(*kinds: type[errors.VsmError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that may fail in these ways.

    Every route may find its request malformed, or its database away or busy, and one that writes
    (it may find its Idempotency-Key reused) the body too large, or the database lost in the commit.
    """
    by_status: dict[int | str, list[type[errors.VsmError]]] = {}
    everywhere = [InvalidRequest, errors.DatabaseUnavailable, errors.DatabaseBusy]
    if errors.IdempotencyKeyReused in kinds:
        everywhere += [errors.TooLarge, errors.OutcomeUnknown]
    for kind in dict.fromkeys((*kinds, *everywhere)):
        by_status.setdefault(status_of(kind), []).append(kind)
    return {
        status: {
            "description": " ".join(dict.fromkeys(kind.title() for kind in listed)),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {kind.type_name: {"value": _example(kind)} for kind in listed},
                }
            },
        }
        for status, listed in sorted(by_status.items(), key=lambda pair: str(pair[0]))
    }


def _example(kind: type[errors.VsmError]) -> dict[str, Any]:
    return {
        "type": f"/problems/{kind.type_name}",
        "title": kind.title(),
        "status": status_of(kind),
        "detail": kind.title(),
    }


def response(
    request: Request, error: errors.VsmError, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Render an error for the client."""
    status = status_of(type(error))
    body = {
        "type": f"/problems/{error.type_name}",
        "title": error.title(),
        "status": status,
        "detail": error.detail,
        "request_id": getattr(request.state, "request_id", None),
    }
    parts = _parts(error)
    if parts:
        body["errors"] = parts
    all_headers = {**getattr(request.state, "seen", {}), **(headers or {})}
    if isinstance(error, errors.Unavailable):
        all_headers["Retry-After"] = "1"
    return JSONResponse(body, status, headers=all_headers, media_type="application/problem+json")


def _parts(error: errors.VsmError) -> Sequence[dict[str, Any]]:
    """List what is wrong part by part, where the error knows."""
    if isinstance(error, InvalidRequest):
        return error.parts
    return parts_of(error)


def _part(error: Mapping[str, Any]) -> dict[str, Any]:
    """Say which part of the request failed validation, and what was expected there.

    The value that came is not repeated: it may be long, or secret.
    """
    where = [step for step in error["loc"] if step != "body"]
    if where and where[0] in ("query", "path", "header"):
        where = where[1:2]  # a repeated parameter is named without the position of the wrong one
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "There is no such field or parameter"
    elif error["type"] == "json_invalid":
        where, message = [], f"The body is not JSON: {error.get('ctx', {}).get('error', message)}"
    part: dict[str, Any] = {"field": ".".join(map(str, where)) or "body", "message": message}
    if len(where) > 1 and where[0] == "items" and isinstance(where[1], int):
        part |= {"index": where[1], "field": ".".join(map(str, where[2:])) or "item"}
    return part


def _allowed(request: Request, error: errors.VsmError) -> dict[str, str]:
    """Name all methods of the path; the framework names those of the first route that has it."""
    template = getattr(request.scope.get("route"), "path", None)
    methods = request.app.state.methods.get(template)
    if not isinstance(error, MethodNotAllowed) or not methods:
        return {}
    return {"Allow": ", ".join(sorted(methods))}


def _methods(routers: Iterable[APIRouter]) -> dict[str, set[str]]:
    """Return the documented methods of each path; the whole document would be large to keep."""
    found: dict[str, set[str]] = {}
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                found.setdefault(route.path, set()).update(route.methods or ())
    return found


def answer_error(request: Request, error: errors.VsmError) -> JSONResponse:
    """Render an error, and log what operators should know of."""
    if isinstance(error, errors.Unavailable):
        log.warning("unavailable", detail=error.detail, cause=repr(error.__cause__))
    return response(request, error)


_UNREADABLE = {"field": "body", "message": "The body is not JSON in UTF-8"}


def install(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Answer every error of this application, of these routers, with a problem."""
    app.state.methods = _methods(routers)

    @app.exception_handler(errors.VsmError)
    async def known(request: Request, error: errors.VsmError) -> JSONResponse:
        return answer_error(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return response(request, InvalidRequest([_part(each) for each in error.errors()]))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        limit = request.app.state.settings.max_import_bytes // 2**20
        known = {
            404: NoSuchPath(),
            405: MethodNotAllowed(),
            413: errors.TooLarge(f"a body may have {limit} MiB (VSM_MAX_IMPORT_MB)"),
        }
        # all else that the framework raises is that it can make nothing of the body
        found = known.get(error.status_code, InvalidRequest([_UNREADABLE]))
        return response(request, found, {**(error.headers or {}), **_allowed(request, found)})


class Explanation(BaseModel):
    """What a type of problem means."""

    type: str
    title: str
    status: int
    parents: list[str] = Field(description="the wider types it belongs to, nearest first")


def _parents(kind: type[errors.VsmError]) -> list[str]:
    wider = kind.__mro__[1 : kind.__mro__.index(errors.VsmError)]  # the root explains nothing
    return [up.type_name for up in wider if issubclass(up, errors.VsmError)]


router = APIRouter(tags=["service"])


@router.get(
    "/problems/{name}", summary="Explain a type of problem", responses=documented(NoSuchPath)
)
async def explain(name: str) -> Explanation:
    """Tell what the `type` of a problem means; an unknown name is answered with all names."""
    for kind in all_problems():
        if kind.type_name == name:
            return Explanation(
                type=f"/problems/{name}",
                title=kind.title(),
                status=status_of(kind),
                parents=[f"/problems/{parent}" for parent in _parents(kind)],
            )
    raise NoSuchPath(
        "known problem types: " + ", ".join(sorted(kind.type_name for kind in all_problems()))
    )
