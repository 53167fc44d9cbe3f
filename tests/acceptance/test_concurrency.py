"""Many clients at once, also through two instances of the service: nothing is lost or torn."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    assert_log_and_facts_agree,
    create,
    day,
    get,
    history,
    read,
    sql,
    told,
)
from tests.conftest import running_client

STAGES = ["Analysis", "Development", "Testing", "Deployment", "Production", "Backlog"]
GOOD = {"title": "Pay by invoice", "type": "feature"}


@pytest.fixture
async def replica(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a second instance of the service, on the same database as `client`."""
    async with running_client(database_url) as open_client:
        yield open_client


async def test_concurrent_moves_of_one_item_take_turns(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    item = await create(client)
    path = f"{ITEMS}/{item['id']}/transition"
    answers = await asyncio.gather(
        *(
            each.put(path, json={"to_stage": STAGES[number % 6]})
            for number, each in enumerate([client, replica] * 10)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    moves = await history(client, item["id"])
    assert len(moves) == 21
    assert moves == sorted(moves, key=lambda each: (each["timestamp"], each["id"]))
    for earlier, later in pairwise(moves):
        assert later["from_stage"] == earlier["to_stage"]
    answered = {answer.json()["id"]: answer.json() for answer in answers}
    for each in moves[1:]:
        assert each["from_stage"] == answered[each["id"]]["from_stage"]
    assert (await read(client, item["id"]))["version"] == item["version"] + 20
    await assert_log_and_facts_agree(database)


async def test_concurrent_moves_in_past_and_present_leave_one_consistent_history(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Backlog", day(0)))
    path = f"{ITEMS}/{item_id}/transition"
    bodies: list[dict[str, Any]] = [
        {"to_stage": stage, "timestamp": day(number % 5)} if number % 2 else {"to_stage": stage}
        for number, stage in enumerate(STAGES * 3)
    ]
    answers = await asyncio.gather(
        *(
            each.put(path, json=body)
            for each, body in zip([client, replica] * 9, bodies, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await history(client, item_id)) == 1 + len(bodies)
    await assert_log_and_facts_agree(database)


async def test_of_concurrent_creations_with_one_external_key_one_succeeds(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    body = GOOD | {"external_key": "SHOP-1"}
    answers = await asyncio.gather(*(each.post(ITEMS, json=body) for each in [client, replica] * 5))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]
    assert await sql(database, "SELECT count(*) FROM work_items") == [(1,)]
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(1,)]


async def test_of_concurrent_batches_with_one_external_key_one_succeeds(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    batch = {"items": [GOOD, GOOD | {"external_key": "SHOP-1"}]}
    answers = await asyncio.gather(
        *(each.post(f"{ITEMS}/batch", json=batch) for each in [client, replica] * 3)
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[422] * 5]
    assert await sql(database, "SELECT count(*) FROM work_items") == [(2,)]
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(2,)]


async def test_a_batch_and_single_creations_with_one_external_key_make_one_item(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    for number in range(5):
        item = GOOD | {"external_key": f"SHOP-{number}"}
        others = [GOOD | {"external_key": f"other-{number}-{each}"} for each in range(50)]
        answers = await asyncio.gather(
            client.post(f"{ITEMS}/batch", json={"items": [*others, item]}),
            *(replica.post(ITEMS, json=item) for _ in range(4)),
        )
        assert [answer.is_success for answer in answers].count(True) == 1
        assert {answer.status_code for answer in answers} <= {201, 409, 422}
        found = await get(client, ITEMS, external_key=f"SHOP-{number}")
        assert len(found["items"]) == 1
    await assert_log_and_facts_agree(database)


async def test_a_cancellation_and_a_move_at_one_time_agree_which_came_first(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    items = [await create(client) for _ in range(8)]
    paths = [f"{ITEMS}/{item['id']}" for item in items]
    answers = await asyncio.gather(
        *(client.post(f"{path}/cancel", json={"reason": "no use"}) for path in paths),
        *(replica.put(f"{path}/transition", json={"to_stage": "Testing"}) for path in paths),
    )
    for cancelled, moved in zip(answers[:8], answers[8:], strict=True):
        assert cancelled.status_code == 200
        if moved.status_code == 200:
            assert moved.json()["timestamp"] <= cancelled.json()["cancelled_at"]
            assert cancelled.json()["current_stage"] == "Testing"
        else:
            assert moved.json()["type"] == "/problems/item-cancelled"
            assert cancelled.json()["current_stage"] == "Backlog"
    await assert_log_and_facts_agree(database)


async def test_of_concurrent_voids_of_one_move_one_succeeds(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Testing", day(1)), ("Production", day(2)))
    mistaken = (await history(client, item_id))[1]
    path = f"{ITEMS}/{item_id}/transitions/{mistaken['id']}/void"
    answers = await asyncio.gather(
        *(each.post(path, json={"reason": "wrong"}) for each in [client, replica] * 3)
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    await assert_log_and_facts_agree(database)


async def test_more_clients_than_connections_wait_for_their_turn(
    client: httpx.AsyncClient, database: Database
) -> None:
    answers = await asyncio.gather(*(client.post(ITEMS, json=GOOD) for _ in range(60)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 60
    await assert_log_and_facts_agree(database)
