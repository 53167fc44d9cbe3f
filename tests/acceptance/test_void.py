"""A mistaken move is taken back: the log keeps it, the numbers forget it."""

from typing import Any

import httpx

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    METRICS,
    act,
    assert_log_and_facts_agree,
    chain,
    create,
    day,
    fields,
    get,
    history,
    move,
    parsed,
    problem,
    read,
    told,
)


async def void(client: httpx.AsyncClient, item_id: int, transition_id: int) -> dict[str, Any]:
    path = f"{ITEMS}/{item_id}/transitions/{transition_id}/void"
    answer = await client.post(path, json={"reason": "moved the wrong card"})
    assert answer.status_code == 200, answer.text
    return parsed(answer)


async def test_a_voided_move_leaves_the_history_and_stays_in_the_log(
    client: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)), ("Testing", day(2)))
    mistaken = (await history(client, item_id))[1]
    voided = await void(client, item_id, mistaken["id"])
    assert voided.items() >= {"id": mistaken["id"], "void_reason": "moved the wrong card"}.items()
    assert voided["voided_at"] > day(2)
    assert await chain(client, item_id) == [(None, "Backlog"), ("Backlog", "Testing")]
    listed = await history(client, item_id, voided=True)
    assert [each["id"] for each in listed if each["voided_at"]] == [mistaken["id"]]
    assert len(listed) == 3
    await assert_log_and_facts_agree(database)


async def test_the_facts_are_as_if_a_voided_move_had_never_been(
    client: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)), ("Production", day(2)))
    for mistaken in reversed((await history(client, item_id))[1:]):
        await void(client, item_id, mistaken["id"])
        await assert_log_and_facts_agree(database)
    item = await read(client, item_id)
    assert (item["current_stage"], item["current_stage_since"]) == ("Backlog", day(0))
    assert (item["started_at"], item["finished_at"]) == (None, None)
    assert (await get(client, METRICS, start=day(0), end=day(7)))["throughput"] == 0


async def test_an_item_whose_every_move_was_voided_is_in_no_stage_until_it_moves_again(
    client: httpx.AsyncClient, database: Database
) -> None:
    item = await create(client)
    (only,) = await history(client, item["id"])
    await void(client, item["id"], only["id"])
    bare = await read(client, item["id"])
    assert (bare["current_stage"], bare["current_stage_since"]) == (None, None)
    assert await history(client, item["id"]) == []
    await assert_log_and_facts_agree(database)
    assert (await move(client, item["id"], "Testing"))["from_stage"] is None
    assert (await read(client, item["id"]))["current_stage"] == "Testing"
    await assert_log_and_facts_agree(database)


async def test_voiding_twice_is_a_conflict(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    transition_id = (await history(client, item_id))[1]["id"]
    await void(client, item_id, transition_id)
    path = f"{ITEMS}/{item_id}/transitions/{transition_id}/void"
    problem(await client.post(path, json={"reason": "again"}), 409, "transition-voided")


async def test_the_moves_of_a_cancelled_item_stay_until_it_is_restored(
    client: httpx.AsyncClient,
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    transition_id = (await history(client, item_id))[1]["id"]
    await act(client, item_id, "cancel", reason="no use")
    path = f"{ITEMS}/{item_id}/transitions/{transition_id}/void"
    problem(await client.post(path, json={"reason": "wrong"}), 409, "item-cancelled")
    await act(client, item_id, "restore")
    await void(client, item_id, transition_id)


async def test_a_move_can_be_voided_only_under_its_own_item(client: httpx.AsyncClient) -> None:
    item, other = await create(client), await create(client)
    (theirs,) = await history(client, other["id"])
    path = f"{ITEMS}/{item['id']}/transitions/{theirs['id']}/void"
    problem(await client.post(path, json={"reason": "wrong"}), 404, "unknown-transition")
    path = f"{ITEMS}/999999/transitions/{theirs['id']}/void"
    problem(await client.post(path, json={"reason": "wrong"}), 404, "unknown-item")


async def test_a_void_needs_a_reason_and_a_possible_id(client: httpx.AsyncClient) -> None:
    item = await create(client)
    (first,) = await history(client, item["id"])
    for body in ({}, {"reason": ""}, {"reason": None}, {"reason": "x" * 2001}):
        path = f"{ITEMS}/{item['id']}/transitions/{first['id']}/void"
        answer = problem(await client.post(path, json=body), 422, "invalid-request")
        assert fields(answer) == ["reason"]
    for transition_id in ("0", "-1", str(2**63), "one"):
        path = f"{ITEMS}/{item['id']}/transitions/{transition_id}/void"
        answer = problem(await client.post(path, json={"reason": "x"}), 422, "invalid-request")
        assert fields(answer) == ["transition_id"]
