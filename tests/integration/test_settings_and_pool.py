"""What the service makes of a server that is slow, silent, busy, restarted, or somebody else's."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import IntegrityError

from app.domain.errors import DatabaseBusy, DatabaseUnavailable, OutcomeUnknown, SchemaOutdated
from app.settings import Settings
from app.store import value_streams
from app.store.database import Connection, Database, open_database, transaction
from app.store.databases import Databases, Options, Seen
from tests.conftest import fresh_database
from tests.integration.stored import environment

WRITE_AND_HANG_UP = """
    WITH written AS (UPDATE stages SET wip_limit = 9)
    SELECT pg_terminate_backend(pg_backend_pid())
"""
SOCKET = ".s.PGSQL.5432"


@asynccontextmanager
async def pool(url: str, **options: float) -> AsyncIterator[Database]:
    """Open a pool for the block's time."""
    database = open_database(
        url,
        pool_size=int(options.get("size", 2)),
        statement_timeout=options.get("statement_timeout", 30),
    )
    yield database
    await database.dispose()


async def run(database: Database, statement: str) -> object:
    async with transaction(database) as connection:
        return await connection.scalar(text(statement))


class Relay:
    """Stands between a client and the server, and can fall silent without hanging up."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[str]:
        """Yield the URL by which clients come through here."""
        server = await asyncio.start_unix_server(self._accept, folder / SOCKET)
        host = {"host": str(folder), "port": "5432"}
        through = self._url.set(host=None, port=None, query={**self._url.query, **host})
        yield through.render_as_string(hide_password=False)
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fall_silent(self) -> None:
        self._speaks.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = self._url.query.get("host")
        if host:
            path = f"{host}/.s.PGSQL.{self._url.query.get('port', 5432)}"
            server_reader, server_writer = await asyncio.open_unix_connection(path)
        else:
            server_reader, server_writer = await asyncio.open_connection(
                self._url.host, self._url.port or 5432
            )
        for source, sink in ((reader, server_writer), (server_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._tasks.add(task)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._speaks.wait()
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


async def test_the_variables_lead_to_the_database(database_url: str) -> None:
    url = make_url(database_url)
    settings = Settings.read(environment(url))
    async with pool(settings.server_url()) as database:
        assert await run(database, "SELECT current_database()") == url.database


async def test_names_may_hold_any_character(database_url: str) -> None:
    """A user's name travels through a URL, where these characters have meanings."""
    name = "o'Neill @:/?#%&+ ü"
    async with pool(database_url) as database:
        quoted = await run(database, f"SELECT quote_ident('{name.replace(chr(39), chr(39) * 2)}')")
        try:
            async with transaction(database) as connection:
                await connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN PASSWORD 'p@:/?#%'")
            variables = environment(make_url(database_url))
            variables |= {"DATABASE_USER": name, "DATABASE_PASSWORD": "p@:/?#%"}
            async with pool(Settings.read(variables).server_url()) as theirs:
                assert await run(theirs, "SELECT current_user") == name
        finally:
            async with transaction(database) as connection:
                await connection.exec_driver_sql(f"DROP ROLE IF EXISTS {quoted}")


async def test_a_session_is_named_and_speaks_utc(shared_database: Database) -> None:
    assert await run(shared_database, "SHOW application_name") == "vsm-service"
    assert await run(shared_database, "SHOW timezone") == "UTC"
    assert await run(shared_database, "SHOW statement_timeout") == "30s"
    assert await run(shared_database, "SHOW lock_timeout") == "10s"
    assert await run(shared_database, "SHOW idle_in_transaction_session_timeout") == "5min"


async def test_a_statement_that_takes_too_long_is_given_up(database_url: str) -> None:
    async with pool(database_url, statement_timeout=0.1) as database:
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await run(database, "SELECT pg_sleep(20)")
        assert time.monotonic() - began < 5
        assert await run(database, "SELECT 1") == 1


async def test_a_copy_that_takes_too_long_is_given_up_in_the_same_way(database_url: str) -> None:
    """Copying goes past SQLAlchemy to the driver, whose errors are others."""

    async def copy_slowly(database: Database) -> None:
        async with transaction(database) as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.copy_from_query("SELECT pg_sleep(20)", output=discard)

    async with pool(database_url, statement_timeout=0.1) as database:
        with pytest.raises(DatabaseUnavailable):
            await copy_slowly(database)
        assert await run(database, "SELECT 1") == 1


async def discard(_data: bytes) -> None:
    """Take what is copied."""


async def test_a_server_that_falls_silent_is_given_up(database_url: str, tmp_path: Path) -> None:
    """Its own timeout does not help a client whose server has stopped: the client has one too."""
    relay = Relay(make_url(database_url))
    async with (
        relay.listening(tmp_path) as url,
        pool(url, statement_timeout=0.1) as database,
    ):
        assert await run(database, "SELECT 1") == 1
        began = time.monotonic()

        async def ask_into_silence() -> None:
            async with transaction(database) as connection:
                relay.fall_silent()
                await connection.execute(text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable):
            await ask_into_silence()
        assert time.monotonic() - began < 10


async def test_a_caller_is_told_soon_that_every_connection_is_busy(database_url: str) -> None:
    async with pool(database_url, size=1) as database, transaction(database):
        began = time.monotonic()
        with pytest.raises(DatabaseBusy):
            await run(database, "SELECT 1")
        assert time.monotonic() - began < 10


async def test_a_connection_that_comes_free_in_time_is_used(database_url: str) -> None:
    async with pool(database_url, size=1) as database:
        answers = await asyncio.gather(*(run(database, "SELECT pg_sleep(0.02)") for _ in range(5)))
    assert len(answers) == 5


async def test_connections_are_given_in_the_order_they_were_asked_for(database_url: str) -> None:
    """Whoever comes just as one is given back comes after those who wait; else some wait long."""
    asked: list[int] = []
    given: list[int] = []

    async def work(database: Database, number: int) -> None:
        for turn in range(number, number + 100, 10):
            for _ in range(turn % 7):
                await asyncio.sleep(0)
            asked.append(turn)
            async with transaction(database) as connection:
                given.append(turn)
                await connection.scalar(text("SELECT 1"))

    async with pool(database_url, size=3) as database:
        await asyncio.gather(*(run(database, "SELECT pg_sleep(0.1)") for _ in range(3)))
        await asyncio.gather(*(work(database, number) for number in range(10)))
    assert given == asked


async def test_after_a_restart_of_the_server_the_next_transaction_works(database_url: str) -> None:
    async with pool(database_url) as database, pool(database_url) as operator:
        killed = await run(database, "SELECT pg_backend_pid()")
        await run(operator, f"SELECT pg_terminate_backend({killed}, 5000)")
        assert await run(database, "SELECT pg_backend_pid()") != killed


async def test_a_connection_lost_inside_a_transaction_is_told_as_such(database_url: str) -> None:
    async with pool(database_url) as database:
        with pytest.raises(DatabaseUnavailable):
            await run(database, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert await run(database, "SELECT 1") == 1


async def test_a_connection_lost_before_the_commit_has_left_nothing_and_says_so(
    database_url: str,
) -> None:
    async with pool(database_url) as database:
        with pytest.raises(DatabaseUnavailable) as failure:
            await run(database, WRITE_AND_HANG_UP)
        assert failure.value.passing
        assert not isinstance(failure.value, OutcomeUnknown)
        assert await run(database, "SELECT count(wip_limit) FROM stages") == 0


async def test_what_became_of_a_commit_that_was_lost_on_its_way_is_unknown(
    database_url: str, tmp_path: Path
) -> None:
    relay = Relay(make_url(database_url))

    async def lose_the_commit(database: Database) -> None:
        async with transaction(database) as connection:
            await connection.execute(text("UPDATE stages SET wip_limit = 9"))
            relay.fall_silent()

    async with relay.listening(tmp_path) as url, pool(url, statement_timeout=0.1) as database:
        with pytest.raises(OutcomeUnknown):
            await lose_the_commit(database)


async def test_a_connection_to_a_server_that_takes_no_writes_any_more_is_discarded(
    database_url: str,
) -> None:
    async with pool(database_url, size=1) as database:
        before = await run(database, "SELECT pg_backend_pid()")
        await run(database, "SELECT set_config('default_transaction_read_only', 'on', false)")
        with pytest.raises(DatabaseUnavailable) as failure:
            await run(database, "UPDATE stages SET wip_limit = 9 RETURNING 1")
        assert failure.value.passing
        assert await run(database, "SELECT pg_backend_pid()") != before


async def test_of_several_hosts_the_one_that_answers_is_used(
    database_url: str, tmp_path: Path
) -> None:
    """One is not there, one has fallen silent; neither costs a caller its patience twice."""
    url = make_url(database_url)
    relay = Relay(url)
    relay.fall_silent()
    host, port = url.query["host"], str(url.query.get("port", 5432))
    async with relay.listening(tmp_path):
        hosts = {"host": f"/nowhere,{tmp_path},{host}", "port": f"5432,5432,{port}"}
        several = url.set(query=hosts).render_as_string(hide_password=False)
        async with pool(several, size=2) as database:
            began = time.monotonic()
            assert await run(database, "SELECT 1") == 1
            assert await run(database, "SELECT 1") == 1
            assert time.monotonic() - began < 2


async def test_nothing_is_kept_of_a_transaction_that_fails(database_url: str) -> None:
    async def fail(database: Database) -> None:
        async with transaction(database) as connection:
            await connection.execute(text("DELETE FROM stages"))
            raise RuntimeError

    async with pool(database_url) as database:
        with pytest.raises(RuntimeError):
            await fail(database)
        assert await run(database, "SELECT count(*) FROM stages") == 6


async def test_of_two_transactions_in_a_deadlock_one_may_try_again(database_url: str) -> None:
    """It is the database that is to blame, not the caller's values."""
    rows: asyncio.Barrier = asyncio.Barrier(2)

    async def lock(database: Database, first: int, second: int) -> None:
        async with transaction(database) as connection:
            statement = text("UPDATE stages SET wip_limit = 9 WHERE id = :id")
            await connection.execute(statement, {"id": first})
            await rows.wait()
            await connection.execute(statement, {"id": second})

    async with pool(database_url) as database:
        outcomes = await asyncio.gather(
            lock(database, 1, 2), lock(database, 2, 1), return_exceptions=True
        )
    assert [type(each) for each in outcomes if each is not None] == [DatabaseUnavailable]


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async with pool(f"postgresql+asyncpg://someone@/vsm?host={tmp_path}") as database:
        with pytest.raises(DatabaseUnavailable):
            await run(database, "SELECT 1")


@pytest.mark.parametrize(
    ("part", "value"), [("database", "no_such_database"), ("username", "no_such_user")]
)
async def test_a_server_that_lets_nobody_in_is_unavailable(
    database_url: str, part: str, value: str
) -> None:
    url = make_url(database_url)
    wrong = url.set(database=value) if part == "database" else url.set(username=value)
    async with pool(wrong.render_as_string(hide_password=False)) as database:
        with pytest.raises(DatabaseUnavailable):
            await run(database, "SELECT 1")


async def test_a_database_without_the_schema_says_what_to_run(server_url: str) -> None:
    async with fresh_database(server_url) as url, pool(url) as database:
        with pytest.raises(SchemaOutdated, match="alembic upgrade head"):
            async with transaction(database) as connection:
                await value_streams.load(connection)


async def test_a_row_that_the_database_refuses_is_no_outage(database_url: str) -> None:
    async with pool(database_url) as database:
        with pytest.raises(IntegrityError):
            await run(database, "UPDATE stages SET wip_limit = 0 RETURNING 1")


async def test_numbers_leave_connections_to_those_who_work(database_url: str) -> None:
    """Of four connections two are for numbers: a third question waits, an item is read at once."""
    answer_now = asyncio.Event()
    options = Options(pool_size=4, pool_timeout=0.2)
    databases = Databases(database_url, None, options, lambda *_: None)

    async def slow(_connection: Connection, _seen: Seen) -> str:
        await answer_now.wait()
        return "numbers"

    async def quick(connection: Connection, _seen: Seen) -> object:
        return await connection.scalar(text("SELECT 'item'"))

    async with databases.running():
        asked = [asyncio.create_task(databases.read(slow, may_lag=True)) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(DatabaseBusy):
            await databases.read(slow, may_lag=True)
        assert await databases.read(quick) == "item"
        answer_now.set()
        assert await asyncio.gather(*asked) == ["numbers", "numbers"]
        assert await databases.read(slow, may_lag=True) == "numbers"
