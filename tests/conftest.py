"""What tests run on: real PostgreSQL, migrated by Alembic, a fresh database for each test.

The embedded server is used unless VSM_TEST_DATABASE_URL names another one, as a superuser's URL
such as `postgresql+asyncpg://postgres:secret@localhost/postgres`. All workers of a parallel run
share one server; each test clones the migrated template.
"""

import asyncio
import getpass
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.main import create_app
from app.settings import Settings
from app.store import schema
from app.store.database import Connection, Database, open_database, transaction
from app.store.embedded import EmbeddedDatabaseError, EmbeddedPostgres, reset

TEMPLATE = "vsm_test_template"
SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Real payloads beside the checkout, on machines that have them."""


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a running server, as a user who may create databases."""
    given = os.environ.get("VSM_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedPostgres(_folder(request.config), durable=False) as embedded:
        yield embedded.url


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Name the run, so that its processes share one server, whose folder is known at the end."""
    if not hasattr(config, "workerinput"):
        config.option.testrunuid = getattr(config.option, "testrunuid", None) or uuid.uuid4().hex


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete the server, once every process of the run has ended: one may have begun late."""
    folder = _folder(config)
    if not hasattr(config, "workerinput") and folder.is_dir():
        with suppress(EmbeddedDatabaseError):
            reset(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _folder(config: pytest.Config) -> Path:
    run = getattr(config, "workerinput", {}).get("testrunuid") or config.option.testrunuid
    return Path(tempfile.gettempdir()) / f"vsm-tests-{getpass.getuser()}-{run[:12]}"


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a migrated database that tests clone; the first worker makes it."""
    asyncio.run(_make_template(server_url))
    return TEMPLATE


async def _make_template(server_url: str) -> None:
    async with _autocommit(server_url) as connection:
        await connection.execute(text("SELECT pg_advisory_lock(hashtext('vsm tests'))"))
        known = text("SELECT datistemplate FROM pg_database WHERE datname = :name")
        finished = await connection.scalar(known, {"name": TEMPLATE})
        if finished:
            return
        await connection.execute(text(f"DROP DATABASE IF EXISTS {TEMPLATE}"))
        await connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
        await asyncio.to_thread(schema.upgrade, _named(server_url, TEMPLATE))
        await connection.execute(text(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true"))


@pytest.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database of this test alone."""
    async with fresh_database(server_url, template) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool for this test's database."""
    pool = open_database(database_url)
    yield pool
    await pool.dispose()


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection in a transaction that is committed at the test's end."""
    async with transaction(database) as open_connection:
        yield open_connection


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole service, in this process, on this test's database."""
    async with running_client(database_url) as open_client:
        yield open_client


@asynccontextmanager
async def running_client(url: str, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an application on a database for the block's time."""
    app = create_app(Settings.read({"VSM_LOG_LEVEL": "error", **environ}), url)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://vsm") as open_client:
            yield open_client


@asynccontextmanager
async def served(url: str) -> AsyncIterator[str]:
    """Serve an application on a port of this machine for the block's time; yields its address.

    For what needs a real server: answers that go on, and browsers.
    """
    app = create_app(Settings.read({"VSM_LOG_LEVEL": "error"}), url)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    task = asyncio.create_task(server._serve())  # noqa: SLF001 - serve() would take the signals
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        app.state.feed.close()
        server.should_exit = True
        await task


@asynccontextmanager
async def fresh_database(server_url: str, template: str | None = None) -> AsyncIterator[str]:
    """Make a database, empty or cloned from a template, and drop it after the block."""
    name = f"vsm_test_{uuid.uuid4().hex[:16]}"
    async with _autocommit(server_url) as admin:
        source = f" TEMPLATE {template}" if template else ""
        await admin.execute(text(f"CREATE DATABASE {name}{source}"))
    try:
        yield _named(server_url, name)
    finally:
        async with _autocommit(server_url) as admin:
            await admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _named(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


@asynccontextmanager
async def _autocommit(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()
