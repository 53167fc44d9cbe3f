"""Items that cannot go on, through HTTP."""

from typing import Any

import httpx
import pytest

from tests.acceptance.helpers import (
    ITEMS,
    METRICS,
    ahead,
    create,
    day,
    get,
    problem,
    read,
    told,
)

WEEK = {"start": day(0), "end": day(7)}


async def block(client: httpx.AsyncClient, item_id: int, **fields: Any) -> dict[str, Any]:
    """Block an item."""
    body = {"reason": "waits for the review"} | fields
    answer = await client.post(f"{ITEMS}/{item_id}/blocks", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def blocked_a_week(client: httpx.AsyncClient) -> int:
    """Tell of an item that was in Development for two days, for one and a half of them blocked."""
    item_id = await told(
        client,
        ("Backlog", day(0)),
        ("Development", day(1)),
        ("Testing", day(3)),
        ("Production", day(4)),
    )
    await block(client, item_id, started_at=day(1.25), ended_at=day(2.25))
    await block(client, item_id, started_at=day(1.75), ended_at=day(2.75), reason="no environment")
    return item_id


async def test_a_block_begins_now_and_ends_when_it_is_told(client: httpx.AsyncClient) -> None:
    item = await create(client)
    found = await block(client, item["id"])
    assert (found["reason"], found["ended_at"]) == ("waits for the review", None)
    answer = await client.post(f"{ITEMS}/{item['id']}/blocks/{found['id']}/end", json={})
    assert answer.json()["ended_at"] >= found["started_at"]
    listed = (await client.get(f"{ITEMS}/{item['id']}/blocks")).json()
    assert [each["id"] for each in listed] == [found["id"]]
    assert (await read(client, item["id"]))["version"] == item["version"] + 2


async def test_without_any_block_nobody_tells(client: httpx.AsyncClient) -> None:
    await told(client, ("Development", day(0)), ("Production", day(1)))
    found = await get(client, METRICS, **WEEK)
    assert (found["blocked_time"], found["flow_efficiency_reason"]) == (None, "no_wait_signal")


async def test_blocked_time_is_in_every_view_of_the_flow(client: httpx.AsyncClient) -> None:
    item_id = await blocked_a_week(client)
    found = await get(client, METRICS, **WEEK)
    assert found["blocked_time"] == 36
    assert found["flow_efficiency"] == (72 - 36) / 72
    stages = await get(client, f"{METRICS}/stages", **WEEK)
    assert stages["totals"]["blocked_time_avg"] == 36
    drawn = await get(client, "/api/v1/value-stream-map", **WEEK)
    assert drawn["totals"]["blocked_time"] == 36
    assert drawn["totals"]["process_time"] == 36
    [development] = [each for each in drawn["stages"] if each["name"] == "Development"]
    assert (development["process_time"], development["wait_time"]) == (12, 36)
    journey = await get(client, f"{ITEMS}/{item_id}/history")
    assert journey["blocked_time"] == 36
    assert [each["reason"] for each in journey["blocks"]] == [
        "waits for the review",
        "no environment",
    ]


async def test_a_voided_block_counts_nowhere_and_is_kept(client: httpx.AsyncClient) -> None:
    item_id = await blocked_a_week(client)
    first, second = (await client.get(f"{ITEMS}/{item_id}/blocks")).json()
    answer = await client.post(f"{ITEMS}/{item_id}/blocks/{second['id']}/void")
    assert answer.json()["voided_at"] is not None
    assert (await get(client, METRICS, **WEEK))["blocked_time"] == 24
    listed = (await client.get(f"{ITEMS}/{item_id}/blocks")).json()
    assert [each["id"] for each in listed] == [first["id"]]
    both = (await client.get(f"{ITEMS}/{item_id}/blocks", params={"voided": "true"})).json()
    assert len(both) == 2
    again = await client.post(f"{ITEMS}/{item_id}/blocks/{second['id']}/void")
    problem(again, 409, "block-voided")


async def test_the_ageing_work_says_what_is_blocked_now(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Development", day(0)))
    free = await told(client, ("Development", day(0)))
    since = (await block(client, item_id))["started_at"]
    found = {each["id"]: each for each in (await get(client, f"{METRICS}/aging"))["items"]}
    assert (found[item_id]["blocked_since"], found[item_id]["blocked_by"]) == (
        since,
        "waits for the review",
    )
    assert found[free]["blocked_since"] is None


async def test_lists_tell_what_is_blocked_and_a_population_holds_it_alone(
    client: httpx.AsyncClient,
) -> None:
    item_id = await told(client, ("Development", day(0)))
    free = await told(client, ("Development", day(0)))
    waiting = await told(client, ("Backlog", day(0)))
    since = (await block(client, item_id, started_at=day(2)))["started_at"]
    await block(client, free, started_at=day(2), ended_at=day(3))
    await block(client, waiting, started_at=day(2), reason="not asked for yet")
    listed = {each["id"]: each for each in (await get(client, ITEMS))["items"]}
    reasons = {each: listed[each]["blocked_by"] for each in listed}
    assert reasons == {
        item_id: "waits for the review",
        free: None,
        waiting: "not asked for yet",
    }
    one = await read(client, item_id)
    assert (one["blocked_since"], one["blocked_by"]) == (since, "waits for the review")
    assert listed[item_id] == one
    for path in (f"{METRICS}/aging", "/api/v1/value-stream-map"):
        found = await get(client, path)
        assert found["blocked_now"] == 1  # what waits in the backlog is not in process
        page = (await client.get(found["links"]["blocked_now"])).json()
        assert [each["id"] for each in page["items"]] == [item_id]
    then = await get(client, ITEMS, population="blocked_now", as_of=day(2.5))
    assert [each["id"] for each in then["items"]] == [free, item_id]
    assert all(each["blocked_since"] == day(2) for each in then["items"])


async def test_a_block_is_told_of_the_item_that_was_read(client: httpx.AsyncClient) -> None:
    item = await create(client)
    url = f"{ITEMS}/{item['id']}/blocks"
    seen = {"If-Match": f'"{item["version"]}"'}
    first = await client.post(url, json={"reason": "why"}, headers=seen)
    assert first.status_code == 201
    tag = (await client.get(f"{ITEMS}/{item['id']}")).headers["etag"]
    assert first.headers["etag"] == tag
    for path, body in (("", {"reason": "why"}), (f"/{first.json()['id']}/end", {})):
        stale = await client.post(url + path, json=body, headers=seen)
        problem(stale, 412, "precondition-failed")
    ended = await client.post(f"{url}/{first.json()['id']}/end", json={}, headers={"If-Match": tag})
    assert (ended.status_code, ended.headers["etag"] != tag) == (200, True)
    void = f"{url}/{first.json()['id']}/void"
    problem(await client.post(void, headers={"If-Match": tag}), 412, "precondition-failed")
    voided = await client.post(void, headers={"If-Match": ended.headers["etag"]})
    assert voided.status_code == 200
    assert voided.headers["etag"] == f'"{(await read(client, item["id"]))["version"]}"'


async def test_a_repeated_event_blocks_once(client: httpx.AsyncClient) -> None:
    item = await create(client)
    first = await block(client, item["id"], source_event_id="flag-1")
    assert await block(client, item["id"], source_event_id="flag-1") == first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "why", "started_at": day(2), "ended_at": day(1)}, "ended_at"),
        ({"reason": "why", "started_at": ahead(hours=1)}, "started_at"),
        ({"reason": ""}, "reason"),
        ({}, "reason"),
    ],
)
async def test_a_block_that_cannot_be_right_is_refused(
    client: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    item = await create(client)
    answer = await client.post(f"{ITEMS}/{item['id']}/blocks", json=body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_what_does_not_fit_the_state_is_refused(client: httpx.AsyncClient) -> None:
    item = await create(client)
    found = await block(client, item["id"], started_at=day(0), ended_at=day(1))
    end = await client.post(f"{ITEMS}/{item['id']}/blocks/{found['id']}/end", json={})
    problem(end, 409, "block-ended")
    problem(await client.post(f"{ITEMS}/{item['id']}/blocks/999/void"), 404, "unknown-block")
    problem(await client.get(f"{ITEMS}/999/blocks"), 404, "unknown-item")
    await client.post(f"{ITEMS}/{item['id']}/cancel", json={"reason": "dropped"})
    refused = await client.post(f"{ITEMS}/{item['id']}/blocks", json={"reason": "why"})
    problem(refused, 409, "item-cancelled")
