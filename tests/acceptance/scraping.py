"""A real Prometheus, and services in threads that it scrapes."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import uvicorn

from app.main import create_app
from app.settings import Settings

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
    """Wait until something holds; raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to hold in time")
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
