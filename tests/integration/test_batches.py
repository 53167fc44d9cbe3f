"""Writes that wait together share a statement, and each of them still stands for itself."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from app.domain.errors import OutcomeUnknown, Overloaded
from app.domain.transition import Moved
from app.domain.work_item import WorkItemType
from app.store import definition_locks, transitions, work_items
from app.store.batches import SESSION, Batches, BatchStatement
from app.store.connecting import Connector
from app.store.database import Database, transaction
from app.store.databases import Databases, Options
from app.store.idempotency import Answer, Keyed
from app.store.plain_items import ITEMS, Entered, PlainItem
from app.store.plain_moves import MOVES, PlainMove
from app.usecases.create import Creation, create
from tests.integration.stored import broken_links, table_rows, until_one_waits

STAGES = ["Backlog", "Analysis", "Development", "Testing", "Deployment", "Production"]


@asynccontextmanager
async def batches(
    url: str,
    statement: BatchStatement[Any, Any],
    settings: Mapping[str, str] = SESSION,
    **options: Any,
) -> AsyncIterator[Batches[Any, Any]]:
    """Take writes on for the block's time."""
    connector = Connector(url)

    async def connect(_: Mapping[str, str]) -> asyncpg.Connection:
        return await connector.connect(settings)

    opened = Batches(connect, statement, **options)
    yield opened
    await opened.close()


@pytest.fixture
async def moves(database_url: str) -> AsyncIterator[Batches[PlainMove, Moved]]:
    async with batches(database_url, MOVES) as opened:
        yield opened


@pytest.fixture
async def items(database_url: str) -> AsyncIterator[Batches[PlainItem, Entered]]:
    async with batches(database_url, ITEMS) as opened:
        yield opened


async def new_items(database: Database, count: int) -> list[int]:
    async with transaction(database) as connection:
        return [
            (await create(connection, Creation(f"Item {n}", WorkItemType.FEATURE))).item.id
            for n in range(count)
        ]


async def value(database: Database, statement: str) -> Any:
    async with transaction(database) as connection:
        return await connection.scalar(text(statement))


def kept(_: object) -> Answer:
    return Answer(200, {"etag": '"2"'}, b"{}")


async def test_moves_that_wait_together_are_one_transaction(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    ids = await new_items(database, 40)
    done = await asyncio.gather(*(moves.run(PlainMove(each, "Analysis")) for each in ids))
    assert [each and each.transition.work_item_id for each in done] == ids
    commits = "SELECT count(DISTINCT xmin::text) FROM stage_transitions WHERE to_stage_id = 2"
    assert await value(database, commits) == 1


async def test_a_row_that_comes_alone_is_answered_after_its_commit(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    (item_id,) = await new_items(database, 1)
    moved = await moves.run(PlainMove(item_id, "testing ", reason="ready"))
    assert moved is not None
    async with transaction(database) as connection:
        assert await transitions.get(connection, item_id, moved.transition.id) == moved.transition
        assert (await work_items.get(connection, item_id)).version == moved.version == 2


async def test_moves_of_one_item_take_turns_in_the_order_they_came(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    (item_id,) = await new_items(database, 1)
    asked = [STAGES[n % 6] for n in range(20)]
    done = await asyncio.gather(*(moves.run(PlainMove(item_id, stage)) for stage in asked))
    assert [each and each.version for each in done] == list(range(2, 22))
    async with transaction(database) as connection:
        log = await transitions.history(connection, item_id)
        assert [each.to_stage for each in log] == ["Backlog", *asked]
        assert await broken_links(connection) == []


async def test_the_facts_after_batches_are_those_that_the_log_gives(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    ids, chance = await new_items(database, 12), random.Random(7)
    now = datetime.now(UTC)
    asked = [
        PlainMove(
            chance.choice(ids),
            chance.choice(STAGES),
            chance.choice([None, None, now + timedelta(seconds=chance.randrange(200))]),
        )
        for _ in range(300)
    ]
    done = await asyncio.gather(*map(moves.run, asked))
    assert 200 < sum(each is not None for each in done) < 300  # some came too late to be last
    async with transaction(database) as connection:
        assert await broken_links(connection) == []
        before = await table_rows(connection, "work_items", "stage_transitions")
        await transitions.derive_facts(connection, ids)
        assert await table_rows(connection, "work_items", "stage_transitions") == before


@pytest.mark.parametrize(
    "bad",
    [
        {"item_id": 10**15},
        {"to_stage": "Nowhere"},
        {"version_then": 7},
        {"stage_then": "Testing"},
        {"instant": datetime(2025, 3, 3, tzinfo=UTC)},
        {"instant": datetime.now(UTC) + timedelta(days=1)},
    ],
    ids=lambda bad: next(iter(bad)),
)
async def test_a_row_that_is_not_plain_is_left_alone_and_holds_up_nobody(
    database: Database, moves: Batches[PlainMove, Moved], bad: dict[str, Any]
) -> None:
    first, second, third = await new_items(database, 3)
    rows = [
        PlainMove(first, "Analysis", version_then=1),
        PlainMove(second, "Analysis")._replace(**bad),
        PlainMove(third, "Analysis", stage_then="BACKLOG"),
    ]
    done = await asyncio.gather(*map(moves.run, rows))
    assert [each is None for each in done] == [False, True, False]
    async with transaction(database) as connection:
        assert len(await transitions.history(connection, second)) == 1
        assert (await work_items.get(connection, second)).version == 1


async def test_an_item_that_somebody_holds_holds_up_nobody_else(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    ids = await new_items(database, 5)
    async with transaction(database) as holding:
        await work_items.lock(holding, ids[2])
        done = await asyncio.gather(*(moves.run(PlainMove(each, "Analysis")) for each in ids))
    assert [each is None for each in done] == [False, False, True, False, False]


async def test_while_a_definition_changes_nothing_is_plain(
    database: Database,
    moves: Batches[PlainMove, Moved],
    items: Batches[PlainItem, Entered],
) -> None:
    (item_id,) = await new_items(database, 1)
    async with transaction(database) as applying:
        await definition_locks.own(applying, 1)
        assert await moves.run(PlainMove(item_id, "Analysis")) is None
        assert await items.run(PlainItem("Pay", WorkItemType.BUG)) is None
    assert await moves.run(PlainMove(item_id, "Analysis")) is not None


async def test_a_definition_that_a_statement_did_not_see_is_noticed(database: Database) -> None:
    """The statement began before the change was committed, and got its lock afterwards."""
    query = (
        "SELECT v.xmin::text, pg_sleep(0.5)::text, share_definition(v.id)::text "
        "FROM value_streams v"
    )

    async def look() -> Any:
        async with transaction(database) as connection:
            return (await connection.execute(text(query))).one()

    assert (await look())[0] == (await look())[2]
    looking = asyncio.create_task(look())
    await asyncio.sleep(0.2)
    async with transaction(database) as applying:
        await definition_locks.own(applying, 1)
        await applying.execute(text("UPDATE value_streams SET description = 'changed'"))
    seen, _, in_force = await looking
    assert seen != in_force


async def test_the_rules_of_a_stream_are_for_the_long_way(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    limited, free = await new_items(database, 2)
    async with transaction(database) as connection:
        await connection.execute(
            text("UPDATE stages SET wip_limit = 5, wip_policy = 'warn' WHERE name = 'Testing'")
        )
    done = [await moves.run(PlainMove(limited, "Testing"))]
    done.append(await moves.run(PlainMove(free, "Analysis")))
    async with transaction(database) as connection:
        await connection.execute(text("UPDATE value_streams SET backward_reason = 'warn'"))
    done.append(await moves.run(PlainMove(free, "Deployment")))
    assert [each is None for each in done] == [True, False, True]


async def test_new_items_that_wait_together_are_one_transaction_and_one_key_is_one_item(
    database: Database, items: Batches[PlainItem, Entered]
) -> None:
    keys = [None, "A-1", None, "A-1", "A-2"]
    done = await asyncio.gather(
        *(
            items.run(PlainItem("Pay", WorkItemType.BUG, source=key and "api", external_key=key))
            for key in keys
        )
    )
    assert [each is None for each in done].count(True) == 1
    async with transaction(database) as connection:
        for each in done:
            if each is not None:
                assert await work_items.get(connection, each.item.id) == each.item
        assert await broken_links(connection) == []
    assert await value(database, "SELECT count(DISTINCT xmin::text) FROM work_items") == 1


async def test_a_caller_that_goes_away_changes_nothing_for_the_others(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    ids = await new_items(database, 30)
    tasks = [asyncio.create_task(moves.run(PlainMove(each, "Analysis"))) for each in ids]
    await asyncio.sleep(0)  # they wait now
    tasks[3].cancel()
    await asyncio.sleep(0.001)
    tasks[20].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(each, Moved) for each in done) >= 28
    written = "SELECT count(*) FROM stage_transitions WHERE to_stage_id = 2"
    assert await value(database, written) in (28, 29, 30)
    again = await asyncio.gather(*(moves.run(PlainMove(each, "Testing")) for each in ids))
    assert None not in again


async def test_more_rows_than_may_wait_are_refused_at_once(
    database: Database, database_url: str
) -> None:
    ids = await new_items(database, 10)
    async with batches(database_url, MOVES, max_waiting=4) as moves:
        done = await asyncio.gather(
            *(moves.run(PlainMove(each, "Analysis")) for each in ids), return_exceptions=True
        )
    assert [type(each) for each in done] == [Moved] * 4 + [Overloaded] * 6


KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
NEVER = SESSION | {"lock_timeout": "0"}


async def killed(database: Database, held: str, *writes: Coroutine[Any, Any, Any]) -> list[Any]:
    """Return what becomes of writes whose backend is killed while it waits for what is held."""
    async with transaction(database) as holding:
        await holding.execute(text(held))
        waiting = [asyncio.create_task(each) for each in writes]
        async with transaction(database) as watching:
            await until_one_waits(watching)
            await watching.execute(text(KILL))
        done = await asyncio.gather(*waiting, return_exceptions=True)
        await holding.rollback()
    return [type(each) for each in done]


async def test_what_was_lost_before_its_commit_goes_the_long_way(
    database: Database, database_url: str
) -> None:
    ids = await new_items(database, 2)
    keyed: Keyed[Moved] = Keyed("one-key", "said", kept)
    async with batches(database_url, MOVES, NEVER) as moves:
        found = await killed(
            database,
            "INSERT INTO idempotency_keys (key, fingerprint) VALUES ('one-key', 'x')",
            moves.run(PlainMove(ids[0], "Testing", keyed=keyed)),
            moves.run(PlainMove(ids[1], "Testing")),
        )
        assert found == [type(None)] * 2
        assert await value(database, "SELECT count(*) FROM stage_transitions") == 2
        assert await moves.run(PlainMove(ids[0], "Testing")) is not None


async def test_of_what_was_lost_with_its_commit_nobody_knows_and_each_is_told(
    database: Database, database_url: str
) -> None:
    async with batches(database_url, ITEMS, NEVER) as items:
        found = await killed(
            database,
            "INSERT INTO work_items (value_stream_id, title, type, created_at, updated_at, "
            "effective_created_at, source, external_key) "
            "VALUES (1, 'Pay', 'bug', now(), now(), now(), 'api', 'A-1')",
            items.run(PlainItem("Pay", WorkItemType.BUG, source="api", external_key="A-1")),
            items.run(PlainItem("Pay", WorkItemType.BUG)),
        )
        assert found == [OutcomeUnknown] * 2
        assert await value(database, "SELECT count(*) FROM work_items") == 0
        assert await items.run(PlainItem("Pay", WorkItemType.BUG)) is not None


async def test_a_server_that_is_away_is_for_the_long_way_which_tries_again(
    tmp_path: Path,
) -> None:
    nowhere = f"postgresql+asyncpg://someone@/vsm?host={tmp_path}"
    databases = Databases(nowhere, None, Options(), lambda *_: None)
    moves = Batches(databases.connect, MOVES)
    assert await moves.run(PlainMove(1, "Testing")) is None


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_a_key_that_another_write_is_about_to_take_costs_only_its_own_row(
    database: Database, database_url: str, ending: str
) -> None:
    ids = await new_items(database, 2)
    keyed: Keyed[Moved] = Keyed("one-key", "said", kept)
    async with batches(database_url, MOVES, NEVER) as moves:
        with suppress(RuntimeError):
            async with transaction(database) as other:
                await other.execute(
                    text("INSERT INTO idempotency_keys (key, fingerprint) VALUES ('one-key', 'x')")
                )
                waiting = [
                    asyncio.create_task(moves.run(PlainMove(ids[0], "Testing", keyed=keyed))),
                    asyncio.create_task(moves.run(PlainMove(ids[1], "Testing"))),
                ]
                async with transaction(database) as watching:
                    await until_one_waits(watching)
                if ending == "rollback":
                    raise RuntimeError
        done = await asyncio.gather(*waiting)
    assert [each is None for each in done] == [ending == "commit", False]
    answers = "SELECT count(*) FROM idempotency_keys WHERE body = '{}'"
    assert await value(database, answers) == (ending == "rollback")


async def test_a_batch_does_not_wait_long_for_a_key(
    database: Database, moves: Batches[PlainMove, Moved]
) -> None:
    (item_id,) = await new_items(database, 1)
    async with transaction(database) as other:
        await other.execute(
            text("INSERT INTO idempotency_keys (key, fingerprint) VALUES ('one-key', 'x')")
        )
        row = PlainMove(item_id, "Testing", keyed=Keyed("one-key", "said", kept))
        assert await moves.run(row) is None
    assert await value(database, "SELECT count(*) FROM stage_transitions") == 1
