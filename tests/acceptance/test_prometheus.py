"""What Prometheus scrapes is right at once, on every instance, and has no endless labels."""

import math
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.helpers import ITEMS, act, create, day, get, history, move, told
from tests.conftest import running_client

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def families(client: httpx.AsyncClient) -> dict[str, Metric]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {each.name: each for each in text_string_to_metric_families(answer.text)}


async def scrape(client: httpx.AsyncClient) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in (await families(client)).values()
        for sample in family.samples
    }


def value(series: Series, name: str, **labels: str) -> float:
    """Return the value of a sample of the default stream, 0 where there is none yet."""
    return series.get((name, frozenset({"stream": "default", **labels}.items())), 0)


def requests(series: Series, **labels: str) -> float:
    """Return how many requests were counted, 0 where there was none."""
    return series.get(("vsm_requests_total", frozenset(labels.items())), 0)


async def wip(client: httpx.AsyncClient) -> dict[str, float]:
    """Return the items in each stage that has any."""
    samples = (await families(client))["vsm_work_in_progress"].samples
    return {sample.labels["stage"]: sample.value for sample in samples if sample.value}


async def cycle_times(client: httpx.AsyncClient) -> tuple[float, float]:
    """Return how many items were finished and after how many hours altogether."""
    series = await scrape(client)
    return value(series, "vsm_cycle_time_hours_count"), value(series, "vsm_cycle_time_hours_sum")


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("vsm_requests", "counter", {"method", "endpoint", "status"}),
        ("vsm_request_duration_seconds", "histogram", {"method", "endpoint"}),
        ("vsm_database_statement_seconds", "summary", {"statement"}),
        ("vsm_build_info", "gauge", {"version"}),
        ("vsm_work_items_created", "counter", {"stream", "type"}),
        ("vsm_items_completed", "counter", {"stream", "type"}),
        ("vsm_stage_transitions", "counter", {"stream", "from_stage", "to_stage"}),
        ("vsm_cycle_time_hours", "histogram", {"stream"}),
        ("vsm_work_in_progress", "gauge", {"stream", "stage", "zone"}),
    ],
)
async def test_a_promised_metric_has_its_type_labels_and_help(
    client: httpx.AsyncClient, name: str, kind: str, labels: set[str]
) -> None:
    await told(client, ("Development", day(0)), ("Production", day(1)))
    family = (await families(client))[name]
    assert (family.type, bool(family.documentation)) == (kind, True)
    for sample in family.samples:
        assert sample.labels.keys() - {"le"} == labels
        if kind == "counter":
            assert sample.name == f"{name}_total"


async def test_every_stage_has_its_gauge_from_the_start(client: httpx.AsyncClient) -> None:
    stages = (await client.get("/api/v1/stages")).json()
    series = await scrape(client)
    for stage in stages:
        labels = {("stream", "default"), ("stage", stage["name"]), ("zone", stage["zone"])}
        assert series["vsm_work_in_progress", frozenset(labels)] == 0


async def test_every_move_is_seen_by_the_next_scrape(client: httpx.AsyncClient) -> None:
    item = await create(client, type="bug")
    other = await create(client, type="task", stage="Testing")
    series = await scrape(client)
    created, moved = "vsm_work_items_created_total", "vsm_stage_transitions_total"
    assert value(series, created, type="bug") == value(series, created, type="task") == 1
    assert value(series, moved, from_stage="", to_stage="Backlog") == 1
    assert value(series, moved, from_stage="", to_stage="Testing") == 1
    assert await wip(client) == {"Backlog": 1, "Testing": 1}
    for _ in range(2):
        await move(client, item["id"], "Testing")
    await move(client, other["id"], "Production")
    series = await scrape(client)
    assert value(series, moved, from_stage="Backlog", to_stage="Testing") == 1
    assert value(series, moved, from_stage="Testing", to_stage="Testing") == 0
    assert value(series, moved, from_stage="Testing", to_stage="Production") == 1
    assert value(series, "vsm_items_completed_total", type="task") == 1
    assert await wip(client) == {"Testing": 1, "Production": 1}


async def test_a_void_is_seen_by_the_next_scrape(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Development", day(0)), ("Production", day(1)))
    assert await cycle_times(client) == (1, 24)
    mistaken = (await history(client, item_id))[1]
    path = f"{ITEMS}/{item_id}/transitions/{mistaken['id']}/void"
    await client.post(path, json={"reason": "wrong card"})
    series = await scrape(client)
    moved = {"from_stage": "Development", "to_stage": "Production"}
    assert value(series, "vsm_stage_transitions_total", **moved) == 0
    assert value(series, "vsm_items_completed_total", type="feature") == 0
    assert await cycle_times(client) == (0, 0)
    assert await wip(client) == {"Development": 1}


async def test_a_cancellation_and_its_end_are_seen_by_the_next_scrape(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client, stage="Testing")
    await act(client, item["id"], "cancel", reason="no use")
    assert await wip(client) == {}
    assert value(await scrape(client), "vsm_work_items_created_total", type="feature") == 1
    await act(client, item["id"], "restore")
    assert await wip(client) == {"Testing": 1}


async def test_a_late_told_move_is_seen_by_the_next_scrape(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Production", day(4)))
    assert await cycle_times(client) == (1, 0)
    await move(client, item_id, "Analysis", day(1))
    assert await cycle_times(client) == (1, 72)
    series = await scrape(client)
    name = "vsm_stage_transitions_total"
    assert value(series, name, from_stage="Backlog", to_stage="Production") == 0
    assert value(series, name, from_stage="Analysis", to_stage="Production") == 1


async def test_a_cycle_time_counts_in_every_bucket_that_reaches_it(
    client: httpx.AsyncClient,
) -> None:
    hours = [0, 1, 1.5, 4, 24, 24.1, 8760, 8761]
    await client.post(
        f"{ITEMS}/batch",
        json={
            "items": [
                {
                    "title": f"{each} hours",
                    "type": "task",
                    "transitions": [
                        {"to_stage": "Testing", "timestamp": day(0)},
                        {"to_stage": "Production", "timestamp": day(each / 24)},
                    ],
                }
                for each in hours
            ]
        },
    )
    samples = (await families(client))["vsm_cycle_time_hours"].samples
    buckets = {each.labels["le"]: each.value for each in samples if each.name.endswith("_bucket")}
    expected = {"1.0": 2, "4.0": 4, "8.0": 4, "24.0": 5, "48.0": 6, "8760.0": 7, "+Inf": 8}
    assert {bound: buckets[bound] for bound in expected} == expected
    assert list(buckets.values()) == sorted(buckets.values())
    count, total = await cycle_times(client)
    assert count == 8
    assert math.isclose(total, sum(hours), rel_tol=1e-9)


async def test_requests_are_counted_by_route_template_never_by_path(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    before = await scrape(client)
    await get(client, f"{ITEMS}/{item['id']}")
    await client.get(f"{ITEMS}/999999")
    await client.get(f"{ITEMS}/no-id")
    await client.get(f"/nowhere/{item['id']}")
    await client.get("/docs/static/no-such-file.js")
    await client.request("BREW", "/nowhere")
    after = await scrape(client)
    for template, method, status in (
        ("/api/v1/work-items/{id}", "GET", "200"),
        ("/api/v1/work-items/{id}", "GET", "404"),
        ("/api/v1/work-items/{id}", "GET", "422"),
        ("unmatched", "OTHER", "404"),
    ):
        labels = {"endpoint": template, "method": method, "status": status}
        assert requests(after, **labels) - requests(before, **labels) == 1
    paths = set((await get(client, "/openapi.json"))["paths"])
    hidden = {"/", "/docs", "/openapi.json", "unmatched"}
    assert endpoints(after) <= paths | hidden


async def test_the_database_is_told_of_as_the_process_sees_it(client: httpx.AsyncClient) -> None:
    await get(client, ITEMS)
    series = await scrape(client)
    assert series["vsm_database_pool_size", frozenset()] == 10
    assert series["vsm_database_pool_in_use", frozenset()] == 0
    assert series["vsm_requests_in_progress", frozenset()] == 1  # the scrape itself
    statements = {
        dict(labels)["statement"]: number
        for (name, labels), number in series.items()
        if name == "vsm_database_statement_seconds_count"
    }
    assert statements["observe"] > 0
    assert statements["SELECT work_items"] > 0
    assert all(re.fullmatch(r"[a-z_]+|[A-Z]+( [a-z_]+)?|other", name) for name in statements)


def endpoints(series: Series) -> set[str]:
    return {dict(labels)["endpoint"] for name, labels in series if name == "vsm_requests_total"}


async def test_two_instances_on_one_database_tell_the_same(
    client: httpx.AsyncClient, database_url: str
) -> None:
    async with running_client(database_url) as replica:
        for each in (client, replica):
            item_id = await told(each, ("Backlog", day(0)), ("Testing", day(1)))
            await move(each, item_id, "Production", day(2))
            assert flow(await scrape(client)) == flow(await scrape(replica))
    async with running_client(database_url) as restarted:
        assert flow(await scrape(restarted)) == flow(await scrape(client))
        assert await cycle_times(restarted) == (2, 48)


def flow(series: Series) -> dict[Any, float]:
    """Return the series that tell of the flow, not of this process nor of the time gone by."""
    own = re.compile("vsm_(request|database|background|rollup_lag)")
    return {key: number for key, number in series.items() if not own.match(key[0])}
