"""Moves in the present and in the past: the chain never breaks and the facts follow it."""

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    ahead,
    assert_log_and_facts_agree,
    chain,
    create,
    day,
    get,
    history,
    move,
    problem,
    read,
    sql,
    told,
)


async def test_stage_names_are_taken_whatever_their_case_and_answered_as_they_are(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client, stage="aNALYSIS")
    assert item["current_stage"] == "Analysis"
    for written in ("development", "TESTING", " Deployment "):
        made = await move(client, item["id"], written)
        assert made["to_stage"] == written.strip().capitalize()


async def test_a_new_item_may_enter_any_stage(client: httpx.AsyncClient) -> None:
    item = await create(client, stage="Testing", timestamp=day(0))
    assert (item["current_stage"], item["started_at"]) == ("Testing", day(0))
    assert await chain(client, item["id"]) == [(None, "Testing")]
    finished = await create(client, stage="Production", timestamp=day(1))
    assert finished["started_at"] == finished["finished_at"] == day(1)


async def test_a_new_item_may_have_been_created_in_the_past(client: httpx.AsyncClient) -> None:
    item = await create(client, timestamp="2025-03-03T10:15:30.123456+02:00")
    assert item["created_at"] == "2025-03-03T08:15:30.123456Z"
    assert item["updated_at"] > item["created_at"]
    (first,) = await history(client, item["id"])
    assert first["timestamp"] == item["created_at"]


async def test_why_and_by_whom_is_kept_with_a_move(client: httpx.AsyncClient) -> None:
    item = await create(client, reason="asked for by sales", actor_kind="human")
    body = {"to_stage": "Analysis", "reason": "picked up", "actor_kind": "agent"}
    made = (await client.put(f"{ITEMS}/{item['id']}/transition", json=body)).json()
    assert (made["reason"], made["actor_kind"]) == ("picked up", "agent")
    told_of = [(each["reason"], each["actor_kind"]) for each in await history(client, item["id"])]
    assert told_of == [("asked for by sales", "human"), ("picked up", "agent")]


async def test_a_clock_up_to_five_minutes_ahead_is_accepted(client: httpx.AsyncClient) -> None:
    soon = ahead(minutes=4.5)
    item = await create(client, timestamp=soon)
    assert item["created_at"] == item["updated_at"] == soon
    made = await move(client, item["id"], "Analysis", soon)
    assert made["from_stage"] == "Backlog"


async def test_a_move_without_instant_never_lies_before_the_last_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    soon = ahead(minutes=4.5)
    item = await create(client, timestamp=soon)
    assert (await move(client, item["id"], "Analysis"))["timestamp"] == soon
    assert await chain(client, item["id"]) == [(None, "Backlog"), ("Backlog", "Analysis")]
    await assert_log_and_facts_agree(database)


async def test_a_late_told_move_is_put_where_it_belongs(
    client: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Testing", day(4)), ("Production", day(6)))
    made = await move(client, item_id, "Analysis", day(2))
    assert made["from_stage"] == "Backlog"
    stages = ["Backlog", "Analysis", "Testing", "Production"]
    assert await chain(client, item_id) == list(zip([None, *stages], stages, strict=False))
    left = await sql(
        database,
        "SELECT f.name, t.name FROM stage_transitions m JOIN stages t ON t.id = m.to_stage_id "
        "LEFT JOIN stages f ON f.id = m.from_stage_id ORDER BY m.timestamp, m.id",
    )
    assert left == list(zip([None, *stages], stages, strict=False))
    item = await read(client, item_id)
    assert (item["started_at"], item["finished_at"]) == (day(2), day(6))
    assert (item["current_stage"], item["current_stage_since"]) == ("Production", day(6))
    await assert_log_and_facts_agree(database)


async def test_an_earlier_finish_told_later_becomes_the_finish(
    client: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Development", day(0)), ("Testing", day(5)))
    await move(client, item_id, "Production", day(3))
    item = await read(client, item_id)
    assert (item["current_stage"], item["finished_at"]) == ("Testing", day(3))
    await assert_log_and_facts_agree(database)


async def test_a_move_before_the_creation_makes_the_item_that_old(
    client: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Development", day(3)))
    await move(client, item_id, "Backlog", day(1))
    assert (await read(client, item_id))["created_at"] == day(3)
    assert (await get(client, f"{ITEMS}/{item_id}/history"))["created_at"] == day(1)
    assert await chain(client, item_id) == [(None, "Backlog"), ("Backlog", "Development")]
    await assert_log_and_facts_agree(database)


async def test_moves_told_in_any_order_make_the_same_history(
    client: httpx.AsyncClient, database: Database
) -> None:
    moves = [("Analysis", day(1)), ("Development", day(2)), ("Testing", day(3))]
    forwards = await told(client, ("Backlog", day(0)), *moves)
    backwards = await told(client, ("Backlog", day(0)), *reversed(moves))
    assert await chain(client, forwards) == await chain(client, backwards)
    await assert_log_and_facts_agree(database)


async def test_moves_of_one_instant_keep_the_order_they_were_told_in(
    client: httpx.AsyncClient,
) -> None:
    moves = [("Testing", day(1)), ("Development", day(1)), ("Deployment", day(1))]
    item_id = await told(client, ("Backlog", day(0)), *moves)
    assert [stage for _, stage in (await chain(client, item_id))[1:]] == [s for s, _ in moves]
    assert (await read(client, item_id))["current_stage"] == "Deployment"


async def test_a_move_to_the_stage_in_force_is_kept_but_starts_no_visit(
    client: httpx.AsyncClient,
) -> None:
    item_id = await told(client, ("Analysis", day(0)), ("Analysis", day(1)), ("ANALYSIS", day(2)))
    assert await chain(client, item_id) == [(None, "Analysis"), *[("Analysis", "Analysis")] * 2]
    assert (await read(client, item_id))["current_stage_since"] == day(0)


async def test_the_first_finish_stays_through_reopening(client: httpx.AsyncClient) -> None:
    item_id = await told(
        client, ("Development", day(0)), ("Production", day(1)), ("Testing", day(2))
    )
    await move(client, item_id, "Production", day(3))
    item = await read(client, item_id)
    assert (item["started_at"], item["finished_at"]) == (day(0), day(1))
    assert (item["current_stage"], item["current_stage_since"]) == ("Production", day(3))


async def test_every_write_to_an_item_gives_it_a_new_version(client: httpx.AsyncClient) -> None:
    item = await create(client)
    seen = [item["version"]]
    for body in ({"to_stage": "Analysis"}, {"to_stage": "Testing", "timestamp": day(0)}):
        answer = await client.put(f"{ITEMS}/{item['id']}/transition", json=body)
        seen.append((await read(client, item["id"]))["version"])
        assert answer.headers["etag"] == f'"{seen[-1]}"'
    assert seen == sorted(set(seen))


async def test_an_event_delivered_twice_is_one_move(client: httpx.AsyncClient) -> None:
    item = await create(client)
    path = f"{ITEMS}/{item['id']}/transition"
    event = {"to_stage": "Analysis", "source_event_id": "board-7"}
    first, again = [await client.put(path, json=event) for _ in range(2)]
    assert first.json() == again.json()
    assert first.headers["etag"] == again.headers["etag"]
    assert len(await history(client, item["id"])) == 2
    other = await client.put(path, json=event | {"to_stage": "Testing"})
    assert "Analysis" in problem(other, 409, "event-id-reused")["detail"]


async def test_the_same_event_id_may_come_for_two_items(client: httpx.AsyncClient) -> None:
    event = {"to_stage": "Analysis", "source_event_id": "board-7"}
    for item in (await create(client), await create(client)):
        answer = await client.put(f"{ITEMS}/{item['id']}/transition", json=event)
        assert answer.json()["work_item_id"] == item["id"]


async def test_the_log_cannot_be_rewritten_even_in_sql(
    client: httpx.AsyncClient, database: Database
) -> None:
    await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    for statement in (
        "UPDATE stage_transitions SET timestamp = now()",
        "DELETE FROM stage_transitions",
        "TRUNCATE stage_transitions",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            await sql(database, statement)
