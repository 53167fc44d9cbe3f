"""Moves as they happen: who watches is told, once, and only of the stream watched."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.usecases import watch_moves
from tests.acceptance.helpers import ITEMS, problem
from tests.conftest import fresh_database, served

EVENTS = "/api/v1/events"
SOON = 5.0


@pytest.fixture(scope="module")
async def client(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service behind a real server."""
    async with (
        fresh_database(server_url, template) as url,
        served(url) as address,
        httpx.AsyncClient(base_url=address, timeout=SOON) as open_client,
    ):
        yield open_client


@asynccontextmanager
async def watching(
    client: httpx.AsyncClient, stream: str | None = None
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of an event stream, once it has begun."""
    params = {"stream": stream} if stream else {}
    async with client.stream("GET", EVENTS, params=params) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 3000"
        yield lines


async def next_move(lines: AsyncIterator[str]) -> dict[str, Any]:
    """The data of the next event."""
    async with asyncio.timeout(SOON):
        async for line in lines:
            if line.startswith("data: "):
                told: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return told
    raise AssertionError("the stream ended")


async def created(client: httpx.AsyncClient, **more: str) -> int:
    answer = await client.post(ITEMS, json={"title": "Pay by invoice", "type": "feature"} | more)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def test_whoever_watches_is_told_of_a_creation_and_of_a_move(
    client: httpx.AsyncClient,
) -> None:
    await created(client)  # before anybody watches: not told
    async with watching(client) as one, watching(client) as other:
        item = await created(client)
        moved = await client.put(f"{ITEMS}/{item}/transition", json={"to_stage": "Development"})
        for lines in (one, other):
            first, second = await next_move(lines), await next_move(lines)
            assert (first["work_item_id"], first["from_stage"]) == (item, None)
            assert first["to_stage"] == "Backlog"
            assert second["id"] == moved.json()["id"]
            assert (second["from_stage"], second["to_stage"]) == ("Backlog", "Development")
            assert second["title"] == "Pay by invoice"


async def test_very_many_moves_at_once_are_one_event(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.events.MOST_AT_ONCE", 3)
    items = [{"title": f"Item {n}", "type": "task"} for n in range(10)]
    async with watching(client) as lines:
        answer = await client.post(f"{ITEMS}/batch", json={"items": items})
        assert answer.status_code == 201, answer.text
        assert await next_move(lines) == {"at_least": 10}


async def test_an_unknown_stream_cannot_be_watched(client: httpx.AsyncClient) -> None:
    problem(await client.get(EVENTS, params={"stream": "elsewhere"}), 404, "unknown-stream")


async def test_a_process_serves_so_many_watchers_and_no_more(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_moves, "MOST_WATCHERS", 1)
    async with watching(client):
        problem(await client.get(EVENTS), 503, "too-many-watchers")


async def test_nobody_reads_the_log_while_nobody_watches(client: httpx.AsyncClient) -> None:
    async with watching(client):
        assert "watch for new moves" in _tasks()
    for _ in range(50):
        if "watch for new moves" not in _tasks():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the log is still read")


def _tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}
