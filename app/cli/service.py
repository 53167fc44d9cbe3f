"""Ask the service in this process: a command shows exactly what the API answers.

No server needs to run and no port is opened; the application is called as a server would call it.
"""

import asyncio
import json
from collections.abc import Iterable, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import typer

from app.cli.console import fail
from app.cli.database import database_url
from app.settings import Settings

BAD_REQUEST = 400


def get(path: str, query: Iterable[tuple[str, Any]], accept: str = "application/json") -> str:
    """Return the body of a GET; what the API refuses ends the command with the problem's words.

    Parameters that are None are left out; a list is repeated.
    """
    settings = replace(Settings.read(), log_level="error")  # the answer is what was asked for
    with database_url(settings) as url:
        status, body = asyncio.run(_get(settings, url, path, _encoded(query), accept))
    if status >= BAD_REQUEST:
        fail(json.loads(body)["detail"])
        raise typer.Exit(1)
    return body


def _encoded(query: Iterable[tuple[str, Any]]) -> str:
    stated = [(name, value) for name, value in query if value is not None]
    return urlencode(stated, doseq=True)


async def _get(settings: Settings, url: str, path: str, query: str, accept: str) -> tuple[int, str]:
    """Call the application with one request."""
    from app.main import create_app  # noqa: PLC0415 - FastAPI takes long to import

    app = create_app(settings, url)
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"accept", accept.encode()), (b"host", b"localhost")],
        "client": None,
        "server": None,
    }
    status, chunks = 0, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        chunks.append(message.get("body", b""))

    async with app.router.lifespan_context(app):
        await app(scope, receive, send)
    return status, b"".join(chunks).decode()
