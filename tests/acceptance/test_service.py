"""The service around the API: front door, documentation, health, and life without a database."""

import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from app import __version__
from app.api import home
from tests.acceptance.helpers import ITEMS, METRICS, get, problem
from tests.conftest import fresh_database, running_client

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
EXTERNAL = re.compile(r"""(src|href|url|@import)\s*[=(:]?\s*["']?(https?:)?//""", re.IGNORECASE)
BUILT = pytest.mark.skipif(
    not home.BUILT.exists(), reason="the dashboard is not built: `make page` builds it"
)
GOOD = {"title": "Pay by invoice", "type": "feature"}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, by a socket that accepts no connection."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
async def cut_off(closed_port: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service whose database server does not answer."""
    url = f"postgresql+asyncpg://vsm:secret-word@127.0.0.1:{closed_port}/vsm"
    async with running_client(url) as open_client:
        yield open_client


@pytest.fixture
async def unmigrated(server_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service whose database is empty."""
    async with fresh_database(server_url) as url, running_client(url) as open_client:
        yield open_client


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "text/html;q=0, */*"])
async def test_a_program_gets_the_list_of_endpoints_at_the_front_door(
    shared: httpx.AsyncClient, accept: str
) -> None:
    answer = await shared.get("/", headers={"Accept": accept})
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert body.keys() == {"service", "status", "version", "endpoints"}
    assert (body["service"], body["status"]) == ("vsm-service", "running")
    assert body["version"] == __version__


async def test_every_endpoint_at_the_front_door_is_there(shared: httpx.AsyncClient) -> None:
    listed = (await get(shared, "/"))["endpoints"]
    assert {"work_items", "stages", "metrics", "health", "ready", "docs"} <= listed.keys()
    for name, path in listed.items():
        answer = await shared.get(path)
        assert answer.status_code == (405 if name == "imports" else 200), path


async def test_a_browser_gets_the_page_at_the_front_door(shared: httpx.AsyncClient) -> None:
    answer = await shared.get("/", headers={"Accept": BROWSER})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert answer.text.lower().startswith("<!doctype html>")
    assert not EXTERNAL.search(answer.text)


@BUILT
async def test_the_dashboard_runs_nothing_but_what_this_service_serves(
    shared: httpx.AsyncClient,
) -> None:
    page = await shared.get("/", headers={"Accept": BROWSER})
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<style|style=|<script(?![^>]* src=)", page.text)


@BUILT
async def test_the_dashboards_files_are_kept_for_good_and_the_page_is_asked_for_each_time(
    shared: httpx.AsyncClient,
) -> None:
    page = await shared.get("/", headers={"Accept": BROWSER})
    assert page.headers["cache-control"] == "no-cache"
    script = re.findall(r'src="(/assets/[^"]+\.js)"', page.text)[0]
    packed = await shared.get(script, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-type"].startswith("text/javascript")
    plain = await shared.get(script, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == packed.text
    assert (await shared.get("/assets/no-such-file.js")).status_code == 404


async def test_without_a_built_dashboard_a_browser_is_told_how_to_build_it(
    shared: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(home, "BUILT", tmp_path / "nothing-here")
    page = await shared.get("/", headers={"Accept": BROWSER})
    assert page.status_code == 200
    assert "make page" in page.text


async def test_a_client_that_likes_json_more_than_html_gets_json(
    shared: httpx.AsyncClient,
) -> None:
    accept = "text/html;q=0.4, application/json;q=0.9"
    answer = await shared.get("/", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/json"


async def test_the_documentation_needs_no_other_host(shared: httpx.AsyncClient) -> None:
    page = await shared.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert not EXTERNAL.search(page.text)
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    for asset in assets:
        assert (await shared.get(asset)).status_code == 200, asset


async def test_the_openapi_document_is_3_1_and_describes_every_path_of_the_contract(
    shared: httpx.AsyncClient,
) -> None:
    document = await get(shared, "/openapi.json")
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["version"] == __version__
    operations = {(path, verb) for path, verbs in document["paths"].items() for verb in verbs}
    assert operations >= {
        ("/api/v1/work-items", "post"),
        ("/api/v1/work-items/{id}/transition", "put"),
        ("/api/v1/work-items/{id}/history", "get"),
        ("/api/v1/metrics", "get"),
        ("/api/v1/stages", "get"),
        ("/api/v1/health", "get"),
        ("/ready", "get"),
        ("/metrics", "get"),
    }
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            assert operation["summary"], (verb, path)
            assert operation["description"], (verb, path)


async def test_a_request_keeps_its_id_or_is_given_one(shared: httpx.AsyncClient) -> None:
    named = await shared.get("/ready", headers={"X-Request-ID": "build-42.7_a"})
    assert named.headers["x-request-id"] == "build-42.7_a"
    for unusable in ("", "two words", "x" * 65, "<script>"):
        answer = await shared.get("/nowhere", headers={"X-Request-ID": unusable})
        given = answer.headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", given)
        assert answer.json()["request_id"] == given


async def test_an_unmigrated_database_is_healthy_but_not_ready(
    unmigrated: httpx.AsyncClient,
) -> None:
    assert (await get(unmigrated, "/api/v1/health"))["status"] == "UP"
    for method, path, body in (
        ("GET", "/ready", None),
        ("GET", "/api/v1/stages", None),
        ("GET", METRICS, None),
        ("GET", "/metrics", None),
        ("POST", ITEMS, GOOD),
    ):
        answer = await unmigrated.request(method, path, json=body)
        found = problem(answer, 503, "schema-outdated")
        assert "upgrade" in found["detail"]
        assert int(answer.headers["retry-after"]) >= 1


async def test_without_a_database_the_service_lives_and_says_so(
    cut_off: httpx.AsyncClient,
) -> None:
    health = await get(cut_off, "/api/v1/health")
    assert (health["status"], health["database_connected"]) == ("DEGRADED", False)
    assert (await cut_off.get("/")).status_code == 200
    assert (await cut_off.get("/docs")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/ready", None),
        ("GET", "/metrics", None),
        ("GET", METRICS, None),
        ("GET", "/api/v1/stages", None),
        ("GET", ITEMS, None),
        ("GET", f"{ITEMS}/1", None),
        ("GET", f"{ITEMS}/1/history", None),
        ("POST", ITEMS, GOOD),
        ("POST", f"{ITEMS}/batch", {"items": [GOOD]}),
        ("PUT", f"{ITEMS}/1/transition", {"to_stage": "Analysis"}),
        ("PATCH", f"{ITEMS}/1", {"title": "By card"}),
        ("POST", f"{ITEMS}/1/cancel", {"reason": "no use"}),
        ("POST", f"{ITEMS}/1/restore", None),
        ("POST", f"{ITEMS}/1/transitions/1/void", {"reason": "wrong"}),
        ("POST", "/api/v1/imports", {"issues": []}),
    ],
)
async def test_without_a_database_every_request_is_asked_to_try_again(
    cut_off: httpx.AsyncClient, method: str, path: str, body: dict[str, object] | None
) -> None:
    answer = await cut_off.request(method, path, json=body)
    problem(answer, 503, "database-unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "secret-word" not in answer.text
    assert "127.0.0.1" not in answer.text
