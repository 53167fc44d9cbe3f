"""Many items with their histories in one request: all of them or none."""

from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    METRICS,
    ahead,
    assert_log_and_facts_agree,
    chain,
    create,
    day,
    get,
    history,
    problem,
    read,
    sql,
)

BATCH = f"{ITEMS}/batch"
GOOD: dict[str, Any] = {"title": "Pay by invoice", "type": "feature"}


def entry(stage: str, timestamp: str, **more: Any) -> dict[str, Any]:
    return {"to_stage": stage, "timestamp": timestamp, **more}


async def ids_of(client: httpx.AsyncClient, *items: dict[str, Any]) -> list[int]:
    answer = await client.post(BATCH, json={"items": items})
    body = answer.json()
    assert answer.status_code == 201, answer.text
    assert body.keys() == {"created", "ids"}
    assert body["created"] == len(body["ids"]) == len(items)
    ids: list[int] = body["ids"]
    return ids


async def refusals(
    client: httpx.AsyncClient, *items: dict[str, Any], name: str = "invalid-batch"
) -> list[tuple[int, str]]:
    """Return the index and field of each problem of a refused batch."""
    body = problem(await client.post(BATCH, json={"items": items}), 422, name)
    return [(each["index"], each["field"]) for each in body["errors"]]


async def test_the_ids_come_in_the_order_of_the_items(
    client: httpx.AsyncClient, database: Database
) -> None:
    ids = await ids_of(client, *({**GOOD, "title": f"item {number}"} for number in range(50)))
    assert ids == sorted(ids)
    for number in (0, 7, 49):
        assert (await read(client, ids[number]))["title"] == f"item {number}"
    await assert_log_and_facts_agree(database)


async def test_an_item_without_moves_enters_the_first_stage_when_it_was_created(
    client: httpx.AsyncClient,
) -> None:
    then, now = await ids_of(client, GOOD | {"timestamp": day(0)}, GOOD)
    (first,) = await history(client, then)
    assert (first["to_stage"], first["timestamp"]) == ("Backlog", day(0))
    item = await read(client, now)
    assert item["created_at"] == item["current_stage_since"] == item["updated_at"]


async def test_a_batch_item_is_what_single_requests_would_have_made(
    client: httpx.AsyncClient, database: Database
) -> None:
    moves = [("Backlog", day(0)), ("Analysis", day(1)), ("Production", day(3))]
    single = await create(client, timestamp=day(0))
    for stage, timestamp in moves[1:]:
        path = f"{ITEMS}/{single['id']}/transition"
        await client.put(path, json=entry(stage, timestamp))
    (batched,) = await ids_of(client, GOOD | {"transitions": [entry(*each) for each in moves]})
    one, other = await read(client, single["id"]), await read(client, batched)
    for name in one.keys() - {"id", "updated_at", "version"}:
        assert other[name] == one[name], name
    assert await chain(client, batched) == await chain(client, single["id"])
    await assert_log_and_facts_agree(database)


async def test_moves_may_come_in_any_order_and_are_kept_by_time(
    client: httpx.AsyncClient, database: Database
) -> None:
    moves = [entry("Testing", day(2)), entry("Backlog", day(0)), entry("Analysis", day(1))]
    (item_id,) = await ids_of(client, GOOD | {"transitions": moves})
    stages = ["Backlog", "Analysis", "Testing"]
    assert await chain(client, item_id) == list(zip([None, *stages], stages, strict=False))
    item = await read(client, item_id)
    assert (item["created_at"], item["started_at"]) == (day(0), day(1))
    await assert_log_and_facts_agree(database)


async def test_moves_of_one_instant_keep_the_order_of_the_array(client: httpx.AsyncClient) -> None:
    stages = ["Testing", "Analysis", "Deployment"]
    moves = [entry(stage, day(1)) for stage in stages]
    (item_id,) = await ids_of(client, GOOD | {"transitions": moves})
    assert [stage for _, stage in await chain(client, item_id)] == stages


async def test_an_item_may_come_cancelled(client: httpx.AsyncClient, database: Database) -> None:
    started = GOOD | {"transitions": [entry("Analysis", day(1))]}
    ids = await ids_of(
        client,
        started | {"cancelled_at": day(2), "cancel_reason": "superseded"},
        GOOD | {"timestamp": day(0), "cancelled_at": day(0)},
    )
    found = [await read(client, item_id) for item_id in ids]
    assert [item["cancelled_at"] for item in found] == [day(2), day(0)]
    assert [item["cancel_reason"] for item in found] == ["superseded", None]
    metrics = await get(client, METRICS, start=day(0), end=day(7))
    assert (metrics["discarded"], metrics["discarded_started"]) == (2, 1)
    await assert_log_and_facts_agree(database)


async def test_what_is_told_of_a_move_is_kept(client: httpx.AsyncClient) -> None:
    told = {"reason": "picked up", "actor_kind": "automation", "source_event_id": "board-7"}
    key = {"external_key": "SHOP-1", "source": "jira"}
    (item_id,) = await ids_of(
        client, GOOD | key | {"transitions": [entry("Testing", day(0), **told)]}
    )
    (move,) = await history(client, item_id)
    assert move.items() >= told.items()
    assert (await read(client, item_id)).items() >= key.items()


async def test_an_event_told_twice_is_one_move_and_one_id_is_no_two_events(
    client: httpx.AsyncClient,
) -> None:
    event = entry("Testing", day(0), source_event_id="board-7")
    (item_id,) = await ids_of(client, GOOD | {"transitions": [event, event]})
    assert await chain(client, item_id) == [(None, "Testing")]
    for other in ({"timestamp": day(1)}, {"to_stage": "Analysis"}):
        wrong = GOOD | {"transitions": [event, event | other]}
        assert await refusals(client, wrong) == [(0, "transitions.1.source_event_id")]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"transitions": [entry("Nowhere", day(0))]}, "transitions.0.to_stage"),
        ({"timestamp": ahead(hours=1)}, "timestamp"),
        ({"transitions": [entry("Testing", ahead(hours=1))]}, "transitions.0.timestamp"),
        ({"timestamp": day(1), "cancelled_at": day(0)}, "cancelled_at"),
        ({"transitions": [entry("Testing", day(1))], "cancelled_at": day(0)}, "cancelled_at"),
        ({"timestamp": day(0), "cancelled_at": ahead(hours=1)}, "cancelled_at"),
    ],
)
async def test_an_item_that_cannot_be_right_is_named_by_index_and_field(
    shared: httpx.AsyncClient, item: dict[str, Any], field: str
) -> None:
    assert await refusals(shared, GOOD, GOOD | item, GOOD) == [(1, field)]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "a\0"}, "title"),
        ({"type": "story"}, "type"),
        ({"colour": "red"}, "colour"),
        ({"timestamp": "2025-03-03T00:00:00"}, "timestamp"),
        ({"transitions": [{"to_stage": "Testing"}]}, "transitions.0.timestamp"),
        ({"transitions": [entry("Testing", day(0), colour="red")]}, "transitions.0.colour"),
        ({"transitions": [entry("Testing", day(0))] * 1001}, "transitions"),
        ({"source": "jira"}, "item"),
        ({"cancel_reason": "no use"}, "item"),
    ],
)
async def test_an_item_without_the_documented_form_is_named_by_index_and_field(
    shared: httpx.AsyncClient, item: dict[str, Any], field: str
) -> None:
    found = await refusals(shared, GOOD, GOOD, GOOD | item, name="invalid-request")
    assert found == [(2, field)]


async def test_one_wrong_item_keeps_all_out(client: httpx.AsyncClient, database: Database) -> None:
    wrong = GOOD | {"transitions": [entry("Nowhere", day(0))]}
    assert await refusals(client, *[GOOD] * 20, wrong) == [(20, "transitions.0.to_stage")]
    assert await sql(database, "SELECT count(*) FROM work_items") == [(0,)]
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(0,)]


async def test_every_wrong_item_is_named_at_once(shared: httpx.AsyncClient) -> None:
    wrong = GOOD | {"transitions": [entry("Nowhere", day(0)), entry("Elsewhere", day(1))]}
    found = await refusals(shared, wrong, GOOD, wrong)
    fields = ["transitions.0.to_stage", "transitions.1.to_stage"]
    assert found == [(index, field) for index in (0, 2) for field in fields]


async def test_an_external_key_may_not_repeat_within_a_batch(
    client: httpx.AsyncClient, database: Database
) -> None:
    key = GOOD | {"external_key": "SHOP-1"}
    assert await refusals(client, key, GOOD, key) == [(2, "external_key")]
    assert await sql(database, "SELECT count(*) FROM work_items") == [(0,)]
    assert len(await ids_of(client, key, key | {"source": "jira"})) == 2


async def test_an_external_key_may_not_be_another_items(
    client: httpx.AsyncClient, database: Database
) -> None:
    before = await create(client, external_key="SHOP-1", timestamp=day(0))
    late = {"title": "other", "external_key": "SHOP-1", "transitions": [entry("Testing", day(1))]}
    assert await refusals(client, GOOD, GOOD | late) == [(1, "external_key")]
    assert await sql(database, "SELECT count(*) FROM work_items") == [(1,)]
    assert await read(client, before["id"]) == before
    assert len(await history(client, before["id"])) == 1


async def test_ten_thousand_items_fit_into_a_batch_and_no_more(
    client: httpx.AsyncClient, database: Database
) -> None:
    item = GOOD | {"transitions": [entry("Backlog", day(0)), entry("Production", day(1))]}
    ids = await ids_of(client, *[item] * 10_000)
    assert ids == sorted(set(ids))
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(20_000,)]
    assert (await get(client, METRICS, start=day(0), end=day(7)))["throughput"] == 10_000
    answer = await client.post(BATCH, json={"items": [GOOD] * 10_001})
    body = problem(answer, 422, "invalid-request")
    assert [each["field"] for each in body["errors"]] == ["items"]


@pytest.mark.parametrize("body", [{}, {"items": []}, {"items": None}, {"items": [None]}])
async def test_a_batch_holds_items(shared: httpx.AsyncClient, body: dict[str, Any]) -> None:
    problem(await shared.post(BATCH, json=body), 422, "invalid-request")


async def test_a_batch_goes_to_the_stream_it_names(shared: httpx.AsyncClient) -> None:
    answer = await shared.post(BATCH, json={"items": [GOOD], "stream": "elsewhere"})
    problem(answer, 404, "unknown-stream")
    answer = await shared.post(BATCH, json={"items": [GOOD], "stream": "default"})
    assert answer.status_code == 201
