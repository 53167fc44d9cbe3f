"""Each number leads to exactly the items behind it."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from app.api.explained import LEFT_OUT
from app.api.flow import LINKS
from tests.acceptance.helpers import as_batch_item, get
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
    for name in LINKS:
        items = await followed(f1_client, metrics["links"][name])
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


EXPLAINED = (
    "/api/v1/metrics/stages",
    "/api/v1/metrics/series",
    "/api/v1/metrics/cumulative-flow",
    "/api/v1/metrics/scatter",
    "/api/v1/metrics/histogram",
    "/api/v1/metrics/aging",
    "/api/v1/metrics/littles-law",
    "/api/v1/metrics/bottleneck",
    "/api/v1/metrics/distribution",
    "/api/v1/metrics/predictability",
    "/api/v1/metrics/reopen-rate",
    "/api/v1/value-stream-map",
)


@pytest.mark.parametrize("path", EXPLAINED)
async def test_every_answer_about_finished_items_leads_to_them(
    f1_client: httpx.AsyncClient, path: str
) -> None:
    answer = await get(f1_client, path, **WEEK)
    metrics = await get(f1_client, "/api/v1/metrics", **WEEK)
    items = await followed(f1_client, answer["links"]["throughput"])
    assert len(items) == metrics["throughput"]
    assert answer["sample_size"] == metrics["throughput"]


@pytest.mark.parametrize("path", ["/api/v1/metrics", *EXPLAINED])
@pytest.mark.parametrize("types", [{}, {"exclude_types": "task"}])
async def test_what_is_left_out_of_a_sample_is_counted_by_reason_and_listed(
    f1_client: httpx.AsyncClient, path: str, types: dict[str, str]
) -> None:
    answer = await get(f1_client, path, **WEEK, **types)
    assert set(answer["excluded"]) == set(LEFT_OUT)
    for reason, count in answer["excluded"].items():
        assert len(await followed(f1_client, answer["links"][f"excluded:{reason}"])) == count
    # the one that was given up and the one under way are both tasks
    assert answer["excluded"]["cancelled"] == answer["excluded"]["in_progress"] == (not types)


async def test_groups_are_what_each_type_gives_alone(f1_client: httpx.AsyncClient) -> None:
    """Bins are as wide in all groups, so that they add up to the whole, bin by bin."""
    path = "/api/v1/metrics/histogram"
    answer = await get(f1_client, path, **WEEK, group_by="type")
    assert [group["type"] for group in answer["groups"]] == ["feature", "bug", "task", "epic"]
    for number, whole in enumerate(answer["bins"]):
        parts = [group["bins"][number : number + 1] for group in answer["groups"]]
        assert sum(part["count"] for found in parts for part in found) == whole["count"]
    for group in answer["groups"]:
        alone = await get(f1_client, path, **WEEK, type=group["type"])
        assert group["sample_size"] == alone["sample_size"]
    table = await f1_client.get(
        path, params=WEEK | {"group_by": "type"}, headers={"Accept": "text/csv"}
    )
    assert table.text.startswith("type,from_hours")

    promises = await get(f1_client, "/api/v1/metrics/predictability", **WEEK, group_by="type")
    for group in promises["groups"]:
        alone = await get(f1_client, "/api/v1/metrics/predictability", **WEEK, type=group["type"])
        same = [name for name in group if name != "type"]
        assert {name: group[name] for name in same} == {name: alone[name] for name in same}


async def test_the_items_of_a_stage_are_as_many_as_it_counts(f1_client: httpx.AsyncClient) -> None:
    answer = await get(f1_client, "/api/v1/metrics/stages", **WEEK)
    for stage in answer["stages"]:
        here = await followed(f1_client, answer["links"][f"in_stage:{stage['name']}"])
        assert stage["wip_at_end"] in (len(here), None)
        for population, visits in (("entered_stage", "arrivals"), ("left_stage", "departures")):
            link = answer["links"][f"{population}:{stage['name']}"]
            # an item may come more than once
            assert len(await followed(f1_client, link)) <= stage[visits]


async def test_no_two_answers_show_two_figures_for_one_thing(f1_client: httpx.AsyncClient) -> None:
    metrics = await get(f1_client, "/api/v1/metrics", **WEEK)
    stages = await get(f1_client, "/api/v1/metrics/stages", **WEEK)
    value_stream_map = await get(f1_client, "/api/v1/value-stream-map", **WEEK)
    law = await get(f1_client, "/api/v1/metrics/littles-law", **WEEK)
    flow = await get(f1_client, "/api/v1/metrics/cumulative-flow", **WEEK)
    series = await get(f1_client, "/api/v1/metrics/series", **WEEK)
    points = series["series"][0]["points"]
    assert metrics["stages"] == stages["stages"]
    assert (
        metrics["wip_at_end"]
        == stages["totals"]["wip_at_end"]
        == value_stream_map["totals"]["wip"]
        == points[-1]["wip_at_end"]
    )
    assert metrics["wip"] == pytest.approx(law["avg_wip"]) == stages["totals"]["avg_wip"]
    assert metrics["throughput"] == sum(point["throughput"] for point in points)
    assert metrics["rolled_ca"] == value_stream_map["totals"]["rolled_ca"] == 0.75
    assert metrics["throughput"] == sum(each["throughput"] for each in metrics["by_type"].values())
    assert flow["sample_size"] == metrics["throughput"]
