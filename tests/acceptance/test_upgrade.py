"""A rollout: replicas of the version before serve beside new ones, on the schema of the new one.

The version before is taken from git: the last commit before the newest migration was added.
"""

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from app.jobs import roll_up_streams
from app.store import schema
from app.store.database import Database
from tests.acceptance.helpers import ITEMS, METRICS, ahead, create, get, move
from tests.conftest import running_client
from tests.integration.stored import environment
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
ROLL_UP = """
import asyncio, os
from app.jobs import roll_up_streams
from app.settings import Settings
from app.store.database import open_database
asyncio.run(roll_up_streams(open_database(Settings.read().server_url())))
"""


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"git cannot tell the version before: {done.stderr.decode().strip()}")
    return done.stdout


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the version before the newest migration."""
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("the version before is in the history, and this is no checkout of git")
    newest = ScriptDirectory.from_config(schema.configuration()).get_revision("head")
    path = Path(newest.path).relative_to(ROOT)
    added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(path)).decode().strip()
    if not added:
        pytest.skip("the newest migration is not committed yet")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(git("archive", f"{added}^"))) as tree:
        tree.extractall(folder, filter="data")
    assert not (folder / path).exists()
    return folder


@pytest.fixture
def environ(database_url: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    return own | environment(make_url(database_url)) | {"VSM_LOG_LEVEL": "error"}


@pytest.fixture
async def old(before: Path, environ: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the version before, as a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "error"], cwd=before, env=environ)  # noqa: ASYNC220
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await ready(client, process)
            yield client
    finally:
        process.kill()
        process.wait()


async def ready(client: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(60):
        while True:
            assert process.poll() is None, "the version before does not start on the new schema"
            try:
                answer = await client.get("/ready")
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
                continue
            assert answer.status_code == 200, answer.text
            return


async def measured(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return what both versions have to agree on."""
    found = await get(client, f"{METRICS}?days=30")
    names = ("throughput", "wip_now", "created", "started", "cycle_time_p50", "lead_time_p85")
    return {name: found[name] and round(found[name], 9) for name in names}


async def test_the_version_before_serves_beside_the_new_one_on_the_new_schema(
    old: httpx.AsyncClient,
    database_url: str,
    database: Database,
    before: Path,
    environ: dict[str, str],
) -> None:
    async with running_client(database_url) as new:
        both = (old, new)
        for client, other in (both, both[::-1]):
            # one item through both, in turn, and days ago, so that there is something to roll up
            item = await create(client, stage="Backlog", timestamp=ahead(days=-9))
            for number, stage in enumerate(("Development", "Testing", "Production")):
                await move((other, client)[number % 2], item["id"], stage, ahead(days=number - 8))
            histories = [await get(each, f"{ITEMS}/{item['id']}/history") for each in both]
            steps = [(t["from_stage"], t["to_stage"]) for t in histories[0]["transitions"]]
            assert steps[1:] == [
                ("Backlog", "Development"),
                ("Development", "Testing"),
                ("Testing", "Production"),
            ]
            told = [[t["id"] for t in each["transitions"]] for each in histories]
            assert told[0] == told[1]

            # a write that one answered is answered in the same way by the other
            key, body = {"Idempotency-Key": f"key-{item['id']}"}, {"title": "Once", "type": "bug"}
            first = await client.post(ITEMS, json=body, headers=key)
            again = await other.post(ITEMS, json=body, headers=key)
            assert (first.status_code, again.status_code) == (201, 201), (first.text, again.text)
            assert first.json()["id"] == again.json()["id"]

        expected = await measured(new)
        assert await measured(old) == expected
        for _ in range(2):  # each version's job finds what the other one's has left
            command = [sys.executable, "-c", ROLL_UP]
            await asyncio.to_thread(subprocess.run, command, cwd=before, env=environ, check=True)
            assert [await measured(each) for each in both] == [expected] * 2
            await roll_up_streams(database)
            assert [await measured(each) for each in both] == [expected] * 2
        for path in ("/metrics", "/api/v1/stages", ITEMS, "/api/v1/value-stream-map"):
            for client in both:
                answer = await client.get(path)
                assert answer.status_code == 200, (path, answer.text)
