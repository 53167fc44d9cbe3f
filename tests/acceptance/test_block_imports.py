"""Blocks that come with whole histories: from a Jira export, and in a batch."""

import json
from typing import Any

import httpx

from app.store.database import Database
from tests.acceptance.helpers import ITEMS, METRICS, day, get, problem, sql

IMPORTS = "/api/v1/imports"
WEEK = {"start": "2025-03-03T00:00:00Z", "end": "2025-03-10T00:00:00Z"}


def entry(number: int, date: int, **item: object) -> dict[str, Any]:
    """Write one entry of a changelog, made at midnight of a day in March."""
    return {
        "id": str(number),
        "created": f"2025-03-{date:02}T00:00:00.000+0000",
        "items": [item],
    }


def export(*log: dict[str, Any], status: str = "Done") -> str:
    """Write an issue that was created on the third of March."""
    fields = {
        "summary": "Pay by invoice",
        "issuetype": {"name": "Story"},
        "created": "2025-03-03T00:00:00.000+0000",
        "status": {"name": status},
    }
    return json.dumps({"key": "SHOP-1", "fields": fields, "changelog": {"histories": log}})


STARTED = entry(1, 4, field="status", fromString="To Do", toString="In Progress")
FLAGGED = entry(2, 5, field="Flagged", fromString=None, toString="Impediment")
FREE = entry(3, 6, field="Flagged", fromString="Impediment", toString="")
STUCK = entry(4, 6, field="labels", fromString="ui", toString="ui legal")
DONE = entry(5, 8, field="status", fromString="In Progress", toString="Done")


async def send(client: httpx.AsyncClient, content: str, **query: Any) -> dict[str, Any]:
    answer = await client.post(IMPORTS, content=content, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_newer_export_ends_the_block_that_the_older_one_left_open(
    client: httpx.AsyncClient,
) -> None:
    first = await send(client, export(STARTED, FLAGGED, status="In Progress"))
    assert (first["blocks_created"], first["blocks_ended"]) == (1, 0)
    (item,) = (await get(client, ITEMS))["items"]
    second = await send(client, export(STARTED, FLAGGED, FREE, DONE))
    assert (second["blocks_created"], second["blocks_ended"]) == (0, 1)
    (block,) = (await client.get(f"{ITEMS}/{item['id']}/blocks")).json()
    assert (block["reason"], block["started_at"], block["ended_at"]) == (
        "Impediment",
        "2025-03-05T00:00:00Z",
        "2025-03-06T00:00:00Z",
    )
    measured = await get(client, METRICS, **WEEK)
    assert (measured["blocked_time"], measured["flow_efficiency"]) == (24, 3 / 4)


async def test_the_same_export_again_changes_no_block(
    client: httpx.AsyncClient, database: Database
) -> None:
    text = export(STARTED, FLAGGED, FREE, DONE)
    await send(client, text)
    everything = "SELECT i.*, b.* FROM work_items i JOIN item_blocks b ON work_item_id = i.id"
    before = await sql(database, everything)
    again = await send(client, text)
    assert (again["items_unchanged"], again["blocks_created"], again["blocks_ended"]) == (1, 0, 0)
    assert await sql(database, everything) == before


async def test_labels_that_mean_blocked_are_told(client: httpx.AsyncClient) -> None:
    text = export(STARTED, STUCK, DONE)
    checked = await send(client, text, blocked_label=["legal"], check=True)
    assert (checked["check"], checked["blocks_created"]) == (True, 1)
    await send(client, text, blocked_label=["legal"])
    assert (await get(client, METRICS, **WEEK))["blocked_time"] == 48


async def test_a_batch_brings_blocks_with_its_items(client: httpx.AsyncClient) -> None:
    moves = [("Development", day(0)), ("Production", day(2))]
    item = {
        "title": "Pay by invoice",
        "type": "feature",
        "transitions": [{"to_stage": to, "timestamp": when} for to, when in moves],
        "blocks": [
            {"reason": "waits for legal", "started_at": day(0.5), "ended_at": day(1)},
            {"reason": "no environment", "started_at": day(0.75), "ended_at": day(1.5)},
        ],
    }
    answer = await client.post(f"{ITEMS}/batch", json={"items": [item]})
    (item_id,) = answer.json()["ids"]
    journey = await get(client, f"{ITEMS}/{item_id}/history")
    assert journey["blocked_time"] == 24
    assert [each["reason"] for each in journey["blocks"]] == ["waits for legal", "no environment"]


async def test_a_block_of_a_batch_that_cannot_be_right_is_named(client: httpx.AsyncClient) -> None:
    fine = {"title": "fine", "type": "task"}
    twice = {"reason": "why", "started_at": day(0), "source_event_id": "one"}
    turned = {"reason": "why", "started_at": day(1), "ended_at": day(0)}
    late = {"reason": "why", "started_at": "2999-01-01T00:00:00Z"}
    wrong = fine | {"blocks": [twice, twice, turned, late]}
    answer = await client.post(f"{ITEMS}/batch", json={"items": [fine, wrong]})
    found = problem(answer, 422, "invalid-batch")["errors"]
    assert sorted((each["index"], each["field"]) for each in found) == [
        (1, "blocks.1.source_event_id"),
        (1, "blocks.2.ended_at"),
        (1, "blocks.3.started_at"),
    ]
