"""Answers kept under a client's key: given again, waited for, forgotten in time."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Interval, bindparam, text

from app import jobs
from app.domain.errors import IdempotencyKeyReused
from app.store import idempotency
from app.store.database import Connection, Database, transaction
from app.store.idempotency import KEPT_FOR, Answer
from tests.integration.stored import until_one_waits

ANSWER = Answer(201, {"location": "/somewhere", "etag": '"1"'}, '{"é": 1}'.encode())
SECOND = timedelta(seconds=1)


async def kept_keys(connection: Connection) -> list[str]:
    found = await connection.execute(text("SELECT key FROM idempotency_keys ORDER BY key"))
    return list(found.scalars())


async def make_older(connection: Connection, key: str, age: timedelta) -> None:
    statement = "UPDATE idempotency_keys SET created_at = now() - :age WHERE key = :key"
    older = text(statement).bindparams(bindparam("age", type_=Interval))
    await connection.execute(older, {"age": age, "key": key})


async def test_the_first_answer_is_given_again_byte_by_byte(scratch: Connection) -> None:
    assert await idempotency.claim(scratch, "key", "this") is None
    await idempotency.keep(scratch, "key", ANSWER)
    assert await idempotency.claim(scratch, "key", "this") == ANSWER
    assert await idempotency.claim(scratch, "key", "this") == ANSWER


async def test_a_key_belongs_to_one_request(scratch: Connection) -> None:
    await idempotency.claim(scratch, "key", "this")
    await idempotency.keep(scratch, "key", ANSWER)
    with pytest.raises(IdempotencyKeyReused):
        await idempotency.claim(scratch, "key", "that")


async def test_a_repetition_waits_for_the_first_request_and_gets_its_answer(
    database: Database,
) -> None:
    async def repeat() -> Answer | None:
        async with transaction(database) as connection:
            return await idempotency.claim(connection, "key", "this")

    async with transaction(database) as first:
        await idempotency.claim(first, "key", "this")
        second = asyncio.create_task(repeat())
        await until_one_waits(first)
        await idempotency.keep(first, "key", ANSWER)
    assert await second == ANSWER


async def test_a_repetition_of_a_request_that_failed_is_the_first_one(database: Database) -> None:
    async def repeat() -> Answer | None:
        async with transaction(database) as connection:
            answer = await idempotency.claim(connection, "key", "this")
            await idempotency.keep(connection, "key", ANSWER)
            return answer

    async with database.connect() as first:
        await idempotency.claim(first, "key", "this")
        second = asyncio.create_task(repeat())
        await until_one_waits(first)
        await first.rollback()
        assert await second is None


async def test_a_key_is_forgotten_after_its_time_and_not_before(scratch: Connection) -> None:
    for key, age in (
        ("new", timedelta()),
        ("old", KEPT_FOR - SECOND),
        ("older", KEPT_FOR + SECOND),
    ):
        await idempotency.claim(scratch, key, "this")
        await make_older(scratch, key, age)
    assert await idempotency.forget_old(scratch) == 1
    assert await kept_keys(scratch) == ["new", "old"]
    assert await idempotency.claim(scratch, "older", "another") is None


async def test_the_service_forgets_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of the table, only more often than every hour."""
    [job] = [each for each in jobs.JOBS if each.run is jobs.forget_old_keys]
    assert 0 < job.every <= KEPT_FOR.total_seconds()
    monkeypatch.setattr(jobs, "JOBS", (replace(job, every=0.01),))
    async with transaction(database) as connection:
        await idempotency.claim(connection, "older", "this")
        await make_older(connection, "older", KEPT_FOR + SECOND)
    async with jobs.running(database), asyncio.timeout(10):
        while True:
            async with transaction(database) as connection:
                if not await kept_keys(connection):
                    return
            await asyncio.sleep(0.01)


async def test_a_job_that_fails_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First its connection is lost, then it has a fault; the third time it gets through."""
    attempts = 0
    done = asyncio.Event()

    async def fail_twice(pool: Database) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            async with transaction(pool) as connection:
                await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        if attempts == 2:
            raise RuntimeError
        done.set()

    monkeypatch.setattr(jobs, "JOBS", (jobs.Job("fail twice", fail_twice, every=0.01),))
    async with jobs.running(database), asyncio.timeout(10):
        await done.wait()
    assert attempts >= 3
