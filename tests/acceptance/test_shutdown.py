"""The end of a service that is at work: what it has accepted, it answers."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
from sqlalchemy import make_url, text

from app.store.database import open_database, transaction
from tests.acceptance.helpers import ITEMS
from tests.integration.stored import environment
from tests.servers import free_port

VSM = Path(sys.executable).with_name("vsm")
CLIENTS = 8
WORKERS = 2


async def ready(base: str, temporary: Path) -> None:
    """Wait until every worker has answered; each keeps its counts in a file of its own."""
    async with asyncio.timeout(120):
        while True:
            await asyncio.sleep(0.05)
            with suppress(httpx.ConnectError):
                async with httpx.AsyncClient(base_url=base) as client:
                    answered = (await client.get("/ready")).status_code == 200
                if answered and await asyncio.to_thread(counting, temporary) == WORKERS:
                    return


def counting(temporary: Path) -> int:
    return len(list(temporary.glob("vsm-counts-*/counter_*.db")))


async def write_until_refused(base: str, number: int, created: list[int]) -> str:
    """Create items over a connection that is kept, until there is none to be had; return why."""
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        while True:
            try:
                answer = await client.post(ITEMS, json={"title": f"Of {number}", "type": "bug"})
            except httpx.HTTPError as error:
                return type(error).__name__
            assert answer.status_code == 201, answer.text
            created.append(answer.json()["id"])


async def test_a_service_that_is_stopped_under_load_answers_all_that_it_accepted(
    database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(  # noqa: ASYNC220 - starting takes no time
        [VSM, "serve", "--workers", str(WORKERS)],
        env={
            **{name: value for name, value in os.environ.items() if "DATABASE" not in name},
            **environment(make_url(database_url)),
            "PORT": str(port),
            "TMPDIR": str(tmp_path),
            "VSM_LOG_LEVEL": "error",
        },
    )
    created: list[int] = []
    try:
        await ready(base, tmp_path)
        writers = [
            asyncio.create_task(write_until_refused(base, number, created))
            for number in range(CLIENTS)
        ]
        async with asyncio.timeout(60):
            while len(created) < 20 * CLIENTS:  # noqa: ASYNC110 - they are many that write
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        reasons = await asyncio.gather(*writers)
        assert await asyncio.to_thread(process.wait, 30) == 0
    finally:
        process.kill()
    assert set(reasons) == {"ConnectError"}, "a request on an open connection went unanswered"
    database = open_database(database_url)
    async with transaction(database) as connection:
        stored = set((await connection.scalars(text("SELECT id FROM work_items"))).all())
    await database.dispose()
    assert stored == set(created), "what is stored is what was acknowledged, no less and no more"
