"""Queries that go to the driver: their rows, their transaction, and who is told of them."""

import asyncio
import logging
import time
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy import text

from app.domain.errors import DatabaseUnavailable
from app.store.database import Connection, Database, open_database, transaction
from app.store.queries import Query
from app.store.turns import Turns, sent, tasks
from app.store.watching import Statement, watch

ECHOED = Query.of("echoed", "SELECT CAST(:word AS text) AS word, CAST(:number AS int) AS items")
CLOCK = Query.of("clock", "SELECT clock_timestamp() AS at")
SLEEP = Query.of("sleep", "SELECT pg_sleep(:seconds) IS NULL AS slept, clock_timestamp() AS at")
WRONG = Query.of("wrong", "SELECT 1 / CAST(:zero AS int)")
BACKEND = Query.of("backend", "SELECT pg_backend_pid() AS pid")
END = Query.of("end", "SELECT pg_terminate_backend(CAST(:pid AS int))")
IS_ASLEEP = Query.of(
    "is_asleep",
    "SELECT count(*) > 0 AS asleep FROM pg_stat_activity "
    "WHERE pid = CAST(:pid AS int) AND wait_event = 'PgSleep'",
)
NOW = Query.of("now", "SELECT now() AS at, txid_current() AS transaction")


async def test_a_query_takes_its_parameters_by_name_and_gives_columns_as_attributes(
    connection: Connection,
) -> None:
    row = await ECHOED.row(connection, {"number": 7, "word": "seven", "unused": None})
    assert (row.word, row.items, tuple(row)) == ("seven", 7, ("seven", 7))
    with pytest.raises(AttributeError, match="other"):
        _ = row.other


async def test_a_parameter_that_is_named_twice_is_sent_once(connection: Connection) -> None:
    query = Query.of("twice", "SELECT CAST(:n AS int) + CAST(:n AS int) AS n, '12:30'::time AS t")
    assert query.names == ("n",)
    assert (await query.row(connection, {"n": 3})).n == 6


async def test_a_first_query_begins_the_transaction_and_others_are_part_of_it(
    database: Database,
) -> None:
    async with transaction(database) as connection:
        first = await NOW.row(connection)
        await asyncio.sleep(0.002)
        second = await NOW.row(connection)
        third = (await connection.execute(text("SELECT now(), txid_current()"))).one()
    assert tuple(first) == tuple(second) == tuple(third)


async def test_what_a_query_wrote_is_undone_with_its_transaction(database: Database) -> None:
    rename = Query.of("rename", "UPDATE value_streams SET name = :name RETURNING name")
    name = Query.of("name", "SELECT name FROM value_streams")

    async def fail() -> None:
        async with transaction(database) as connection:
            assert (await rename.row(connection, {"name": "Other"})).name == "Other"
            await WRONG.rows(connection, {"zero": 0})

    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    async with transaction(database) as connection:
        assert (await name.row(connection)).name != "Other"


async def test_queries_of_several_tasks_run_one_after_the_other_in_the_order_asked(
    connection: Connection,
) -> None:
    turns = Turns(connection)
    async with tasks() as group:
        asked = [
            group.create_task(turns.rows(SLEEP, {"seconds": seconds}))
            for seconds in (0.05, 0.0, 0.02)
        ]
    ended = [each.result()[0].at for each in asked]
    assert ended == sorted(ended)


async def test_the_next_query_runs_while_rows_are_made_use_of(connection: Connection) -> None:
    turns = Turns(connection)

    async def used() -> datetime:
        await turns.rows(CLOCK, {})
        return computed()

    await CLOCK.row(connection)  # known to the driver: to prepare it would take turns of its own
    async with tasks() as group:
        first = group.create_task(used())
        other = group.create_task(turns.rows(CLOCK, {}))
    assert other.result()[0].at < first.result()


async def test_what_is_sent_runs_while_the_sender_computes(connection: Connection) -> None:
    await CLOCK.row(connection)
    async with tasks() as group:
        asked = group.create_task(CLOCK.row(connection))
        await sent()
        ended = computed()
    assert asked.result().at < ended


def computed() -> datetime:
    """Compute something for a while, and let nobody else do anything; return when it ended."""
    began = time.monotonic()
    while time.monotonic() - began < 0.5:
        pass
    return datetime.now(UTC)


async def test_a_query_that_fails_raises_what_it_would_alone_and_ends_the_others(
    database: Database,
) -> None:
    started = []

    async def fail() -> None:
        async with transaction(database) as connection:
            turns = Turns(connection)
            async with tasks() as group:
                group.create_task(turns.rows(WRONG, {"zero": 0}))
                started.append(group.create_task(turns.rows(SLEEP, {"seconds": 60})))

    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    assert [each.cancelled() for each in started] == [True]
    async with transaction(database) as connection:
        assert (await ECHOED.row(connection, {"word": "on", "number": 1})).word == "on"


async def test_a_query_that_is_cancelled_leaves_a_connection_that_works(
    database: Database,
) -> None:
    async def sleep() -> None:
        async with transaction(database) as connection:
            await SLEEP.row(connection, {"seconds": 60})

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with transaction(database) as connection:
        assert (await ECHOED.row(connection, {"word": "on", "number": 1})).word == "on"


async def test_who_watches_is_told_of_each_query_by_name_also_if_it_fails(
    database: Database,
) -> None:
    told: list[Statement] = []
    watch(database, told.append, lambda _: None)
    async with transaction(database) as connection:
        await connection.execute(text("SELECT 1"))
        await ECHOED.row(connection, {"word": "told", "number": 1})

    async def fail() -> None:
        async with transaction(database) as connection:
            await connection.execute(text("SELECT 1"))
            await WRONG.rows(connection, {"zero": 0})

    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    names = [(each.name, each.error) for each in told]
    assert names == [
        ("SELECT", None),
        ("echoed", None),
        ("SELECT", None),
        ("wrong", "DivisionByZeroError"),
    ]
    assert all(each.seconds >= 0 for each in told)


async def test_statements_that_are_to_be_logged_are_logged_with_their_values(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(database_url, echo=True)
    with caplog.at_level(logging.INFO, "sqlalchemy.engine.Engine"):
        async with transaction(database) as connection:
            await ECHOED.row(connection, {"word": "aloud", "number": 1})
    await database.dispose()
    assert any("AS word" in each and "['aloud', 1]" in each for each in caplog.messages)


async def test_a_connection_that_is_lost_during_a_query_is_an_outage_and_is_replaced(
    database: Database,
) -> None:
    lost: list[int] = []

    async def sleep() -> None:
        async with transaction(database) as connection:
            lost.append((await BACKEND.row(connection)).pid)
            await SLEEP.row(connection, {"seconds": 60})

    task = asyncio.create_task(sleep())
    while not lost or not await is_asleep(database, lost[0]):  # noqa: ASYNC110 - the server knows
        await asyncio.sleep(0.01)
    async with transaction(database) as connection:
        await END.row(connection, {"pid": lost[0]})
    with pytest.raises(DatabaseUnavailable) as raised:
        await task
    assert raised.value.passing  # nothing was written: who asked may ask again
    async with transaction(database) as connection:
        assert (await BACKEND.row(connection)).pid != lost[0]


async def is_asleep(database: Database, pid: int) -> bool:
    """Tell whether a backend sleeps; asked once a transaction, which would be told the same."""
    async with transaction(database) as connection:
        return bool((await IS_ASLEEP.row(connection, {"pid": pid})).asleep)
