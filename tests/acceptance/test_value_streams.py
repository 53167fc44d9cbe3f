"""Several value streams: each by itself, by either address, and all side by side."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.store.database import Database, transaction
from tests.acceptance.helpers import ITEMS, as_batch_item, create, get, problem
from tests.acceptance.test_links import WEEK
from tests.conftest import running_client
from tests.fixture_f1 import F1

STREAMS = "/api/v1/value-streams"
OTHER = "platform"


async def add_stream(database: Database, key: str) -> None:
    """Make a stream whose stages have the names of the default ones."""
    async with transaction(database) as connection:
        await connection.execute(
            text("INSERT INTO value_streams (key, name) VALUES (:key, 'Platform')"), {"key": key}
        )
        await connection.execute(
            text(
                """
                INSERT INTO stages (value_stream_id, name, "order", type, category)
                SELECT added.id, s.name, s."order", s.type, s.category
                FROM stages s
                JOIN value_streams d ON d.id = s.value_stream_id AND d.is_default
                JOIN value_streams added ON added.key = :key
                """
            ),
            {"key": key},
        )


@pytest.fixture
async def two(database: Database, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service with the worked example in the default stream, and two items in another one."""
    await add_stream(database, OTHER)
    async with running_client(database_url) as client:
        batch: dict[str, Any] = {"items": [as_batch_item(history) for history in F1]}
        assert (await client.post(f"{ITEMS}/batch", json=batch)).status_code == 201
        batch |= {"items": batch["items"][:2], "stream": OTHER}
        assert (await client.post(f"{ITEMS}/batch", json=batch)).status_code == 201
        yield client


async def test_the_streams_are_listed_the_default_one_first(two: httpx.AsyncClient) -> None:
    listed = (await two.get(STREAMS)).json()
    assert [(each["key"], each["is_default"]) for each in listed] == [
        ("default", True),
        (OTHER, False),
    ]
    for each in listed:
        for link in each["links"].values():
            assert (await two.get(link)).status_code == 200, link


async def test_a_stream_tells_its_stages_and_what_was_agreed_on(two: httpx.AsyncClient) -> None:
    found = await get(two, f"{STREAMS}/{OTHER}")
    assert [stage["name"] for stage in found["stages"]][:2] == ["Backlog", "Analysis"]
    assert found["moves"] == {"policy": "open", "allowed": [], "backward_reason": "open"}
    assert (found["working_time"], found["service_level_expectation"]) == (None, None)


@pytest.mark.parametrize(
    "path", ["metrics", "metrics/series", "value-stream-map", "work-items", "stages"]
)
async def test_a_stream_is_addressed_by_path_or_by_parameter_alike(
    two: httpx.AsyncClient, path: str
) -> None:
    window = WEEK | {"as_of": WEEK["end"]} if path.startswith(("metrics", "value")) else {}
    by_path = await two.get(f"{STREAMS}/{OTHER}/{path}", params=window)
    by_name = await two.get(f"/api/v1/{path}", params=window | {"stream": OTHER})
    plain = await two.get(f"/api/v1/{path}", params=window)
    assert by_path.status_code == 200
    assert by_path.json() == by_name.json()
    assert by_path.json() != plain.json()


async def test_an_item_is_created_below_its_streams_path(two: httpx.AsyncClient) -> None:
    body = {"title": "Faster builds", "type": "task"}
    answer = await two.post(f"{STREAMS}/{OTHER}/work-items", json=body)
    assert answer.status_code == 201
    listed = await get(two, f"{STREAMS}/{OTHER}/work-items")
    assert [item["title"] for item in listed["items"]][:1] == ["Faster builds"]


async def test_a_stream_named_twice_is_refused(two: httpx.AsyncClient) -> None:
    answer = await two.get(f"{STREAMS}/{OTHER}/metrics", params={"stream": "default"})
    problem(answer, 422, "invalid-value")
    body = {"title": "Faster builds", "type": "task", "stream": "default"}
    answer = await two.post(f"{STREAMS}/{OTHER}/work-items", json=body)
    problem(answer, 422, "invalid-value")


@pytest.mark.parametrize("path", ["", "/metrics", "/work-items", "/stages"])
async def test_an_unknown_stream_is_not_found(two: httpx.AsyncClient, path: str) -> None:
    answer = await two.get(f"{STREAMS}/nobody{path}")
    problem(answer, 404, "unknown-stream")


async def test_requests_below_a_stream_are_counted_by_the_route_that_serves_them(
    two: httpx.AsyncClient,
) -> None:
    await two.get(f"{STREAMS}/{OTHER}/metrics")
    exposed = (await two.get("/metrics")).text
    assert 'endpoint="/api/v1/metrics"' in exposed
    counted = [line for line in exposed.splitlines() if line.startswith("vsm_requests_total")]
    assert not any(OTHER in line for line in counted)


async def test_all_streams_side_by_side_add_up_to_the_total(two: httpx.AsyncClient) -> None:
    found = await get(two, f"{STREAMS}/metrics", **WEEK)
    rows = {each["stream"]: each for each in found["streams"]}
    assert {key: row["throughput"] for key, row in rows.items()} == {"default": 4, OTHER: 2}
    total = found["total"]
    for name in ("throughput", "created", "started", "discarded", "wip_at_end", "open_items"):
        assert total[name] == sum(row[name] for row in rows.values()), name
    assert total["wip"] == pytest.approx(sum(row["wip"] for row in rows.values()))
    # A and B in both streams, C and D in one: 24, 24, 96, 96, 120, 120 hours
    assert (total["cycle_time_avg"], total["cycle_time_p50"]) == (80, 96)
    assert found["sample_size"] == 6
    for key, row in rows.items():
        alone = await get(two, "/api/v1/metrics", **WEEK, stream=key, as_of=found["as_of"])
        same = [name for name in row if name not in ("stream", "name")]
        assert {name: row[name] for name in same} == {name: alone[name] for name in same}
        for population, number in (("throughput", "throughput"), ("wip_at_end", "wip_at_end")):
            listed = await two.get(row["links"][population])
            assert len(listed.json()["items"]) == row[number]


async def test_some_streams_can_be_chosen_and_are_to_be_had_as_a_table(
    two: httpx.AsyncClient,
) -> None:
    found = await get(two, f"{STREAMS}/metrics", **WEEK, key=OTHER)
    assert [each["stream"] for each in found["streams"]] == [OTHER]
    assert found["total"]["throughput"] == 2
    table = await two.get(f"{STREAMS}/metrics", params=WEEK, headers={"Accept": "text/csv"})
    assert [line.split(",")[0] for line in table.text.splitlines()] == [
        "stream",
        "default",
        OTHER,
        "",
    ]
    unknown = await two.get(f"{STREAMS}/metrics", params={"key": "nobody"})
    problem(unknown, 404, "unknown-stream")


async def test_no_stream_sees_the_items_of_another_one(two: httpx.AsyncClient) -> None:
    mine = await create(two, stream=OTHER, external_key="SHOP-1")
    theirs = await create(two, external_key="SHOP-1")
    document = await get(two, "/openapi.json")
    below = [
        path
        for path, operations in document["paths"].items()
        if path.startswith(STREAMS + "/{key}/") and "get" in operations
    ]
    assert len(below) > 15
    for path in below:
        answer = await two.get(
            path.replace("{key}", OTHER).replace("{rule}", "long_idle"),
            params={"limit": 500} if path.endswith("work-items") else {},
        )
        assert answer.status_code == 200, path
    listed = (await get(two, f"{STREAMS}/{OTHER}/work-items", limit=500))["items"]
    ids = {item["id"] for item in listed}
    assert mine["id"] in ids
    assert theirs["id"] not in ids
    assert len(ids) == 3
