"""Many clients at once, through two instances of the service: a limit of 3 never shows 4."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    act,
    assert_log_and_facts_agree,
    create,
    get,
    history,
    sql,
)
from tests.acceptance.ruling import allow, breaches, limit, most_at_once
from tests.conftest import running_client

LIMIT = 3
Call = Coroutine[Any, Any, httpx.Response]


@pytest.fixture
async def replica(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a second instance of the service, on the same database as `client`."""
    async with running_client(database_url) as open_client:
        yield open_client


def put(client: httpx.AsyncClient, item: dict[str, Any], to_stage: str) -> Call:
    return client.put(f"{ITEMS}/{item['id']}/transition", json={"to_stage": to_stage})


def post(client: httpx.AsyncClient, stage: str, **more: Any) -> Call:
    body = {"title": "Pay by invoice", "type": "feature", "stage": stage}
    return client.post(ITEMS, json=body | more)


async def present(database: Database, stage: str) -> int:
    """Count as anybody sees it who looks now."""
    [(items,)] = await sql(
        database,
        """
        SELECT count(*) FROM work_items i JOIN stages s ON s.id = i.current_stage_id
        WHERE s.name = :stage AND i.cancelled_at IS NULL
        """,
        stage=stage,
    )
    return int(items)


@asynccontextmanager
async def watched(database: Database, stage: str) -> AsyncIterator[list[int]]:
    """Look again and again for the block's time how many items are in a stage."""
    seen: list[int] = []
    over = asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            seen.append(await present(database, stage))
            await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        yield seen
        over.set()
    seen.append(await present(database, stage))


async def test_of_forty_who_enter_at_once_exactly_as_many_get_in_as_there_is_room_for(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", LIMIT, "enforce")
    items = [await create(client) for _ in range(20)]
    both = [client, replica] * 10
    async with watched(database, "Testing") as seen:
        answers = await asyncio.gather(
            *(put(each, item, "Testing") for each, item in zip(both, items, strict=True)),
            *(post(each, "Testing") for each in both),
        )
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] + statuses[201] == LIMIT
    assert statuses[409] == 40 - LIMIT
    assert max(seen) == seen[-1] == LIMIT
    types = {answer.json()["type"] for answer in answers if answer.status_code == 409}
    assert types == {"/problems/wip-limit-reached"}
    assert await breaches(database) == []
    await assert_log_and_facts_agree(database)


async def test_a_limit_holds_while_items_come_and_go_now_and_by_the_log(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", LIMIT, "enforce")
    items = [await create(client) for _ in range(16)]

    async def pass_through(each: httpx.AsyncClient, item: dict[str, Any], number: int) -> None:
        while (await put(each, item, "Testing")).status_code == 409:  # noqa: ASYNC110 - it tries again
            await asyncio.sleep(0.01)
        if number % 4 == 0:
            await act(each, item["id"], "cancel", reason="no use")
        else:
            await put(each, item, "Production")

    async with watched(database, "Testing") as seen:
        await asyncio.gather(
            *(
                pass_through(each, item, number)
                for number, (each, item) in enumerate(
                    zip([client, replica] * 8, items, strict=True)
                )
            )
        )
    assert max(seen) <= LIMIT
    assert seen[-1] == 0
    assert 1 < await most_at_once(database, "Testing") <= LIMIT
    await assert_log_and_facts_agree(database)


async def test_of_concurrent_restorations_as_many_succeed_as_there_is_room_for(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    items = [await create(client, stage="Testing") for _ in range(8)]
    for item in items:
        await act(client, item["id"], "cancel", reason="no use")
    await limit(database, "Testing", LIMIT, "enforce")
    answers = await asyncio.gather(
        *(
            each.post(f"{ITEMS}/{item['id']}/restore")
            for each, item in zip([client, replica] * 4, items, strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * LIMIT + [409] * 5
    assert await present(database, "Testing") == LIMIT


async def test_a_limit_that_warns_misses_nobody(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", LIMIT, "warn")
    answers = await asyncio.gather(*(post(each, "Testing") for each in [client, replica] * 6))
    assert {answer.status_code for answer in answers} == {201}
    warned = [answer for answer in answers if "warnings" in answer.json()]
    assert len(warned) == len(await breaches(database)) == 12 - LIMIT


async def test_moves_that_cross_between_two_limited_stages_never_wait_for_each_other(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    for stage in ("Development", "Testing"):
        await limit(database, stage, 12, "enforce")
    await allow(database, "warn", ("Development", "Testing"))
    items = [await create(client, stage="Development") for _ in range(8)]
    items += [await create(client, stage="Testing") for _ in range(8)]
    for turn in range(4):
        answers = await asyncio.gather(
            *(
                put(each, item, "Testing" if (number < 8) == (turn % 2 == 0) else "Development")
                for number, (each, item) in enumerate(
                    zip([client, replica] * 8, items, strict=True)
                )
            ),
            *(post(each, "Testing", external_key=f"SHOP-{turn}") for each in (client, replica) * 2),
        )
        # a stage may be full for a moment, but nobody is ever told that the database gave up
        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        for stage in ("Development", "Testing"):
            assert await present(database, stage) <= 12
    for item in items:
        assert len(await history(client, item["id"])) <= 5
    assert (await get(client, ITEMS, source="api"))["items"]
    await assert_log_and_facts_agree(database)


async def test_who_leaves_a_full_stage_does_not_wait_for_who_enters(
    client: httpx.AsyncClient, replica: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", LIMIT, "enforce")
    item = await create(client, stage="Testing")
    async with database.connect() as holder:
        entering = "SELECT 1 FROM stages WHERE name = 'Testing' FOR NO KEY UPDATE"
        await holder.exec_driver_sql(entering)
        async with asyncio.timeout(10):
            assert (await put(replica, item, "Production")).status_code == 200
            assert (await post(client, "Development")).status_code == 201
