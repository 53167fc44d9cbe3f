"""The end of a service that is at work: what it has accepted, it answers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url, text

from app.store.database import open_database, transaction
from tests.acceptance.helpers import ITEMS
from tests.integration.stored import environment
from tests.servers import free_port

VSM = Path(sys.executable).with_name("vsm")
CLIENTS = 8
"""Of each kind: those that keep a connection, and those that make one for each request."""
REFUSED = "refused"
BODY = b'{"title": "Anew", "type": "bug"}'
REQUEST = (
    f"POST {ITEMS} HTTP/1.1\r\nHost: vsm\r\nConnection: close\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY


async def ready(base: str, temporary: Path, workers: int) -> None:
    """Wait until every worker has answered; several keep counts in a file each."""
    async with asyncio.timeout(120):
        while True:
            await asyncio.sleep(0.05)
            with suppress(httpx.ConnectError):
                async with httpx.AsyncClient(base_url=base) as client:
                    answered = (await client.get("/ready")).status_code == 200
                if answered and (
                    workers == 1 or await asyncio.to_thread(counting, temporary) == workers
                ):
                    return


def counting(temporary: Path) -> int:
    return len(list(temporary.glob("vsm-counts-*/counter_*.db")))


async def write_until_refused(base: str, number: int, created: list[int]) -> str:
    """Create items over a connection that is kept, until there is none to be had; return why."""
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        while True:
            try:
                answer = await client.post(ITEMS, json={"title": f"Of {number}", "type": "bug"})
            except httpx.ConnectError:
                return REFUSED
            except httpx.HTTPError as error:
                return type(error).__name__
            assert answer.status_code == 201, answer.text
            created.append(answer.json()["id"])


async def write_anew_until_refused(port: int, created: list[int]) -> str:
    """Create items over a new connection each, as often as can be."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:  # nothing was sent yet
            return REFUSED
        try:
            writer.write(REQUEST)
            answer = await asyncio.wait_for(reader.read(), 30)
        except OSError as error:
            return type(error).__name__
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 201"), answer
        created.append(json.loads(body)["id"])


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_service_that_is_stopped_under_load_answers_all_that_it_accepted(
    workers: int, database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(  # noqa: ASYNC220 - starting takes no time
        [VSM, "serve", "--workers", str(workers)],
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
        await ready(base, tmp_path, workers)
        writers = [
            asyncio.create_task(write_until_refused(base, number, created))
            for number in range(CLIENTS)
        ]
        writers += [
            asyncio.create_task(write_anew_until_refused(port, created)) for _ in range(CLIENTS)
        ]
        async with asyncio.timeout(60):
            while len(created) < 50 * CLIENTS:  # noqa: ASYNC110 - they are many that write
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        reasons = await asyncio.gather(*writers)
        assert await asyncio.to_thread(process.wait, 30) == 0
    finally:
        process.kill()
    assert set(reasons) == {REFUSED}, "a request on a connection that was made went unanswered"
    database = open_database(database_url)
    async with transaction(database) as connection:
        stored = set((await connection.scalars(text("SELECT id FROM work_items"))).all())
    await database.dispose()
    assert stored == set(created), "what is stored is what was acknowledged, no less and no more"
