"""Work that will not be finished is cancelled, and can be taken up again."""

import httpx

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    METRICS,
    act,
    ahead,
    assert_log_and_facts_agree,
    chain,
    create,
    day,
    fields,
    get,
    history,
    move,
    problem,
    read,
    told,
)


async def test_a_cancelled_item_keeps_its_stage_and_leaves_wip(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    cancelled = await act(client, item_id, "cancel", reason="superseded", timestamp=day(3))
    assert (cancelled["cancelled_at"], cancelled["cancel_reason"]) == (day(3), "superseded")
    assert (cancelled["current_stage"], cancelled["finished_at"]) == ("Analysis", None)
    metrics = await get(client, METRICS, start=day(0), end=day(7))
    assert (metrics["wip_at_end"], metrics["discarded"], metrics["throughput"]) == (0, 1, 0)
    assert metrics["wip"] == 2 / 7


async def test_an_item_is_cancelled_now_unless_said_otherwise(client: httpx.AsyncClient) -> None:
    item = await create(client)
    cancelled = await act(client, item["id"], "cancel", reason="no use")
    assert cancelled["cancelled_at"] >= item["created_at"]
    assert cancelled["updated_at"] >= cancelled["cancelled_at"]


async def test_cancelling_at_the_very_instant_of_the_last_move_is_right(
    client: httpx.AsyncClient,
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    assert (await act(client, item_id, "cancel", reason="no", timestamp=day(1)))["cancelled_at"]


async def test_cancelling_before_the_last_move_is_a_conflict(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    body = {"reason": "no use", "timestamp": day(0.5)}
    answer = await client.post(f"{ITEMS}/{item_id}/cancel", json=body)
    assert "2025-03-04" in problem(answer, 409, "cancel-before-last-move")["detail"]
    assert (await read(client, item_id))["cancelled_at"] is None


async def test_a_last_move_slightly_ahead_of_the_clock_can_still_be_cancelled(
    client: httpx.AsyncClient,
) -> None:
    soon = ahead(minutes=4)
    item = await create(client, timestamp=soon)
    assert (await act(client, item["id"], "cancel", reason="no use"))["cancelled_at"] == soon


async def test_cancelling_twice_is_a_conflict(client: httpx.AsyncClient) -> None:
    item = await create(client)
    await act(client, item["id"], "cancel", reason="no use")
    answer = await client.post(f"{ITEMS}/{item['id']}/cancel", json={"reason": "really"})
    problem(answer, 409, "item-cancelled")


async def test_a_cancelled_item_cannot_move(client: httpx.AsyncClient) -> None:
    item = await create(client)
    await act(client, item["id"], "cancel", reason="no use")
    answer = await client.put(f"{ITEMS}/{item['id']}/transition", json={"to_stage": "Analysis"})
    assert "restore" in problem(answer, 409, "item-cancelled")["detail"]
    assert len(await history(client, item["id"])) == 1


async def test_moves_from_before_the_cancellation_may_still_be_told(
    client: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Backlog", day(0)))
    await act(client, item_id, "cancel", reason="no use", timestamp=day(3))
    await move(client, item_id, "Analysis", day(2))
    assert await chain(client, item_id) == [(None, "Backlog"), ("Backlog", "Analysis")]
    assert (await read(client, item_id))["started_at"] == day(2)
    later = {"to_stage": "Testing", "timestamp": day(4)}
    answer = await client.put(f"{ITEMS}/{item_id}/transition", json=later)
    problem(answer, 409, "item-cancelled")
    await assert_log_and_facts_agree(database)


async def test_a_restored_item_stands_where_it_stood_and_moves_on(
    client: httpx.AsyncClient,
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    before = await read(client, item_id)
    await act(client, item_id, "cancel", reason="no use")
    restored = await act(client, item_id, "restore")
    for name in before.keys() - {"version", "updated_at"}:
        assert restored[name] == before[name]
    assert (await move(client, item_id, "Testing"))["from_stage"] == "Analysis"


async def test_restoring_what_was_not_cancelled_is_a_conflict(client: httpx.AsyncClient) -> None:
    item = await create(client)
    answer = await client.post(f"{ITEMS}/{item['id']}/restore")
    problem(answer, 409, "item-not-cancelled")


async def test_a_finished_item_that_is_cancelled_stays_finished(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Development", day(0)), ("Production", day(1)))
    await act(client, item_id, "cancel", reason="withdrawn", timestamp=day(2))
    metrics = await get(client, METRICS, start=day(0), end=day(7))
    assert (metrics["throughput"], metrics["discarded"]) == (1, 0)


async def test_a_cancellation_needs_a_reason(client: httpx.AsyncClient) -> None:
    item = await create(client)
    for body in ({}, {"reason": ""}, {"reason": None}):
        answer = await client.post(f"{ITEMS}/{item['id']}/cancel", json=body)
        assert fields(problem(answer, 422, "invalid-request")) == ["reason"]


async def test_title_and_type_can_be_corrected_apart_and_together(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    path = f"{ITEMS}/{item['id']}"
    for change in ({"title": "By card"}, {"type": "bug"}, {"title": "By cash", "type": "task"}):
        edited = (await client.patch(path, json=change)).json()
        assert edited == item | change | {
            "version": item["version"] + 1,
            "updated_at": edited["updated_at"],
        }
        assert edited["updated_at"] > item["updated_at"]
        item = edited


async def test_an_edit_that_changes_nothing_leaves_the_version(client: httpx.AsyncClient) -> None:
    item = await create(client)
    for change in ({}, {"title": item["title"], "type": item["type"]}):
        answer = await client.patch(f"{ITEMS}/{item['id']}", json=change)
        assert answer.json() == item


async def test_what_follows_from_the_history_cannot_be_edited(client: httpx.AsyncClient) -> None:
    item = await create(client)
    for name in ("current_stage", "created_at", "finished_at", "id", "version"):
        answer = await client.patch(f"{ITEMS}/{item['id']}", json={name: item[name]})
        assert fields(problem(answer, 422, "invalid-request")) == [name]
    for change in ({"title": ""}, {"title": "x" * 501}, {"type": "story"}):
        problem(await client.patch(f"{ITEMS}/{item['id']}", json=change), 422, "invalid-request")
    answer = await client.patch(f"{ITEMS}/999999", json={"title": "By card"})
    problem(answer, 404, "unknown-item")
