"""A service with a primary and a standby: who answers what, how stale, and what failures show."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from app.store import schema
from tests.acceptance.helpers import ITEMS, METRICS, create, get, problem
from tests.servers import Server, end, primary

BREAK_OFF = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
"""End the waits for a standby, as a client does that cancels what took too long."""

SOON = 12
"""Seconds within which a frozen server is given up, with room for a busy machine."""


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """A migrated primary and its standby."""
    with primary() as first:
        asyncio.run(asyncio.to_thread(schema.upgrade, first.url))
        second = first.standby(first.folder.with_name("standby"))
        second.start()
        try:
            yield first, second
        finally:
            end(second)


@asynccontextmanager
async def service(environ: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    base = {"VSM_LOG_LEVEL": "error", "DATABASE_CONNECT_TIMEOUT": "1"}
    app = create_app(Settings.read({**base, **environ}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://vsm", timeout=60
        ) as client:
            yield client


def with_standby(first: Server, second: Server, **environ: str) -> dict[str, str]:
    read = {"DATABASE_READ_HOST": "127.0.0.1", "DATABASE_READ_PORT": str(second.port)}
    return first.environ | read | environ


@asynccontextmanager
async def frozen(server: Server) -> AsyncIterator[None]:
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal(signal.SIGCONT)


async def sql(server: Server, statement: str) -> object:
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def until(client: httpx.AsyncClient, **expected: object) -> dict[str, object]:
    """Wait until the service's health is as expected."""
    deadline = time.monotonic() + SOON
    while True:
        health = await get(client, "/api/v1/health")
        if all(health[name] == value for name, value in expected.items()):
            return health
        assert time.monotonic() < deadline, health
        await asyncio.sleep(0.05)


async def numbers(client: httpx.AsyncClient) -> httpx.Response:
    answer = await client.get(METRICS)
    assert answer.status_code == 200, answer.text
    return answer


async def test_numbers_come_from_the_standby_and_say_how_stale_they_are_at_most(
    servers: tuple[Server, Server],
) -> None:
    async with service(with_standby(*servers)) as client:
        await until(client, standby_connected=True, database_connected=True)
        item = await create(client)
        answer = await numbers(client)
        assert answer.headers["vsm-served-by"] == "standby"
        assert 0 <= float(answer.headers["vsm-staleness"]) < 10
        assert "vsm-degraded" not in answer.headers
        for path in (f"{ITEMS}/{item['id']}", f"{ITEMS}/{item['id']}/history", ITEMS):
            assert "vsm-served-by" not in (await client.get(path)).headers, path


async def test_a_standby_that_is_too_far_behind_is_passed_over(
    servers: tuple[Server, Server],
) -> None:
    async with service(with_standby(*servers, DATABASE_MAX_LAG="2")) as client:
        await until(client, standby_connected=True, database_connected=True)
        await sql(servers[1], "SELECT pg_wal_replay_pause()")
        try:
            before = (await numbers(client)).json()["created"]
            await create(client)
            await asyncio.sleep(3.5)
            answer = await numbers(client)
            assert "vsm-served-by" not in answer.headers
            assert answer.json()["created"] == before + 1
        finally:
            await sql(servers[1], "SELECT pg_wal_replay_resume()")


async def test_a_standby_that_is_frozen_costs_numbers_some_seconds_once(
    servers: tuple[Server, Server],
) -> None:
    async with service(with_standby(*servers)) as client:
        await until(client, standby_connected=True)
        await numbers(client)
        async with frozen(servers[1]):
            began = time.monotonic()
            assert "vsm-served-by" not in (await numbers(client)).headers
            assert time.monotonic() - began < SOON
            assert (await until(client, standby_connected=False))["status"] == "UP"
            began = time.monotonic()
            assert "vsm-served-by" not in (await numbers(client)).headers
            assert time.monotonic() - began < 2
        await until(client, standby_connected=True)
        assert (await numbers(client)).headers["vsm-served-by"] == "standby"


async def test_while_the_primary_is_frozen_the_standby_answers_reads_and_writes_fail_fast(
    servers: tuple[Server, Server],
) -> None:
    good = {"title": "Pay by invoice", "type": "feature"}
    async with service(with_standby(*servers)) as client:
        item = await create(client)
        await until(client, standby_connected=True)
        async with frozen(servers[0]):
            began = time.monotonic()
            refused = await client.post(ITEMS, json=good)
            assert time.monotonic() - began < SOON
            # it was under way: whether it was to be committed then, nobody can tell
            lost = {"/problems/database-unavailable", "/problems/outcome-unknown"}
            assert (refused.status_code, refused.json()["type"] in lost) == (503, True)
            health = await until(client, serves="reads")
            assert (health["status"], health["database_connected"]) == ("DEGRADED", False)

            began = time.monotonic()
            problem(await client.post(ITEMS, json=good), 503, "database-unavailable")
            for path in (f"{ITEMS}/{item['id']}", ITEMS, METRICS, "/api/v1/stages"):
                answer = await client.get(path)
                assert answer.status_code == 200, answer.text
                assert answer.headers["vsm-degraded"] == "primary-away"
                assert float(answer.headers["vsm-staleness"]) > 0
            missing = await client.get(f"{ITEMS}/999999")
            assert (missing.status_code, missing.headers["vsm-served-by"]) == (404, "standby")
            assert (await client.get("/ready")).status_code == 200
            assert time.monotonic() - began < 5
        await until(client, serves="reads-and-writes")
        assert (await client.post(ITEMS, json=good)).status_code == 201


async def test_an_answer_is_not_given_again_before_a_standby_has_what_it_tells(
    servers: tuple[Server, Server],
) -> None:
    """A wait for a standby that is broken off leaves the write on the primary, for all to see."""
    first, second = servers
    good, key = {"title": "Pay by invoice", "type": "bug"}, {"Idempotency-Key": "one-of-two"}
    await sql(first, "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
    await sql(first, "SELECT pg_reload_conf()")
    try:
        async with service(first.environ | {"DATABASE_TIMEOUT": "1"}) as client:
            assert (await client.post(ITEMS, json=good)).status_code == 201
            async with frozen(second):
                problem(await client.post(ITEMS, json=good, headers=key), 503, "outcome-unknown")
                there = "SELECT count(*) FROM idempotency_keys WHERE key = 'one-of-two'"
                async with asyncio.timeout(10):
                    while not await sql(first, there):
                        await sql(first, BREAK_OFF)
                        await asyncio.sleep(0.05)
                problem(await client.post(ITEMS, json=good, headers=key), 503, "outcome-unknown")
            answer = await client.post(ITEMS, json=good, headers=key)
            assert (answer.status_code, answer.headers["idempotent-replayed"]) == (201, "true")
    finally:
        await sql(first, "ALTER SYSTEM RESET synchronous_standby_names")
        await sql(first, "SELECT pg_reload_conf()")


async def test_without_any_server_readiness_goes_and_liveness_stays(
    servers: tuple[Server, Server],
) -> None:
    async with service(servers[0].environ) as client:
        assert (await client.get("/ready")).status_code == 200
        async with frozen(servers[0]):
            health = await until(client, database_connected=False)
            assert health.keys() == {"status", "service", "version", "database_connected"}
            began = time.monotonic()
            problem(await client.get("/ready"), 503, "database-unavailable")
            problem(await client.get(ITEMS), 503, "database-unavailable")
            assert time.monotonic() - began < 2
        await until(client, database_connected=True)
        assert (await client.get("/ready")).status_code == 200


async def test_a_promoted_standby_takes_the_writes_without_a_restart(
    servers: tuple[Server, Server],
) -> None:
    """Last, for the servers are of no use for other tests after it."""
    first, second = servers
    both = {"DATABASE_HOST": "127.0.0.1,127.0.0.1", "DATABASE_PORT": f"{first.port},{second.port}"}
    async with service(first.environ | both) as client:
        item = await create(client)
        await until(client, standby_connected=True)
        first.kill()
        await until(client, serves="reads")
        answer = await client.get(f"{ITEMS}/{item['id']}")
        assert (answer.status_code, answer.headers["vsm-degraded"]) == (200, "primary-away")
        await asyncio.to_thread(second.promote)
        await until(client, serves="reads-and-writes")
        assert (await create(client))["id"] > item["id"]
