"""`/api/v1/value-streams/{key}/…`: the same requests as with `?stream=`, addressed by a path.

There is one handler for each thing. A path below a stream's is read as the plain one with the
stream as its parameter, before it is routed; the document describes both.
"""

import copy
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import response
from app.domain.errors import InvalidValue

PREFIX = "/api/v1/value-streams/{key}"
ADDRESSED = ("stages", "work-items", "metrics", "value-stream-map", "data-quality", "broken-rules")
"""The first parts of the paths that are about one stream."""

_NOT_ADDRESSED = re.compile(r"/api/v1/work-items/.+")  # an item's id is enough
_BELOW = re.compile(rf"/api/v1/value-streams/([^/]+)/((?:{'|'.join(ADDRESSED)})(?:/.*)?)")


class StreamPaths:
    """Read the path below a stream as the plain path with the stream as a parameter."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        below = _BELOW.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if below is None or _NOT_ADDRESSED.fullmatch(f"/api/v1/{below[2]}"):
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        if "stream" in parse_qs(query, keep_blank_values=True):
            twice = InvalidValue("stream", "the path names the value stream already")
            await response(Request(scope), twice)(scope, receive, send)
            return
        named = urlencode({"stream": unquote(below[1])})
        # in place: whoever looks at this request afterwards sees where it was routed to
        scope["path"] = f"/api/v1/{below[2]}"
        scope["raw_path"] = scope["path"].encode()
        scope["query_string"] = f"{query}&{named}".lstrip("&").encode("latin-1")
        await self._app(scope, receive, send)


def described(document: dict[str, Any]) -> dict[str, Any]:
    """Return the paths below a stream as OpenAPI describes them, from those of the plain ones."""
    return {
        f"{PREFIX}/{path.removeprefix('/api/v1/')}": {
            verb: _below(operation) for verb, operation in operations.items() if _takes(operation)
        }
        for path, operations in document["paths"].items()
        if path.split("/")[3:4] and path.split("/")[3] in ADDRESSED
        if any(_takes(operation) for operation in operations.values())
    }


def _takes(operation: dict[str, Any]) -> bool:
    return any(each.get("name") == "stream" for each in operation.get("parameters", []))


def _below(operation: dict[str, Any]) -> dict[str, Any]:
    """Describe an operation with the stream in its path."""
    found = copy.deepcopy(operation)
    key = {
        "name": "key",
        "in": "path",
        "required": True,
        "description": "the value stream's key",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "title": "Key"},
    }
    others = [each for each in found["parameters"] if each.get("name") != "stream"]
    return found | {
        "parameters": [key, *others],
        "operationId": f"{found['operationId']}_of_stream",
        "summary": f"{found['summary']}, of a value stream",
    }
