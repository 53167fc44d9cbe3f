"""Every problem that the documentation names can happen, and explains itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import yaml

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    METRICS,
    act,
    create,
    describe,
    get,
    history,
    problem,
    sql,
)
from tests.conftest import fresh_database, running_client

Provocation = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
STREAMS = "/api/v1/value-streams"
GOOD = {"title": "Pay by invoice", "type": "feature"}


async def _move(client: httpx.AsyncClient, **body: str) -> httpx.Response:
    item = await create(client)
    return await client.put(f"{ITEMS}/{item['id']}/transition", json=body)


async def _twice(client: httpx.AsyncClient, verb: str) -> httpx.Response:
    path = f"{ITEMS}/{(await create(client))['id']}/{verb}"
    await client.post(path, json={"reason": "no use"})
    return await client.post(path, json={"reason": "no use"})


async def _cancel_too_early(client: httpx.AsyncClient) -> httpx.Response:
    path = f"{ITEMS}/{(await create(client))['id']}/cancel"
    return await client.post(path, json={"reason": "no", "timestamp": "2020-01-01T00:00:00Z"})


async def _void_twice(client: httpx.AsyncClient) -> httpx.Response:
    item = await create(client)
    (first,) = await history(client, item["id"])
    path = f"{ITEMS}/{item['id']}/transitions/{first['id']}/void"
    await client.post(path, json={"reason": "wrong"})
    return await client.post(path, json={"reason": "wrong"})


async def _void_nothing(client: httpx.AsyncClient) -> httpx.Response:
    path = f"{ITEMS}/{(await create(client))['id']}/transitions/999999/void"
    return await client.post(path, json={"reason": "wrong"})


async def _move_cancelled(client: httpx.AsyncClient) -> httpx.Response:
    item = await create(client)
    await act(client, item["id"], "cancel", reason="no use")
    return await client.put(f"{ITEMS}/{item['id']}/transition", json={"to_stage": "Testing"})


async def _reuse_event(client: httpx.AsyncClient) -> httpx.Response:
    path = f"{ITEMS}/{(await create(client))['id']}/transition"
    await client.put(path, json={"to_stage": "Testing", "source_event_id": "7"})
    return await client.put(path, json={"to_stage": "Analysis", "source_event_id": "7"})


async def _reuse_key(client: httpx.AsyncClient) -> httpx.Response:
    key = {"Idempotency-Key": "7"}
    await client.post(ITEMS, json=GOOD, headers=key)
    return await client.post(ITEMS, json=GOOD | {"title": "By card"}, headers=key)


async def _block(client: httpx.AsyncClient, verb: str) -> httpx.Response:
    """End or void a block that is over and void already."""
    path = f"{ITEMS}/{(await create(client))['id']}/blocks"
    told = await client.post(path, json={"reason": "waits for the review"})
    path += f"/{told.json()['id']}/{verb}"
    await client.post(path, json={})
    return await client.post(path, json={})


async def _unknown_block(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(f"{ITEMS}/{(await create(client))['id']}/blocks/999999/void")


async def _apply(
    client: httpx.AsyncClient, change: Callable[[dict[str, Any]], Any]
) -> httpx.Response:
    """Apply what is in force with a change to its stream."""
    document = yaml.safe_load((await client.get(f"{STREAMS}/export")).text)
    change(document["value_streams"][0])
    headers = {"Content-Type": "application/yaml"}
    return await client.post(f"{STREAMS}/apply", content=yaml.safe_dump(document), headers=headers)


async def _leave_out_a_stage(client: httpx.AsyncClient) -> httpx.Response:
    await create(client)
    return await _apply(client, lambda stream: stream["stages"].pop(0))


async def _duplicate(client: httpx.AsyncClient) -> httpx.Response:
    await create(client, external_key="SHOP-1")
    return await client.post(ITEMS, json=GOOD | {"external_key": "SHOP-1"})


async def _fill_what_is_not_empty(client: httpx.AsyncClient) -> httpx.Response:
    await create(client)
    return await client.post("/api/v1/demo")


PROVOKE: dict[str, tuple[int, Provocation]] = {
    "invalid-request": (422, lambda c: c.post(ITEMS, json={})),
    "invalid-value": (422, lambda c: c.post(ITEMS, json=GOOD | {"stage": "Nowhere"})),
    "invalid-batch": (
        422,
        lambda c: c.post(
            f"{ITEMS}/batch",
            json={"items": [GOOD | {"timestamp": "2999-01-01T00:00:00Z"}]},
        ),
    ),
    "invalid-stream": (422, lambda c: _apply(c, lambda stream: stream.update(default=False))),
    "invalid-stream-file": (422, lambda c: _apply(c, lambda stream: stream.update(key="?"))),
    "invalid-import": (422, lambda c: c.post("/api/v1/imports", content=b"no table at all")),
    "unknown-item": (404, lambda c: c.get(f"{ITEMS}/999999")),
    "unknown-transition": (404, _void_nothing),
    "unknown-block": (404, _unknown_block),
    "unknown-stage": (404, lambda c: _move(c, to_stage="Nowhere")),
    "unknown-stream": (404, lambda c: c.get(ITEMS, params={"stream": "elsewhere"})),
    "no-such-path": (404, lambda c: c.get("/api/v2/work-items")),
    "method-not-allowed": (405, lambda c: c.delete(f"{ITEMS}/1")),
    "item-cancelled": (409, _move_cancelled),
    "item-not-cancelled": (409, lambda c: _twice(c, "restore")),
    "cancel-before-last-move": (409, _cancel_too_early),
    "transition-voided": (409, _void_twice),
    "block-ended": (409, lambda c: _block(c, "end")),
    "block-voided": (409, lambda c: _block(c, "void")),
    "stage-in-use": (409, _leave_out_a_stage),
    "duplicate-item": (409, _duplicate),
    "stream-not-empty": (409, _fill_what_is_not_empty),
    "event-id-reused": (409, _reuse_event),
    "precondition-failed": (412, lambda c: _move(c, to_stage="Testing", expected_stage="Testing")),
    "idempotency-key-reused": (422, _reuse_key),
    "clock-not-ready": (503, lambda c: c.get(METRICS, params={"clock": "working"})),
    "too-large": (413, lambda c: c.post("/api/v1/imports", content=b"x" * (2**20 + 1))),
}
ELSEWHERE = {
    "overloaded",
    *("database-unavailable", "database-busy", "outcome-unknown"),
    *("schema-outdated", "too-many-watchers"),
    *("wip-limit-reached", "move-not-allowed", "reason-needed"),
}
"""These need a service without its database, or a stream with rules, and are provoked with it."""


@pytest.fixture(scope="module")
async def tried(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that accepts files of one MiB and has a clock that is not wound yet.

    Each provocation brings its items.
    """
    async with (
        fresh_database(server_url, template) as url,
        running_client(url, VSM_MAX_IMPORT_MB="1") as open_client,
    ):
        await describe(url, filled=False)
        yield open_client


@pytest.mark.parametrize("name", PROVOKE)
async def test_a_problem_explains_itself_at_its_type(tried: httpx.AsyncClient, name: str) -> None:
    status, provoke = PROVOKE[name]
    body = problem(await provoke(tried), status, name)
    explained = await get(tried, body["type"])
    assert explained["type"] == body["type"]
    assert (explained["title"], explained["status"]) == (body["title"], status)
    for parent in explained["parents"]:
        assert (await get(tried, parent))["type"] == parent


async def test_every_documented_problem_is_among_those_provoked(tried: httpx.AsyncClient) -> None:
    document = await get(tried, "/openapi.json")
    named = {
        name
        for verbs in document["paths"].values()
        for operation in verbs.values()
        for answer in operation["responses"].values()
        for name in answer.get("content", {})
        .get("application/problem+json", {})
        .get("examples", {})
    }
    assert named <= PROVOKE.keys() | ELSEWHERE


async def test_a_method_that_a_path_does_not_know_is_answered_with_those_it_does(
    tried: httpx.AsyncClient,
) -> None:
    for path, methods in (
        ("/api/v1/stages", "GET"),
        (ITEMS, "GET, POST"),
        (f"{ITEMS}/1", "GET, PATCH"),
        ("/", "GET"),
    ):
        answer = await tried.put(path)
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == methods


async def test_an_unknown_type_of_problem_is_answered_with_the_known_ones(
    tried: httpx.AsyncClient,
) -> None:
    body = problem(await tried.get("/problems/nonsense"), 404, "no-such-path")
    for name in PROVOKE.keys() | ELSEWHERE:
        assert name in body["detail"]


async def test_a_fault_of_the_service_is_told_without_its_inner_workings(
    client: httpx.AsyncClient, database: Database
) -> None:
    await sql(database, "UPDATE value_streams SET time_zone = 'Mars/Olympus'")
    body = (await client.get("/api/v1/stages")).json()
    assert (body["type"], body["status"]) == ("/problems/internal-error", 500)
    assert body["request_id"]
    assert "Mars" not in str(body)
    explained = await get(client, body["type"])
    assert explained["title"] == body["title"]


async def test_a_refused_request_has_changed_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    for name, (_, provoke) in PROVOKE.items():
        if name.startswith("invalid") or name in ("unknown-stream", "no-such-path"):
            await provoke(client)
    assert await sql(database, "SELECT count(*) FROM work_items") == [(0,)]
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(0,)]
