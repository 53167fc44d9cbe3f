"""A made-up year over HTTP: only where nothing is, and gone again without a trace."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.acceptance.helpers import ITEMS, create, problem
from tests.conftest import fresh_database

DEMO = "/api/v1/demo"
SMALL = {"days": 30, "items_per_week": 20}
NUMBERS = ("/api/v1/metrics", "/api/v1/value-stream-map", "/api/v1/metrics/aging", ITEMS)
AS_OF = ("as_of", "period_start", "period_end", "next_cursor", "links")


@pytest.fixture
async def client(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service without any item."""
    async with fresh_database(server_url, template) as url:
        app = create_app(Settings.read({"VSM_LOG_LEVEL": "error"}), url)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://vsm") as opened:
                yield opened


async def numbers(client: httpx.AsyncClient) -> list[object]:
    told: list[object] = []
    for path in NUMBERS:
        answer = (await client.get(path)).json()
        told.append({name: value for name, value in answer.items() if name not in AS_OF})
    return told


async def state(client: httpx.AsyncClient) -> tuple[int, bool]:
    told = (await client.get(DEMO)).json()
    return told["items"], told["other_items"]


async def test_an_empty_stream_is_filled_and_emptied_again(client: httpx.AsyncClient) -> None:
    before = await numbers(client)
    assert await state(client) == (0, False)
    made = await client.post(DEMO, params=SMALL)
    assert made.status_code == 201, made.text
    assert made.json()["transitions_created"] > made.json()["items_created"] > 50
    assert await state(client) == (made.json()["items_created"], False)
    assert await numbers(client) != before
    removed = await client.delete(DEMO)
    assert removed.json() == {"items_removed": made.json()["items_created"]}
    assert await state(client) == (0, False)
    assert await numbers(client) == before


async def test_it_is_refused_where_anything_is_already(client: httpx.AsyncClient) -> None:
    await create(client)
    problem(await client.post(DEMO, params=SMALL), 409, "stream-not-empty")
    assert await state(client) == (0, True)


async def test_it_is_not_made_twice(client: httpx.AsyncClient) -> None:
    assert (await client.post(DEMO, params=SMALL)).status_code == 201
    problem(await client.post(DEMO, params=SMALL), 409, "stream-not-empty")


async def test_only_what_was_made_up_is_removed_with_all_that_happened_to_it(
    client: httpx.AsyncClient,
) -> None:
    made = (await client.post(DEMO, params=SMALL)).json()["items_created"]
    own = await create(client, source="jira", external_key="SHOP-1")
    found = await client.get(ITEMS, params={"state": "in_progress", "limit": 1})
    item = found.json()["items"][0]["id"]
    blocked = await client.post(f"{ITEMS}/{item}/blocks", json={"reason": "waits for a key"})
    assert blocked.status_code == 201, blocked.text
    assert (await client.delete(DEMO)).json() == {"items_removed": made}
    assert await state(client) == (0, True)
    assert [each["id"] for each in (await client.get(ITEMS)).json()["items"]] == [own["id"]]
    problem(await client.get(f"{ITEMS}/{item}"), 404, "unknown-item")


async def test_removing_nothing_is_no_error(client: httpx.AsyncClient) -> None:
    assert (await client.delete(DEMO)).json() == {"items_removed": 0}


async def test_an_unknown_stream_cannot_be_filled(client: httpx.AsyncClient) -> None:
    problem(await client.post(DEMO, params={"stream": "elsewhere"}), 404, "unknown-stream")
