"""Several processes roll up one stream while others write: readers always see whole periods."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from app.domain.work_item import WorkItemType
from app.flow.periods import PeriodType
from app.jobs import roll_up_streams
from app.store import rollups, value_streams
from app.store.database import Connection, Database, open_database, transaction
from app.telemetry import BUCKET_HOURS
from app.usecases.create import Creation, create
from app.usecases.move import Expectation, Move, move, void
from app.usecases.rebuild import rebuild
from tests.integration.test_rollups_agree import kept_rows

DAYS = 100
ITEMS = 60
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@asynccontextmanager
async def pools(url: str, count: int) -> AsyncIterator[list[Database]]:
    """Open several pools, as several processes have them."""
    opened = [open_database(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for each in opened:
            await each.dispose()


async def fill(database: Database) -> list[int]:
    """Create items that went through all stages, one after the other; returns their ids."""
    ids = []
    async with transaction(database) as connection:
        for number in range(ITEMS):
            since = DAYS - number * (DAYS - 5) / ITEMS
            new = Creation(f"Item {number}", WorkItemType.FEATURE, timestamp=_ago(since))
            item = (await create(connection, new)).item
            for step, stage in enumerate(("Analysis", "Development", "Testing", "Production")):
                await move(
                    connection,
                    item.id,
                    Move(stage, timestamp=_ago(since - 1 - step)),
                    Expectation(),
                )
            ids.append(item.id)
    return ids


async def settle(databases: Sequence[Database]) -> None:
    """Roll up until nothing is left to do."""
    while sum(await asyncio.gather(*(roll_up_streams(each) for each in databases))):
        pass


async def assert_as_rebuilt(connection: Connection) -> None:
    """Hold what is kept equal to what a rebuild makes."""
    stream = await value_streams.load(connection)
    found = await kept_rows(connection, stream)
    await rebuild(connection, stream.id, BUCKET_HOURS)
    assert await kept_rows(connection, stream) == found
    assert len(found["flow_metrics"]) > DAYS


async def correct(database: Database, ids: Sequence[int]) -> None:
    """Add late moves, and take every other one back."""
    for number, item_id in enumerate(ids):
        async with transaction(database) as connection:
            late = Move("Development", timestamp=_ago(DAYS - number))
            moved = await move(connection, item_id, late, Expectation())
        if number % 2:
            async with transaction(database) as connection:
                await void(connection, item_id, moved.transition.id, "not so")


async def watch(database: Database, seen: list[int], done: asyncio.Event) -> None:
    """Read all days again and again: none may be missing once it was there."""
    while not done.is_set():
        async with transaction(database) as connection:
            stream = await value_streams.load(connection)
            rows: Sequence[Any] = await rollups.rows(connection, stream, PeriodType.DAY)
        dates = [row.date for row in rows]
        assert dates == [dates[0] + timedelta(days=n) for n in range(len(dates))]
        seen.append(len(dates))
        await asyncio.sleep(0)


async def test_processes_that_roll_up_at_once_end_with_what_a_rebuild_gives(
    database_url: str,
) -> None:
    async with pools(database_url, 4) as (one, other, writer, reader):
        ids = await fill(writer)
        await settle([one])
        seen: list[int] = []
        done = asyncio.Event()
        watching = asyncio.create_task(watch(reader, seen, done))
        corrections = asyncio.create_task(correct(writer, ids))
        while not corrections.done():
            await asyncio.gather(roll_up_streams(one), roll_up_streams(other))
        await corrections
        await settle([one, other])
        done.set()
        await watching
        async with transaction(reader) as connection:
            await assert_as_rebuilt(connection)
    assert len(seen) > 1
    assert sorted(seen) == seen  # no period that was there was ever gone


async def test_a_roll_up_that_is_cut_off_leaves_nothing_half_done(database_url: str) -> None:
    async with pools(database_url, 3) as (victim, killer, reader):
        await fill(killer)
        cutting = asyncio.create_task(roll_up_streams(victim))
        cut = False
        while not cutting.done():
            async with transaction(killer) as connection:
                found = await connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                        "AND query LIKE 'INSERT INTO kept_%'"
                    )
                )
                cut = cut or bool(found.all())
            await asyncio.sleep(0.001)
            if cut:
                break
        await asyncio.gather(cutting, return_exceptions=True)
        assert cut, "the roll-up was over before it could be cut off"
        async with transaction(reader) as connection:
            stream = await value_streams.load(connection)
            kept = await rollups.kept(connection, stream.id)
            days = await rollups.rows(connection, stream, PeriodType.DAY)
        # whole batches or nothing
        assert len(days) % 31 == 0
        assert (kept is None) == (not days)
        await settle([killer])
        async with transaction(reader) as connection:
            await assert_as_rebuilt(connection)
