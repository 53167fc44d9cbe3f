"""Each number leads to exactly the items behind it."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from app.api.flow import LINKS
from tests.acceptance.helpers import get
from tests.acceptance.test_flow_figures import as_batch_item
from tests.conftest import running_client
from tests.fixture_f1 import F1

WEEK = {"start": "2025-03-03T00:00:00Z", "end": "2025-03-10T00:00:00Z"}

COUNTED = {name: name for name in LINKS} | {
    "cycle_time": "cycle_time_count",
    "lead_time": "lead_time_count",
}
"""Which field counts the items that a link lists."""


async def followed(client: httpx.AsyncClient, link: str) -> list[dict[str, Any]]:
    """Return all items that a link lists, two at a time, over all pages."""
    items: list[dict[str, Any]] = []
    following: str | None = link + "&limit=2"
    while following:
        answer = await client.get(following)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        following = answer.links.get("next", {}).get("url")
    return items


@pytest.fixture
async def f1_client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service that holds the worked example."""
    async with running_client(database_url) as client:
        batch = {"items": [as_batch_item(history) for history in F1]}
        assert (await client.post("/api/v1/work-items/batch", json=batch)).status_code == 201
        yield client


@pytest.mark.parametrize("query", [WEEK, WEEK | {"type": "feature"}, {"days": 30}])
async def test_every_link_lists_as_many_items_as_its_number_says(
    f1_client: httpx.AsyncClient, query: dict[str, Any]
) -> None:
    metrics = await get(f1_client, "/api/v1/metrics", **query)
    assert set(metrics["links"]) == set(LINKS)
    for name, link in metrics["links"].items():
        items = await followed(f1_client, link)
        assert len(items) == metrics[COUNTED[name]], name
        assert len({item["id"] for item in items}) == len(items)


async def test_a_link_can_be_read_without_the_answer_it_came_with(
    f1_client: httpx.AsyncClient,
) -> None:
    metrics = await get(f1_client, "/api/v1/metrics", **WEEK)
    stated = dict(parse_qsl(urlsplit(metrics["links"]["throughput"]).query))
    assert stated["population"] == "throughput"
    assert stated["start"] == WEEK["start"]
    assert stated["as_of"] == metrics["as_of"]


async def test_the_items_are_to_be_had_as_a_table(f1_client: httpx.AsyncClient) -> None:
    metrics = await get(f1_client, "/api/v1/metrics", **WEEK)
    answer = await f1_client.get(metrics["links"]["throughput"], headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = answer.text.splitlines()
    assert header.startswith("id,title,type")
    assert len(rows) == metrics["throughput"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": WEEK["start"]}, "start"),
        ({"population": "in_stage"}, "stage"),
        ({"population": "everything"}, "population"),
    ],
)
async def test_a_population_that_is_not_stated_fully_is_refused(
    client: httpx.AsyncClient, query: dict[str, str], field: str
) -> None:
    answer = await client.get("/api/v1/work-items", params=query)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
