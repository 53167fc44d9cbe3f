"""The migrations: there and back, alone and all at once, and exactly the tables of the code."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.domain.value_stream import DEFAULT_STREAM
from app.store import schema, value_streams
from app.store.database import Connection
from app.store.tables import metadata
from tests.conftest import fresh_database
from tests.integration.stored import environment, until_one_waits

PROJECT = Path(__file__).parents[2]

COLUMNS = """
    SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity, a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND c.relname <> 'alembic_version'
    ORDER BY c.relname, a.attnum
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
      AND conrelid::regclass::text <> 'alembic_version'
    ORDER BY 1, 2
"""
INDEXES = """
    SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = 'public'::regnamespace
      AND indrelid::regclass::text <> 'alembic_version'
    ORDER BY 1, 2
"""
LEFT_BEHIND = """
    SELECT relkind::text, relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic_version%'
    UNION ALL
    SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'type', typname FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%alembic_version'
    UNION ALL
    SELECT 'event trigger', evtname FROM pg_event_trigger
    UNION ALL
    SELECT 'schema', nspname FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema')
"""
NAIVE = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type LIKE 'time%without%'
"""


@pytest.fixture
async def empty_url(server_url: str) -> AsyncIterator[str]:
    """The URL of an empty database."""
    async with fresh_database(server_url) as url:
        yield url


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def rows(url: str, query: str) -> list[tuple[object, ...]]:
    async with connected(url) as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def upgrade(url: str) -> None:
    await asyncio.to_thread(schema.upgrade, url)


async def downgrade(url: str) -> None:
    await asyncio.to_thread(schema.downgrade, url, "base")


@contextmanager
def alembic(*arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """Run the `alembic` command as a deployment does, with no other setting than these."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "alembic", *arguments],
        cwd=PROJECT,
        env=bare | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a command; return its exit code, output and errors."""
    output, errors = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, output, errors


async def test_up_and_down_leaves_an_empty_database(empty_url: str) -> None:
    await upgrade(empty_url)
    assert len(await rows(empty_url, LEFT_BEHIND)) > 20
    await downgrade(empty_url)
    assert await rows(empty_url, LEFT_BEHIND) == []
    assert await rows(empty_url, "TABLE alembic_version") == []


async def test_down_and_up_again_makes_the_same_schema(empty_url: str) -> None:
    await upgrade(empty_url)
    first = [await rows(empty_url, query) for query in (COLUMNS, CONSTRAINTS, INDEXES)]
    await downgrade(empty_url)
    await upgrade(empty_url)
    assert [await rows(empty_url, query) for query in (COLUMNS, CONSTRAINTS, INDEXES)] == first


async def test_an_upgrade_of_what_is_up_to_date_changes_nothing(database_url: str) -> None:
    before = await rows(database_url, LEFT_BEHIND)
    await upgrade(database_url)
    assert await rows(database_url, LEFT_BEHIND) == before
    async with connected(database_url) as connection:
        assert await schema.revision(connection) == schema.head()
        assert await schema.is_current(connection)


async def test_an_empty_database_has_no_revision(empty_url: str) -> None:
    async with connected(empty_url) as connection:
        assert await schema.revision(connection) is None
        assert not await schema.is_current(connection)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(COLUMNS, id="columns"),
        pytest.param(CONSTRAINTS, id="constraints"),
        pytest.param(INDEXES, id="indexes"),
    ],
)
async def test_the_migrations_make_the_tables_that_the_code_knows(
    database_url: str, empty_url: str, query: str
) -> None:
    """Asked of PostgreSQL itself: types, defaults, identities, every constraint and index."""
    async with connected(empty_url) as connection:
        await connection.run_sync(metadata.create_all)
        await connection.commit()
    migrated = await rows(database_url, query)
    assert migrated == await rows(empty_url, query)
    assert migrated


async def test_alembic_finds_nothing_to_migrate(database_url: str) -> None:
    def differences(connection: SyncConnection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    async with connected(database_url) as connection:
        assert await connection.run_sync(differences) == []


async def test_every_instant_is_stored_with_its_zone(database_url: str) -> None:
    assert await rows(database_url, NAIVE) == []


def test_the_revisions_are_one_line() -> None:
    scripts = ScriptDirectory.from_config(schema.configuration())
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1
    assert scripts.get_current_head() == schema.head()


async def test_a_new_database_has_the_default_stream(database_url: str) -> None:
    async with connected(database_url) as connection:
        stream = await value_streams.load(connection)
    assert (stream.key, stream.name) == (DEFAULT_STREAM.key, DEFAULT_STREAM.name)
    assert [(s.name, s.order, s.type, s.category, s.wip_limit) for s in stream.stages] == [
        (s.name, s.order, s.type, s.category, s.wip_limit) for s in DEFAULT_STREAM.stages
    ]


async def test_the_database_and_the_code_agree_where_each_stage_lies(database_url: str) -> None:
    async with connected(database_url) as connection:
        stream = await value_streams.load(connection)
    zones = await rows(database_url, "SELECT stage_id, zone FROM stage_zones ORDER BY 1")
    assert zones == [(stage.id, stream.zone(stage)) for stage in stream.stages]


@pytest.mark.parametrize("replicas", [2, 5])
async def test_replicas_that_start_together_migrate_once(empty_url: str, replicas: int) -> None:
    variables = environment(make_url(empty_url))
    started = [alembic("upgrade", "head", **variables) for _ in range(replicas)]
    processes = [each.__enter__() for each in started]
    try:
        outcomes = await asyncio.gather(*(finished(process) for process in processes))
    finally:
        for each in started:
            each.__exit__(None, None, None)
    assert [(code, errors) for code, _, errors in outcomes] == [(0, "")] * replicas
    assert await rows(empty_url, "TABLE alembic_version") == [(schema.head(),)]
    assert await rows(empty_url, "SELECT count(*) FROM value_streams") == [(1,)]


async def test_a_replica_waits_while_another_one_migrates(empty_url: str) -> None:
    async with connected(empty_url) as other:
        await other.execute(text("SELECT pg_advisory_lock(hashtext('vsm-service migrations'))"))
        migration = asyncio.create_task(upgrade(empty_url))
        await until_one_waits(other, "advisory")
        assert await rows(empty_url, LEFT_BEHIND) == []
    await migration
    assert await rows(empty_url, "TABLE alembic_version") == [(schema.head(),)]


async def test_a_migration_does_not_queue_behind_a_reader_for_long(database_url: str) -> None:
    """All others would queue behind the migration. It gives up, and leaves all as it was."""
    before = await rows(database_url, LEFT_BEHIND)
    async with connected(database_url) as reader:
        await reader.execute(text("SELECT count(*) FROM work_items"))
        async with asyncio.timeout(30):
            with pytest.raises(DBAPIError, match="lock timeout"):
                await downgrade(database_url)
    assert await rows(database_url, LEFT_BEHIND) == before
    assert await rows(database_url, "TABLE alembic_version") == [(schema.head(),)]
    await downgrade(database_url)
    assert await rows(database_url, LEFT_BEHIND) == []


async def test_the_command_migrates_the_database_that_the_variables_name(empty_url: str) -> None:
    with alembic("upgrade", "head", **environment(make_url(empty_url))) as process:
        code, _, errors = await finished(process)
    assert (code, errors) == (0, "")
    assert await rows(empty_url, "TABLE alembic_version") == [(schema.head(),)]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "DATABASE_PASSWORD is not set"),
        ({"DATABASE_HOST": "db.example.org"}, "DATABASE_PASSWORD is not set"),
        ({"DATABASE_PASSWORD": "secret", "DATABASE_PORT": "many"}, "DATABASE_PORT must be"),
    ],
)
async def test_the_command_says_in_one_line_which_setting_is_wrong(
    environ: dict[str, str], said: str
) -> None:
    with alembic("upgrade", "head", **environ) as process:
        code, output, errors = await finished(process)
    assert code not in (0, None)
    [line] = (output + errors).splitlines()
    assert said in line


async def test_the_migrations_can_be_read_as_sql_without_a_database() -> None:
    """For those whose database administrators run every change themselves."""
    with alembic("upgrade", "head", "--sql") as process:
        code, output, errors = await finished(process)
    assert (code, errors) == (0, "")
    assert "CREATE TABLE work_items" in output
    assert output.rstrip().endswith("COMMIT;")
