"""A real Prometheus scrapes two real services on one database, and finds what the API says."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import httpx
import pytest
import uvicorn

from app.main import create_app
from app.settings import Settings
from tests.acceptance import helpers
from tests.conftest import fresh_database
from tests.fixture_f1 import F1

PATIENCE = 60.0
Query = Callable[[str], list[dict[str, Any]]]


@contextmanager
def served(url: str) -> Iterator[str]:
    """Run a whole service on a free port, in a thread; yields `host:port`."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        app = create_app(Settings.read({"VSM_LOG_LEVEL": "error"}), url)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def prometheus(folder: Path, targets: list[str]) -> Iterator[Query]:
    """Run Prometheus on a free port, scraping every second; yields a way to ask it."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed; Debian's package of that name brings it")
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "vsm", "static_configs": [{"targets": targets}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"

    def ask(expression: str) -> list[dict[str, Any]]:
        with urlopen(f"http://{address}/api/v1/query?{urlencode({'query': expression})}") as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    with subprocess.Popen(
        [
            binary,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(lambda: len(_or_nothing(ask, "up == 1")) == len(targets))
            yield ask
        finally:
            process.terminate()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.2)


def _or_nothing(ask: Query, expression: str) -> list[dict[str, Any]]:
    try:
        return ask(expression)
    except OSError:
        return []


def number(found: list[dict[str, Any]]) -> float:
    """Return the one value of an answer."""
    [sample] = found
    return float(sample["value"][1])


@pytest.fixture
async def two_services(server_url: str, template: str) -> AsyncIterator[list[str]]:
    """The addresses of two services on one database, which holds the worked example."""
    async with fresh_database(server_url, template) as url:
        with served(url) as one, served(url) as other:
            async with httpx.AsyncClient(base_url=f"http://{one}") as client:
                batch = {"items": [helpers.as_batch_item(history) for history in F1]}
                answer = await client.post("/api/v1/work-items/batch", json=batch)
                assert answer.status_code == 201
            yield [one, other]


async def test_a_real_prometheus_finds_in_two_services_what_the_api_says(
    two_services: list[str], tmp_path: Path
) -> None:
    with prometheus(tmp_path, two_services) as ask:
        async with httpx.AsyncClient(base_url=f"http://{two_services[1]}") as client:
            metrics = await helpers.get(client, "/api/v1/metrics", days=7)

            wip = 'sum(max by (stage) (vsm_work_in_progress{zone="doing"}))'
            assert number(ask(wip)) == metrics["wip_now"] == 1
            assert number(ask("sum(max by (type) (vsm_items_completed_total))")) == 4
            assert number(ask("max(vsm_cycle_time_seconds_sum)")) == 264 * 3600
            # each of the services tells the same
            for name in ("vsm_work_items_created_total", "vsm_stage_transitions_total"):
                by_service = ask(f"sum by (instance) ({name})")
                assert len({sample["value"][1] for sample in by_service}) == 1
            median = "histogram_quantile(0.5, max by (le) (vsm_cycle_time_seconds_bucket))"
            assert 24 * 3600 <= number(ask(median)) <= 72 * 3600
            assert number(ask("sum by (instance) (vsm_work_in_progress)")[:1]) == 6

            # a backfill, a live move and a correction arrive with the next scrape
            moved = await helpers.told(client, ("Development", helpers.day(0)))
            until(lambda: number(ask(wip)) == 2)
            await helpers.move(client, moved, "Production")
            done = "sum(max by (type) (vsm_items_completed_total))"
            until(lambda: number(ask(done)) == 5)
            [*_, last] = await helpers.history(client, moved)
            await helpers.act(
                client, moved, f"transitions/{last['id']}/void", reason="moved the wrong card"
            )
            until(lambda: number(ask(done)) == 4)
