"""The HTTP table of the service's contract: every path with its success."""

import re
from typing import Any

import httpx

from app import __version__
from tests.acceptance.helpers import INSTANT, ITEMS, METRICS, act, create, day, get, move, told

DEFAULT_STAGES = ["Backlog", "Analysis", "Development", "Testing", "Deployment", "Production"]
Kinds = dict[str, type | tuple[type, ...]]


def assert_kinds(body: dict[str, Any], kinds: Kinds) -> None:
    """Check that these fields are there with these types, whatever else is."""
    for name, kind in kinds.items():
        value = body[name]
        right = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
        assert right, f"{name} is {value!r}"


def assert_instants(body: dict[str, Any], *names: str) -> None:
    for name in names:
        assert re.fullmatch(INSTANT, body[name]), f"{name} is {body[name]!r}"


async def test_creating_an_item_answers_201_with_the_item(client: httpx.AsyncClient) -> None:
    answer = await client.post(ITEMS, json={"title": "Pay by invoice", "type": "feature"})
    item = answer.json()
    assert answer.status_code == 201
    assert_kinds(item, {"id": int, "title": str, "type": str, "current_stage": str})
    assert_instants(item, "created_at", "updated_at")
    assert (item["title"], item["type"]) == ("Pay by invoice", "feature")
    assert item["created_at"] == item["updated_at"]
    assert answer.headers["location"] == f"{ITEMS}/{item['id']}"
    assert answer.headers["etag"] == f'"{item["version"]}"'


async def test_a_new_item_enters_backlog_at_the_instant_of_its_creation(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    assert item["current_stage"] == "Backlog"
    found = await get(client, f"{ITEMS}/{item['id']}/history")
    (first,) = found["transitions"]
    assert (first["from_stage"], first["to_stage"]) == (None, "Backlog")
    assert first["timestamp"] == item["created_at"] == item["current_stage_since"]


async def test_every_type_of_item_can_be_created(client: httpx.AsyncClient) -> None:
    kinds = ["feature", "bug", "task", "epic"]
    assert [(await create(client, type=kind))["type"] for kind in kinds] == kinds


async def test_a_created_item_can_be_read_back_as_it_was_answered(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client, title="Zahlung per Rechnung, später 🧾 支払い")
    assert await get(client, f"{ITEMS}/{item['id']}") == item


async def test_moving_an_item_answers_200_with_the_move(client: httpx.AsyncClient) -> None:
    item = await create(client)
    answer = await client.put(f"{ITEMS}/{item['id']}/transition", json={"to_stage": "Development"})
    made = answer.json()
    assert answer.status_code == 200
    assert_kinds(made, {"id": int, "work_item_id": int, "from_stage": str, "to_stage": str})
    assert_instants(made, "timestamp")
    assert made["work_item_id"] == item["id"]
    assert (made["from_stage"], made["to_stage"]) == ("Backlog", "Development")
    assert made["timestamp"] > item["created_at"]


async def test_the_history_lists_the_moves_oldest_first(client: httpx.AsyncClient) -> None:
    item = await create(client, title="Invoice")
    made = [await move(client, item["id"], stage) for stage in DEFAULT_STAGES[1:]]
    found = await get(client, f"{ITEMS}/{item['id']}/history")
    assert_kinds(found, {"work_item_id": int, "work_item_title": str, "transitions": list})
    assert (found["work_item_id"], found["work_item_title"]) == (item["id"], "Invoice")
    first, *others = found["transitions"]
    assert first["from_stage"] is None
    for listed, answered in zip(others, made, strict=True):
        assert listed.items() >= answered.items()
    stages = [(each["from_stage"], each["to_stage"]) for each in found["transitions"]]
    assert stages == list(zip([None, *DEFAULT_STAGES], DEFAULT_STAGES, strict=False))
    instants = [each["timestamp"] for each in found["transitions"]]
    assert instants == sorted(instants)


async def test_the_metrics_of_an_empty_service_are_zero_or_null(client: httpx.AsyncClient) -> None:
    metrics = await get(client, METRICS, days=7)
    assert (metrics["throughput"], metrics["wip"], metrics["sample_size"]) == (0, 0.0, 0)
    for clock in ("cycle_time", "lead_time"):
        for statistic in ("avg", "p50", "p85", "p95"):
            assert metrics[f"{clock}_{statistic}"] is None
    assert metrics["before_first_data"]
    assert metrics["last_event_at"] is None


async def test_the_metrics_have_their_types_and_their_window(client: httpx.AsyncClient) -> None:
    await told(client, ("Backlog", day(0)), ("Analysis", day(1)), ("Production", day(3)))
    metrics = await get(client, METRICS, days=7, as_of=day(4))
    assert_kinds(metrics, {"throughput": int, "wip": float})
    assert_kinds(metrics, {f"cycle_time_{each}": float for each in ("avg", "p50", "p85", "p95")})
    assert_instants(metrics, "period_start", "period_end", "as_of")
    assert metrics["throughput"] == 1
    assert metrics["cycle_time_avg"] == 48.0


async def test_the_stages_are_an_array_in_order_with_the_six_defaults(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/api/v1/stages")
    stages = answer.json()
    assert answer.status_code == 200
    assert isinstance(stages, list)
    for stage in stages:
        assert_kinds(stage, {"id": int, "name": str, "order": int, "type": str})
    assert [stage["name"] for stage in stages] == DEFAULT_STAGES
    assert [stage["type"] for stage in stages] == [name.lower() for name in DEFAULT_STAGES]
    assert [stage["order"] for stage in stages] == sorted({stage["order"] for stage in stages})
    assert [stage["zone"] for stage in stages] == ["todo", *["doing"] * 4, "done"]


async def test_health_tells_the_service_its_version_and_the_databases_state(
    client: httpx.AsyncClient,
) -> None:
    assert await get(client, "/api/v1/health") == {
        "status": "UP",
        "service": "vsm-service",
        "version": __version__,
        "database_connected": True,
    }


async def test_a_migrated_service_is_ready(client: httpx.AsyncClient) -> None:
    assert await get(client, "/ready") == {"status": "READY"}


async def test_editing_and_cancelling_answer_the_item_as_it_is_now(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    answer = await client.patch(f"{ITEMS}/{item['id']}", json={"title": "By card"})
    edited = answer.json()
    assert answer.status_code == 200
    assert edited["title"] == "By card"
    assert answer.headers["etag"] == f'"{edited["version"]}"'
    cancelled = await act(client, item["id"], "cancel", reason="superseded")
    assert_instants(cancelled, "cancelled_at")
    assert cancelled["cancel_reason"] == "superseded"
    assert cancelled["version"] > edited["version"] > item["version"]
    assert await get(client, f"{ITEMS}/{item['id']}") == cancelled
