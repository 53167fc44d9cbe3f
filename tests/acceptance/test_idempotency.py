"""A write that carries an Idempotency-Key happens once, however often it is sent."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import ITEMS, act, create, fields, get, history, problem, sql
from tests.conftest import running_client

GOOD = {"title": "Pay by invoice", "type": "feature"}
CSV = "key,to_stage,timestamp\nA-1,Backlog,2025-03-03T00:00:00Z\n"
KEY = {"Idempotency-Key": "5f0c2f6e-8a52"}

Write = tuple[str, str, dict[str, Any]]
"""Method, path, and what httpx sends with them."""


async def _existing(client: httpx.AsyncClient) -> str:
    return f"{ITEMS}/{(await create(client))['id']}"


async def _create(_: httpx.AsyncClient) -> Write:
    return "POST", ITEMS, {"json": GOOD}


async def _batch(_: httpx.AsyncClient) -> Write:
    return "POST", f"{ITEMS}/batch", {"json": {"items": [GOOD, GOOD]}}


async def _move(client: httpx.AsyncClient) -> Write:
    return "PUT", f"{await _existing(client)}/transition", {"json": {"to_stage": "Testing"}}


async def _edit(client: httpx.AsyncClient) -> Write:
    return "PATCH", await _existing(client), {"json": {"title": "By card"}}


async def _cancel(client: httpx.AsyncClient) -> Write:
    return "POST", f"{await _existing(client)}/cancel", {"json": {"reason": "no use"}}


async def _restore(client: httpx.AsyncClient) -> Write:
    item = await create(client)
    await act(client, item["id"], "cancel", reason="no use")
    return "POST", f"{ITEMS}/{item['id']}/restore", {}


async def _void(client: httpx.AsyncClient) -> Write:
    item = await create(client)
    (first,) = await history(client, item["id"])
    path = f"{ITEMS}/{item['id']}/transitions/{first['id']}/void"
    return "POST", path, {"json": {"reason": "wrong card"}}


async def _import(_: httpx.AsyncClient) -> Write:
    return "POST", "/api/v1/imports?format=csv", {"content": CSV}


WRITES = [_create, _batch, _move, _edit, _cancel, _restore, _void, _import]


async def stored(database: Database) -> list[tuple[Any, ...]]:
    """Return what any write would change."""
    return [
        *await sql(database, "SELECT count(*), sum(version), max(updated_at) FROM work_items"),
        *await sql(database, "SELECT count(*), count(voided_at) FROM stage_transitions"),
    ]


@pytest.mark.parametrize("prepare", WRITES)
async def test_a_repeated_write_has_one_effect_and_the_same_answer(
    client: httpx.AsyncClient,
    database: Database,
    prepare: Callable[[httpx.AsyncClient], Awaitable[Write]],
) -> None:
    method, path, content = await prepare(client)
    before = await stored(database)
    first = await client.request(method, path, headers=KEY, **content)
    after = await stored(database)
    again = await client.request(method, path, headers=KEY, **content)
    assert first.is_success, first.text
    assert after != before
    assert await stored(database) == after
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("content-type", "location", "etag"):
        assert again.headers.get(name) == first.headers.get(name)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_every_write_documents_the_key(client: httpx.AsyncClient) -> None:
    document = await get(client, "/openapi.json")
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            named = {each["name"] for each in operation.get("parameters", [])}
            assert ("Idempotency-Key" in named) == (verb != "get"), (verb, path)


async def test_without_a_key_every_request_is_a_new_one(client: httpx.AsyncClient) -> None:
    first, second = [(await client.post(ITEMS, json=GOOD)).json() for _ in range(2)]
    assert first["id"] != second["id"]


async def test_a_key_belongs_to_one_request(client: httpx.AsyncClient, database: Database) -> None:
    await client.post(ITEMS, json=GOOD, headers=KEY)
    item = await client.get(ITEMS)
    path = f"{ITEMS}/{item.json()['items'][0]['id']}"
    before = await stored(database)
    for method, url, body in (
        ("POST", ITEMS, GOOD | {"type": "bug"}),
        ("POST", ITEMS, GOOD | {"timestamp": "2025-03-03T00:00:00Z"}),
        ("POST", f"{ITEMS}/batch", {"items": [GOOD]}),
        ("PATCH", path, GOOD),
    ):
        answer = await client.request(method, url, json=body, headers=KEY)
        problem(answer, 422, "idempotency-key-reused")
    assert await stored(database) == before


async def test_another_precondition_makes_another_request(client: httpx.AsyncClient) -> None:
    item = await create(client)
    path = f"{ITEMS}/{item['id']}"
    await client.patch(path, json=GOOD, headers=KEY | {"If-Match": '"1"'})
    answer = await client.patch(path, json=GOOD, headers=KEY | {"If-Match": '"2"'})
    problem(answer, 422, "idempotency-key-reused")


async def test_the_order_and_spacing_of_a_bodys_fields_do_not_matter(
    client: httpx.AsyncClient,
) -> None:
    headers = KEY | {"Content-Type": "application/json"}
    ids = [
        (await client.post(ITEMS, content=content, headers=headers)).json()["id"]
        for content in (
            '{"title": "Pay", "type": "feature"}',
            '{"type":"feature","title":"Pay"}',
            '\n{ "type" : "feature", "title" : "\\u0050ay" }\n',
        )
    ]
    assert len(set(ids)) == 1


async def test_requests_with_one_key_at_one_time_have_one_effect_and_one_answer(
    client: httpx.AsyncClient, database: Database
) -> None:
    answers = await asyncio.gather(*(client.post(ITEMS, json=GOOD, headers=KEY) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert await sql(database, "SELECT count(*) FROM work_items") == [(1,)]


async def test_different_requests_with_one_key_at_one_time_have_one_effect(
    client: httpx.AsyncClient, database: Database
) -> None:
    bodies = [GOOD | {"title": f"item {number}"} for number in range(8)]
    answers = await asyncio.gather(*(client.post(ITEMS, json=body, headers=KEY) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, *[422] * 7]
    assert await sql(database, "SELECT count(*) FROM work_items") == [(1,)]


async def test_a_refused_request_leaves_its_key_free(client: httpx.AsyncClient) -> None:
    item = await create(client)
    move = f"{ITEMS}/{item['id']}/transition"
    testing = {"to_stage": "Testing"}
    for number, (method, path, wrong, status, right) in enumerate(
        (
            ("POST", ITEMS, GOOD | {"title": ""}, 422, GOOD),
            ("PUT", move, {"to_stage": "Nowhere"}, 404, {"to_stage": "Analysis"}),
            ("PUT", move, testing | {"expected_stage": "Backlog"}, 412, testing),
        )
    ):
        key = {"Idempotency-Key": f"key-{number}"}
        for _ in range(2):
            refused = await client.request(method, path, json=wrong, headers=key)
            assert refused.status_code == status
        repaired = await client.request(method, path, json=right, headers=key)
        assert repaired.is_success
        assert "idempotent-replayed" not in repaired.headers


@pytest.mark.parametrize("key", [b"", b"two words", b"x" * 256, "Schlüssel".encode()])
async def test_a_key_that_cannot_be_right_is_refused(shared: httpx.AsyncClient, key: bytes) -> None:
    answer = await shared.post(ITEMS, json=GOOD, headers={b"Idempotency-Key": key})
    assert fields(problem(answer, 422, "invalid-request")) == ["Idempotency-Key"]


async def test_a_key_that_is_too_long_is_not_taken_for_its_beginning(
    client: httpx.AsyncClient,
) -> None:
    first = await client.post(ITEMS, json=GOOD, headers={"Idempotency-Key": "x" * 255})
    assert first.status_code == 201
    answer = await client.post(ITEMS, json=GOOD, headers={"Idempotency-Key": "x" * 256})
    problem(answer, 422, "invalid-request")


async def test_a_file_that_is_too_large_is_refused_with_a_key_as_without(
    database_url: str,
) -> None:
    async with running_client(database_url, VSM_MAX_IMPORT_MB="1") as client:
        answer = await client.post("/api/v1/imports", content=b"x" * (2**20 + 1), headers=KEY)
        problem(answer, 413, "too-large")
