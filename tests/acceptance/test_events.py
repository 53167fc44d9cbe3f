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


async def next_event(lines: AsyncIterator[str]) -> dict[str, Any]:
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
            first, second = await next_event(lines), await next_event(lines)
            assert (first["work_item_id"], first["from_stage"]) == (item, None)
            assert first["to_stage"] == "Backlog"
            assert second["id"] == moved.json()["id"]
            assert (second["from_stage"], second["to_stage"]) == ("Backlog", "Development")
            assert second["title"] == "Pay by invoice"


async def next_kind(lines: AsyncIterator[str], item: int | None) -> str:
    """What the next event says has happened to this item; moves say none."""
    told = await next_event(lines)
    assert told["work_item_id"] == item
    return str(told.get("kind", "move"))


async def test_whoever_watches_is_told_of_what_happens_beside_moves(
    client: httpx.AsyncClient,
) -> None:
    item = await created(client)
    path = f"{ITEMS}/{item}"
    moved = (await client.put(f"{path}/transition", json={"to_stage": "Testing"})).json()["id"]
    async with watching(client) as lines, watching(client) as other:
        await client.patch(path, json={"title": "Pay by cheque"})
        await client.patch(path, json={"title": "Pay by cheque"})  # changes nothing: not told
        block = (await client.post(f"{path}/blocks", json={"reason": "No cheques"})).json()["id"]
        told = [await next_kind(lines, item) for _ in range(2)]
        await client.post(f"{path}/blocks/{block}/end", json={})
        await client.post(f"{path}/blocks/{block}/void")
        await client.post(f"{path}/transitions/{moved}/void", json={"reason": "Not tested"})
        await client.post(f"{path}/cancel", json={"reason": "Nobody has cheques"})
        await client.post(f"{path}/restore", json={})
        told += [await next_kind(lines, item) for _ in range(5)]
        assert [await next_kind(other, item) for _ in range(7)] == told
    assert told == [
        "item_edited",
        "item_blocked",
        "item_unblocked",
        "block_voided",
        "move_voided",
        "item_cancelled",
        "item_restored",
    ]


OTHER_STREAM = """
version: 1
value_streams:
  - key: other
    name: Another stream
    stages:
      - {name: Doing, category: active}
      - {name: Done, category: done}
"""


async def test_a_changed_stream_is_told_to_who_watches_it(client: httpx.AsyncClient) -> None:
    yaml = {"Content-Type": "application/yaml"}
    apply = "/api/v1/value-streams/apply"
    assert (await client.post(apply, content=OTHER_STREAM, headers=yaml)).status_code == 200
    async with watching(client, "other") as lines:
        renamed = OTHER_STREAM.replace("Another stream", "Yet another")
        await created(client)  # of the default stream: not told
        assert (await client.post(apply, content=renamed, headers=yaml)).status_code == 200
        assert await next_kind(lines, None) == "stream_changed"


async def test_very_many_moves_at_once_are_one_event(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.events.MOST_AT_ONCE", 3)
    items = [{"title": f"Item {n}", "type": "task"} for n in range(10)]
    async with watching(client) as lines:
        answer = await client.post(f"{ITEMS}/batch", json={"items": items})
        assert answer.status_code == 201, answer.text
        assert await next_event(lines) == {"at_least": 10}


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
