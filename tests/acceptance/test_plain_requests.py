"""The short way of moves and creations: shared statements, and the same answers as the long way."""

import asyncio
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.store.batches import Batches
from app.store.connecting import Connector
from app.store.database import Database
from app.store.plain_items import ITEMS as NEW_ITEMS
from app.store.plain_moves import MOVES
from tests.acceptance.helpers import (
    ITEMS,
    act,
    assert_log_and_facts_agree,
    create,
    day,
    parsed,
    problem,
    sql,
)

GOOD = {"title": "Pay by invoice", "type": "feature"}


def application(client: httpx.AsyncClient) -> FastAPI:
    app = client._transport.app  # type: ignore[attr-defined] # noqa: SLF001 - of ASGITransport
    assert isinstance(app, FastAPI)
    return app


@contextmanager
def long_way(client: httpx.AsyncClient) -> Iterator[None]:
    """Let nothing be plain for a while: a connection that cannot take part in it."""
    state = application(client).state
    before = state.shared

    class Never:
        async def run(self, _row: object) -> None:
            return None

    state.shared = replace(before, moves=Never(), items=Never(), histories=Never())
    yield
    state.shared = before


async def test_requests_at_one_time_share_transactions(
    client: httpx.AsyncClient, database: Database
) -> None:
    made = await asyncio.gather(*(client.post(ITEMS, json=GOOD) for _ in range(40)))
    moved = await asyncio.gather(
        *(
            client.put(f"{ITEMS}/{each.json()['id']}/transition", json={"to_stage": "Testing"})
            for each in made
        )
    )
    assert {each.status_code for each in made} == {201}
    assert {each.status_code for each in moved} == {200}
    (creations,) = await sql(database, "SELECT count(DISTINCT xmin::text) FROM stage_transitions")
    assert creations[0] <= 10  # eighty rows
    await assert_log_and_facts_agree(database)


async def test_of_requests_at_one_time_a_bad_one_fails_alone_with_its_own_problem(
    client: httpx.AsyncClient, database: Database
) -> None:
    ids = [(await create(client))["id"] for _ in range(6)]
    await act(client, ids[5], "cancel", reason="no use")
    bodies: list[tuple[int, dict[str, Any], dict[str, str]]] = [
        (ids[0], {"to_stage": "Testing"}, {}),
        (ids[1], {"to_stage": "Nowhere"}, {}),
        (ids[2], {"to_stage": "Testing", "expected_stage": "Analysis"}, {}),
        (ids[3], {"to_stage": "Testing"}, {"If-Match": '"7"'}),
        (ids[4], {"to_stage": "Testing"}, {"If-Match": '"1"'}),
        (ids[5], {"to_stage": "Testing"}, {}),
        (10**12, {"to_stage": "Testing"}, {}),
    ]
    answers = await asyncio.gather(
        *(
            client.put(f"{ITEMS}/{item_id}/transition", json=body, headers=headers)
            for item_id, body, headers in bodies
        )
    )
    assert [each.status_code for each in answers] == [200, 404, 412, 412, 200, 409, 404]
    for answer, status, name in (
        (answers[1], 404, "unknown-stage"),
        (answers[2], 412, "precondition-failed"),
        (answers[5], 409, "item-cancelled"),
        (answers[6], 404, "unknown-item"),
    ):
        problem(answer, status, name)
    entered = "SELECT count(*) FROM stage_transitions t JOIN stages s ON s.id = to_stage_id "
    assert await sql(database, f"{entered} WHERE s.name = 'Testing'") == [(2,)]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stage": "testing", "reason": "was begun", "actor_kind": "human"},
        {"stage": "Production", "external_key": "SHOP-1"},
        {"title": 'Überweisung \N{EURO SIGN} "quoted"', "source": "jira", "external_key": "J-1"},
        {"stream": "default"},
    ],
    ids=["plain", "entered", "finished", "titled", "streamed"],
)
async def test_both_ways_answer_with_the_same_bytes(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    """All but ids and instants, that is."""

    async def answers() -> list[tuple[int, list[str], list[tuple[str, Any]]]]:
        made = await client.post(ITEMS, json=GOOD | fields)
        path = f"{ITEMS}/{made.json()['id']}"
        moves = [
            await client.put(f"{path}/transition", json=body)
            for body in (
                {"to_stage": " dePLOYment"},
                {"to_stage": "Deployment", "reason": "again", "actor_kind": "agent"},
            )
        ]
        await client.patch(path, json={"title": "Another"})
        if "external_key" in fields:
            database = application(client).state.databases.primary
            await sql(database, "UPDATE work_items SET source = NULL, external_key = NULL")
        return [
            (each.status_code, sorted(each.headers), [*timeless(parsed(each))])
            for each in (made, *moves)
        ]

    short = await answers()
    with long_way(client):
        assert await answers() == short


def timeless(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields in their order, with those that differ each time only named."""
    for name, value in body.items():
        varies = name in ("id", "work_item_id", "timestamp") or name.endswith(("_at", "_since"))
        yield name, (value is None) if varies else value


async def test_both_ways_tell_the_same_history(client: httpx.AsyncClient) -> None:
    items = [await create(client, timestamp=day(0), title="Überweisung") for _ in range(4)]
    paths = [f"{ITEMS}/{each['id']}" for each in items]
    for path in paths[1:]:
        for stage, number in (("Testing", 1), ("Backlog", 2), ("production", 4), ("Testing", 5)):
            body = {"to_stage": stage, "timestamp": day(number), "actor_kind": "agent"}
            await client.put(f"{path}/transition", json=body)
    last = (await client.get(f"{paths[1]}/history")).json()["transitions"][-1]["id"]
    await client.post(f"{paths[1]}/transitions/{last}/void", json={"reason": "wrong card"})
    await act(client, items[2]["id"], "cancel", reason="no use")
    await client.post(f"{paths[3]}/blocks", json={"reason": "waits for the bank"})

    async def told() -> list[tuple[int, str, dict[str, Any]]]:
        answers = await asyncio.gather(*(client.get(f"{path}/history") for path in paths))
        found = []
        for each in answers:
            body = parsed(each)
            del body["as_of"], body["age"]
            for visit in body["visits"]:
                visit["hours"] = visit["exited"] and visit["hours"]
            body["fields"] = [*body, *body["visits"][0], *body["transitions"][0]]
            found.append((each.status_code, each.headers["etag"], body))
        return found

    short = await told()
    with long_way(client):
        assert await told() == short
    assert [len(body["transitions"]) for _, _, body in short] == [1, 4, 5, 5]
    assert [len(body["blocks"]) for _, _, body in short] == [0, 0, 0, 1]


async def test_a_replayed_answer_is_that_of_the_short_way_byte_by_byte(
    client: httpx.AsyncClient,
) -> None:
    key = {"Idempotency-Key": "5f0c2f6e-8a52"}
    first = await client.post(ITEMS, json=GOOD, headers=key)
    with long_way(client):
        again = await client.post(ITEMS, json=GOOD, headers=key)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]


async def test_one_key_for_two_items_at_one_time_moves_one_of_them(
    client: httpx.AsyncClient, database: Database
) -> None:
    ids = [(await create(client))["id"] for _ in range(4)]
    answers = await asyncio.gather(
        *(
            client.put(
                f"{ITEMS}/{each}/transition",
                json={"to_stage": "Testing"},
                headers={"Idempotency-Key": "one"},
            )
            for each in ids
        )
    )
    assert sorted(each.status_code for each in answers) == [200, 422, 422, 422]
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(5,)]


async def test_a_full_queue_is_told_at_once_and_nothing_is_written(
    client: httpx.AsyncClient, database: Database, database_url: str
) -> None:
    item = await create(client)
    state = application(client).state
    link = Connector(database_url).connect
    before = state.shared
    state.shared = replace(
        before,
        moves=Batches(link, MOVES, max_waiting=0),
        items=Batches(link, NEW_ITEMS, max_waiting=0),
    )
    answers = [
        await client.post(ITEMS, json=GOOD),
        await client.put(f"{ITEMS}/{item['id']}/transition", json={"to_stage": "Testing"}),
    ]
    state.shared = before
    for answer in answers:
        problem(answer, 503, "overloaded")
        assert answer.headers["retry-after"] == "1"
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(1,)]


async def test_clients_that_hang_up_leave_the_others_and_the_log_alone(
    client: httpx.AsyncClient, database: Database
) -> None:
    ids = [(await create(client))["id"] for _ in range(30)]
    tasks = [
        asyncio.create_task(client.put(f"{ITEMS}/{each}/transition", json={"to_stage": "Testing"}))
        for each in ids
    ]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0)
        if number % 3 == 0:
            task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    good = [each for each in answers if isinstance(each, httpx.Response)]
    assert len(good) >= 20
    assert {each.status_code for each in good} == {200}
    for each in good:
        found = await sql(
            database, "SELECT count(*) FROM stage_transitions WHERE id = :id", id=each.json()["id"]
        )
        assert found == [(1,)]
    await assert_log_and_facts_agree(database)


async def test_a_late_arrival_goes_the_long_way_to_its_place(
    client: httpx.AsyncClient, database: Database
) -> None:
    item = await create(client, timestamp=day(0))
    path = f"{ITEMS}/{item['id']}/transition"
    await client.put(path, json={"to_stage": "Deployment"})
    late = await client.put(path, json={"to_stage": "Testing", "timestamp": day(3)})
    assert late.json()["from_stage"] == "Backlog"
    await assert_log_and_facts_agree(database)


async def test_a_client_that_goes_before_its_body_came_is_no_failure_of_ours(
    client: httpx.AsyncClient, database: Database
) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    headers = [(b"content-type", b"application/json"), (b"content-length", b"43")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": ITEMS,
        "query_string": b"",
        "headers": headers,
    }
    await application(client)(scope, receive, send)
    assert sent[0]["status"] == 400
    assert await sql(database, "SELECT count(*) FROM work_items") == [(0,)]
