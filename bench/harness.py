"""What the benchmarks share: a real, durable database of their own, and fair comparison.

Absolute times drift on a shared machine. So two things are measured in turn, A B A B, and what
counts is the ratio of their medians in one run.
"""

import argparse
import asyncio
import signal
import statistics
import tempfile
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import asyncpg
import httpx
import uvloop
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from app.jobs import measure_streams, roll_up_streams
from app.main import create_app
from app.settings import Settings
from app.store import schema
from app.store.database import open_database
from app.store.embedded import EmbeddedPostgres
from app.store.queries import Query, Row
from bench.generate import generate
from tests.servers import SETTINGS, primary

Action = Callable[[], Awaitable[object]]
Statement = tuple[str, Sequence[Any]]

_OF_JOBS = ("INSERT", "UPDATE", "DELETE")
"""What is written meanwhile is written by the service's jobs."""


_FILLED = "filled"
_REMARK = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1"


@dataclass(frozen=True)
class Filled:
    """A database with a generated history; `url` for the service, `dsn` for the driver."""

    items: int
    url: str
    dsn: str


DURABLE = {"fsync": "on", "shared_buffers": "128MB", "max_connections": "100"}
"""What the servers of tests lack."""


def end_on_signals() -> None:
    """End as an error would when told to: what was started is ended too, also under nohup."""

    def end(*_: object) -> None:
        raise SystemExit(1)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


@contextmanager
def tcp_server() -> Iterator[str]:
    """Run a PostgreSQL in a new folder that listens on loopback; yields its URL."""
    end_on_signals()
    SETTINGS.update(DURABLE)
    with primary() as main:
        yield main.url


@contextmanager
def server(kept: Path | None = None) -> Iterator[str]:
    """Run an embedded PostgreSQL in a new folder, or in one that is kept; yields its URL."""
    end_on_signals()
    with ExitStack() as stack:
        new = tempfile.TemporaryDirectory(prefix="vsm-bench-")
        folder = Path(stack.enter_context(new)) if kept is None else kept
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        yield stack.enter_context(EmbeddedPostgres(folder / "data")).url


def takes_kept(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark be told where databases are kept."""
    parser.add_argument("--keep", type=Path, help="use the databases in this folder, or fill them")


async def fill(server_url: str, items: int) -> Filled:
    """Make a migrated database with so many items, if there is none yet that was kept."""
    started = perf_counter()
    name = f"bench_{items}"
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    filled = Filled(items, url, dsn(url))
    admin = await asyncpg.connect(dsn(server_url))
    found = await admin.fetchval(_REMARK, name)
    if found != _FILLED:
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        await admin.execute(f"CREATE DATABASE {name}")
        await asyncio.to_thread(schema.upgrade, url)
        await generate(filled.dsn, items)
        await admin.execute(f"COMMENT ON DATABASE {name} IS '{_FILLED}'")
        print(f"  {items:,} items generated in {perf_counter() - started:.0f} s", flush=True)
    await admin.close()
    return filled


def dsn(url: str) -> str:
    """Return the URL as the driver alone understands it."""
    return url.replace("postgresql+asyncpg://", "postgresql://")


def run(bench: Coroutine[object, object, None]) -> None:
    """Run a benchmark in the event loop that `vsm serve` uses."""
    uvloop.run(bench)


@asynccontextmanager
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the whole application in this process."""
    app = create_app(Settings.read({"VSM_LOG_LEVEL": "error"}), url)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        # nothing is to be answered from memory
        headers = {"Cache-Control": "no-cache"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://bench", headers=headers
        ) as opened:
            yield opened


async def roll_up(filled: Filled) -> None:
    """Do what the service's jobs do, and tell how long it took."""
    started = perf_counter()
    database = open_database(filled.url)
    batches = await roll_up_streams(database)
    await measure_streams(database)
    await database.dispose()
    print(f"  rolled up in {perf_counter() - started:.1f} s, {batches} transactions", flush=True)


async def statements_of(action: Action) -> list[Statement]:
    """Run an action that reads, and return the statements that it sent, in order."""
    sent: list[Statement] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not statement.lstrip().startswith(_OF_JOBS):
            sent.append((statement, parameters))

    await action()  # what is asked once for each connection is asked now

    async def noting(query: Query, connection: Any, asked: Mapping[str, object] = {}) -> list[Row]:
        sent.append((query.numbered, [asked[name] for name in query.names]))
        return await rows(query, connection, asked)

    rows = Query.rows
    with patch.object(Query, "rows", noting):
        event.listen(Engine, "before_cursor_execute", note)
        await action()
        event.remove(Engine, "before_cursor_execute", note)
    return sent


def raw(connection: asyncpg.Connection, statements: Sequence[Statement]) -> Action:
    """Return an action that runs the same statements, as the driver alone runs them."""

    async def run() -> object:
        async with connection.transaction():
            for statement, parameters in statements:
                await connection.fetch(statement, *parameters)
        return None

    return run


async def medians(actions: Sequence[Action], rounds: int) -> list[float]:
    """Run the actions in turn, after one turn to warm up; returns each one's median, in ms."""
    times: list[list[float]] = [[] for _ in actions]
    for turn in range(rounds + 1):
        for action, taken in zip(actions, times, strict=True):
            started = perf_counter()
            await action()
            if turn:
                taken.append((perf_counter() - started) * 1000)
    return [statistics.median(taken) for taken in times]


def verdict(what: str, measured: float, goal: float) -> None:
    """Print one ratio or time beside its goal."""
    met = "met" if measured <= goal else "MISSED"
    print(f"{what}: {measured:.2f} (goal: at most {goal:g}, {met})", flush=True)


def at_least(what: str, measured: float, goal: float) -> None:
    """Print one ratio beside the least that it should be."""
    met = "met" if measured >= goal else "MISSED"
    print(f"{what}: {measured:.2f} (goal: at least {goal:g}, {met})", flush=True)
