"""validate.sh: passes on a good service, and stops at the first thing that is wrong with another.

The broken ones are the good one behind a proxy that spoils one answer.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy.engine import make_url

from tests.conftest import fresh_database

ROOT = Path(__file__).resolve().parents[2]
VSM = Path(sys.executable).with_name("vsm")
ITEMS = "/api/v1/work-items"


@dataclass(frozen=True)
class Answer:
    """What a service said."""

    status: int
    content_type: str
    body: str

    def with_text(self, old: str, new: str) -> "Answer":
        return replace(self, body=self.body.replace(old, new))

    def with_pattern(self, pattern: str, new: str) -> "Answer":
        return replace(self, body=re.sub(pattern, new, self.body))


def ask(url: str, method: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as found:  # noqa: S310
            return Answer(found.status, found.headers["Content-Type"], found.read().decode())
    except urllib.error.HTTPError as found:
        with found:
            return Answer(found.code, found.headers["Content-Type"], found.read().decode())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
async def service(server_url: str, template: str) -> AsyncIterator[str]:
    """The URL of a service that runs as a deployment runs it."""
    async with fresh_database(server_url, template) as found:
        url, port = make_url(found), free_port()
        environ = os.environ | {
            "DATABASE_HOST": str(url.query.get("host") or url.host),
            "DATABASE_PORT": str(url.query.get("port") or url.port),
            "DATABASE_NAME": str(url.database),
            "DATABASE_USER": str(url.username),
            "DATABASE_PASSWORD": url.password or "not-asked-for",
            "VSM_LOG_LEVEL": "warning",
            "PORT": str(port),
        }
        process = await asyncio.create_subprocess_exec(VSM, "serve", env=environ)
        try:
            yield wait_for(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            await process.wait()


def wait_for(url: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ask(f"{url}/ready", "GET", None, {}).status == 200:
                return url
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the service did not become ready")


Fault = Callable[[str, str, Answer], Answer]
"""Spoils the answer to a method and path, or gives it back as it is."""


@contextmanager
def spoiled(service: str, fault: Fault, *forwarded: str) -> Iterator[str]:
    """Run a proxy in front of the service; yields its URL. Few headers are passed on."""

    class Proxy(BaseHTTPRequestHandler):
        def forward(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            names = ("Accept", "Content-Type", *forwarded)
            headers = {name: self.headers[name] for name in names if self.headers[name]}
            answer = ask(service + self.path, self.command, data, headers)
            answer = fault(self.command, self.path, answer)
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = forward  # noqa: N815 - the names that the base class calls

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def validate(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "validate.sh"],
        env=os.environ | {"VSM_URL": url, "VSM_TIMEOUT": "5"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def open_items(service: str) -> int:
    found = json.loads(ask(f"{service}{ITEMS}?state=in_progress", "GET", None, {}).body)
    return len(found["items"])


def test_a_good_service_passes_again_and_again_and_nothing_is_left_behind(service: str) -> None:
    for _ in range(2):
        passed = validate(service)
        assert (passed.returncode, passed.stderr) == (0, "")
        assert "checks passed" in passed.stdout
        assert open_items(service) == 0


def test_a_service_that_is_not_there_fails() -> None:
    failed = validate(f"http://127.0.0.1:{free_port()}")
    assert failed.returncode == 1
    assert "GET /api/v1/health" in failed.stderr


def at(method: str, pattern: str, spoil: Callable[[Answer], Answer]) -> Fault:
    """Return a fault of the answers to one method and the paths of one pattern."""

    def fault(asked: str, path: str, answer: Answer) -> Answer:
        hit = asked == method and re.fullmatch(pattern, path) is not None
        return spoil(answer) if hit else answer

    return fault


FAULTS = {
    "the database is away": (
        at("GET", "/api/v1/health", lambda a: a.with_text('"database_connected":true', '"x":0')),
        "health: database_connected",
    ),
    "it is not ready": (at("GET", "/ready", lambda a: replace(a, status=503)), "GET /ready"),
    "stages are out of order": (
        at("GET", "/api/v1/stages", lambda a: a.with_text('"order":2', '"order":9')),
        "stages: in ascending order",
    ),
    "an item enters no stage": (
        at(
            "POST",
            ITEMS,
            lambda a: a.with_text('"current_stage":"Backlog"', '"current_stage":null'),
        ),
        "create: current_stage",
    ),
    "a move says another stage": (
        at(
            "PUT", ".*/transition", lambda a: a.with_text('"to_stage":"Analysis"', '"to_stage":"X"')
        ),
        "move: to_stage",
    ),
    "the history has lost its first move": (
        at(
            "GET",
            ".*/history",
            lambda a: a.with_pattern(r'"transitions":\[\{.*?\},', '"transitions":['),
        ),
        "history: from_stage",
    ),
    "an unknown stage is accepted": (
        at("PUT", ".*/transition", lambda a: replace(a, status=200)),
        "PUT /api/v1/work-items/",
    ),
    "errors are not problems": (
        at("GET", ".*days=0", lambda a: replace(a, content_type="application/json")),
        "answers a problem",
    ),
    "metrics do not count": (
        at("GET", "/api/v1/metrics.*", lambda a: a.with_pattern(r'"created":\d+', '"created":0')),
        "metrics since the item was created",
    ),
    "Prometheus lacks a series": (
        at("GET", "/metrics", lambda a: a.with_text("vsm_work_in_progress", "vsm_other")),
        "Prometheus: vsm_work_in_progress",
    ),
    "Prometheus stands still": (
        at(
            "GET",
            "/metrics",
            lambda a: a.with_pattern(r'(_created_total\{.*type="task".*\}) .*', r"\1 0.0"),
        ),
        "Prometheus: items created",
    ),
    "the versions differ": (
        at("GET", "/openapi.json", lambda a: a.with_pattern(r'"version":"[^"]+"', '"version":"9"')),
        "openapi: info.version",
    ),
    "the dashboard lacks what it loads": (
        at("GET", "/static/.*|/assets/.*", lambda a: replace(a, status=404)),
        "GET /",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_service_fails_at_what_is_broken_and_is_cleaned_up(
    service: str, name: str
) -> None:
    fault, where = FAULTS[name]
    with spoiled(service, fault, "Idempotency-Key") as url:
        failed = validate(url)
    assert failed.returncode == 1, failed.stdout
    assert where in failed.stderr.splitlines()[0]
    assert "expected: " in failed.stderr
    assert "got: " in failed.stderr
    assert open_items(service) == 0


def test_a_service_that_takes_a_repeated_request_for_a_new_one_fails_and_is_cleaned_up(
    service: str,
) -> None:
    with spoiled(service, lambda _method, _path, answer: answer) as url:  # it drops the key
        failed = validate(url)
    assert failed.returncode == 1
    assert "create: repeated under the same key" in failed.stderr.splitlines()[0]
    found = json.loads(ask(f"{service}{ITEMS}?q=validate.sh&limit=500", "GET", None, {}).body)
    assert [item for item in found["items"] if item["cancelled_at"] is None] == []
