"""A stream's rules as its members meet them: moves pass, are warned of, or need a reason."""

from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    act,
    ahead,
    assert_log_and_facts_agree,
    create,
    day,
    get,
    history,
    move,
    parsed,
    problem,
    read,
    sql,
    told,
)
from tests.acceptance.ruling import allow, ask_for_reasons, breaches, limit

WHY = {"override_reason": "a live defect"}


async def put(
    client: httpx.AsyncClient, item_id: int, to_stage: str, **more: Any
) -> httpx.Response:
    return await client.put(f"{ITEMS}/{item_id}/transition", json={"to_stage": to_stage} | more)


async def post(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await client.post(ITEMS, json={"title": "Pay by invoice", "type": "bug"} | more)


async def restore(client: httpx.AsyncClient, item_id: int, **more: Any) -> httpx.Response:
    return await client.post(f"{ITEMS}/{item_id}/restore", json=more or None)


async def void_last(client: httpx.AsyncClient, item_id: int) -> dict[str, Any]:
    last = (await history(client, item_id))[-1]
    path = f"{ITEMS}/{item_id}/transitions/{last['id']}/void"
    answer = await client.post(path, json={"reason": "the wrong card"})
    assert answer.status_code == 200, answer.text
    return parsed(answer)


async def test_without_rules_answers_carry_no_warnings_and_nothing_is_kept(
    client: httpx.AsyncClient, database: Database
) -> None:
    item = await create(client)
    made = await move(client, item["id"], "Testing")
    back = await move(client, item["id"], "Backlog")
    await act(client, item["id"], "cancel", reason="no use")
    restored = await act(client, item["id"], "restore")
    voided = await void_last(client, item["id"])
    for answer in (item, made, back, restored, voided):
        assert "warnings" not in answer
    assert await breaches(database) == []


async def test_a_move_above_an_enforced_limit_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 2, "enforce")
    item = await create(client)
    for _ in range(2):
        await create(client, stage="Testing")
    answer = problem(await put(client, item["id"], "testing"), 409, "wip-limit-reached")
    assert answer["detail"] == (
        "Testing has a WIP limit of 2 and holds 2 items already: move one of them on first, or "
        "repeat with `override_reason`"
    )
    assert answer["errors"] == [
        {
            "field": "override_reason",
            "message": "Testing has a WIP limit of 2 and holds 2 items already",
            "rule": "wip_limit",
            "stage": "Testing",
        }
    ]
    assert await read(client, item["id"]) == item
    assert await breaches(database) == []


async def test_a_creation_above_an_enforced_limit_is_refused(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Backlog", 1, "enforce")
    await create(client)
    problem(await post(client), 409, "wip-limit-reached")
    assert len((await get(client, ITEMS))["items"]) == 1
    assert (await post(client, stage="Analysis")).status_code == 201


async def test_a_restoration_above_an_enforced_limit_is_refused(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    given_up = await create(client, stage="Testing")
    await act(client, given_up["id"], "cancel", reason="no use")
    other = await create(client, stage="Testing")
    problem(await restore(client, given_up["id"]), 409, "wip-limit-reached")
    assert (await read(client, given_up["id"]))["cancelled_at"] is not None
    await move(client, other["id"], "Production")
    assert (await restore(client, given_up["id"])).status_code == 200


@pytest.mark.parametrize("way", ["move", "create", "restore"])
async def test_a_reason_lets_an_item_into_a_full_stage_and_is_kept(
    client: httpx.AsyncClient, database: Database, way: str
) -> None:
    await limit(database, "Testing", 1, "enforce")
    item = await create(client, stage="Testing")
    if way == "restore":
        await act(client, item["id"], "cancel", reason="no use")
        await create(client, stage="Testing")
        answer = await restore(client, item["id"], **WHY)
    elif way == "create":
        answer = await post(client, stage="Testing", **WHY)
    else:
        item = await create(client)
        answer = await put(client, item["id"], "Testing", **WHY)
    assert answer.is_success, answer.text
    assert answer.json()["warnings"] == [
        {
            "rule": "wip_limit",
            "stage": "Testing",
            "message": "Testing has a WIP limit of 1 and holds 1 item already",
        }
    ]
    [kept] = (await get(client, "/api/v1/broken-rules"))["items"]
    entered = answer.json().get("work_item_id") or answer.json()["id"]
    last = (await history(client, entered))[-1]
    expected = {
        "work_item_id": entered,
        "transition_id": None if way == "restore" else last["id"],
        "stage": "Testing",
        "rule": "wip_limit",
        "policy": "enforce",
        "override_reason": WHY["override_reason"],
    }
    assert kept.items() >= expected.items()
    if way != "restore":
        assert kept["broken_at"] == last["timestamp"]
    # a warning is about what was done; the item itself is as it is read
    if way != "move":
        plain = {name: value for name, value in answer.json().items() if name != "warnings"}
        assert await read(client, entered) == plain
    await assert_log_and_facts_agree(database)


@pytest.mark.parametrize("reason", ["", None, "   "])
async def test_an_empty_reason_lets_nothing_through(
    client: httpx.AsyncClient, database: Database, reason: str | None
) -> None:
    await limit(database, "Testing", 1, "enforce")
    await create(client, stage="Testing")
    answer = await post(client, stage="Testing", override_reason=reason)
    assert answer.status_code == (422 if reason == "" else 409)


async def test_above_a_limit_that_warns_an_item_moves_with_a_warning(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "warn")
    assert "warnings" not in await create(client, stage="Testing")
    item = await create(client)
    made = await move(client, item["id"], "Testing")
    assert [each["rule"] for each in made["warnings"]] == ["wip_limit"]
    assert await breaches(database) == [("wip_limit", "warn", "Testing", None)]
    assert (await create(client, stage="Testing"))["warnings"]
    assert len(await breaches(database)) == 2


async def test_a_limit_that_is_observed_and_one_of_a_done_stage_stop_nobody(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "observe")
    await limit(database, "Production", 1, "enforce")
    for stage in ("Testing", "Production"):
        for _ in range(3):
            assert "warnings" not in await create(client, stage=stage)
    assert await breaches(database) == []


async def test_whoever_leaves_a_full_stage_makes_room(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    first, second = await create(client, stage="Testing"), await create(client)
    assert (await put(client, second["id"], "Testing")).status_code == 409
    await act(client, first["id"], "cancel", reason="no use")
    assert (await put(client, second["id"], "Testing")).status_code == 200


async def test_a_move_to_the_stage_in_force_breaks_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    await allow(database, "enforce", ("Backlog", "Testing"))
    item = await create(client, stage="Testing")
    assert (await put(client, item["id"], "Testing")).status_code == 200
    assert await breaches(database) == []


async def test_a_move_in_the_past_that_leaves_the_present_alone_breaks_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    await allow(database, "enforce", ("Backlog", "Development"))
    await create(client, stage="Testing")
    item_id = await told(client, ("Backlog", day(0)), ("Development", day(2)))
    made = await move(client, item_id, "Testing", day(1))
    assert (made["from_stage"], made["to_stage"]) == ("Backlog", "Testing")
    assert (await read(client, item_id))["current_stage"] == "Development"
    assert await breaches(database) == []
    # after the last known move it changes where the item is now, whatever its instant
    answer = await put(client, item_id, "Testing", timestamp=day(3))
    problem(answer, 409, "move-not-allowed")


async def test_what_is_told_of_a_cancelled_item_is_history(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    await create(client, stage="Testing")
    item_id = await told(client, ("Backlog", day(0)))
    await act(client, item_id, "cancel", reason="no use", timestamp=day(3))
    await move(client, item_id, "Testing", day(2))
    problem(await restore(client, item_id), 409, "wip-limit-reached")


async def test_batches_are_history_and_never_refused(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    await allow(database, "enforce", ("Backlog", "Analysis"))
    moves = [{"to_stage": name, "timestamp": day(1)} for name in ("Backlog", "Testing")]
    item = {"title": "told", "type": "task", "transitions": moves}
    answer = await client.post(f"{ITEMS}/batch", json={"items": [item] * 3})
    assert answer.status_code == 201
    assert await breaches(database) == []
    detail = problem(await post(client, stage="Testing"), 409, "wip-limit-reached")["detail"]
    assert "holds 3 items" in detail


async def test_a_void_is_never_refused_but_warns_above_the_limit(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    item_id = await told(client, ("Testing", day(0)), ("Production", day(1)))
    await create(client, stage="Testing")
    voided = await void_last(client, item_id)
    assert [each["stage"] for each in voided["warnings"]] == ["Testing"]
    assert (await read(client, item_id))["current_stage"] == "Testing"
    assert await breaches(database) == []


async def test_moves_that_are_not_allowed_are_refused_with_those_that_are(
    client: httpx.AsyncClient, database: Database
) -> None:
    await allow(database, "enforce", ("Backlog", "Analysis"), ("Backlog", "Development"))
    item = await create(client)
    answer = problem(await put(client, item["id"], "Testing"), 409, "move-not-allowed")
    assert "from Backlog it allows: Analysis, Development" in answer["detail"]
    assert [(each["rule"], each["stage"]) for each in answer["errors"]] == [
        ("allowed_move", "Testing")
    ]
    assert "warnings" not in await move(client, item["id"], "Development")
    made = parsed(await put(client, item["id"], "Testing", **WHY))
    assert [each["rule"] for each in made["warnings"]] == ["allowed_move"]
    assert await breaches(database) == [("allowed_move", "enforce", "Testing", "a live defect")]


async def test_an_item_may_be_created_in_any_stage_whatever_moves_are_allowed(
    client: httpx.AsyncClient, database: Database
) -> None:
    await allow(database, "enforce", ("Backlog", "Analysis"))
    await ask_for_reasons(database, "enforce")
    assert "warnings" not in await create(client, stage="Deployment")


async def test_a_move_that_is_not_allowed_is_warned_of(
    client: httpx.AsyncClient, database: Database
) -> None:
    await allow(database, "warn", ("Backlog", "Analysis"))
    item = await create(client)
    made = await move(client, item["id"], "Testing")
    assert [each["rule"] for each in made["warnings"]] == ["allowed_move"]
    assert await breaches(database) == [("allowed_move", "warn", "Testing", None)]


async def test_a_move_back_without_a_reason_is_refused_until_it_has_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    await ask_for_reasons(database, "enforce")
    item = await create(client, stage="Testing")
    answer = problem(await put(client, item["id"], "Development"), 409, "reason-needed")
    assert answer["detail"] == (
        "a move back from Testing to Development needs a reason: repeat with `reason`"
    )
    assert [each["field"] for each in answer["errors"]] == ["reason"]
    made = parsed(await put(client, item["id"], "Development", reason="a defect"))
    assert "warnings" not in made
    assert await breaches(database) == []


async def test_a_move_back_without_a_reason_is_warned_of(
    client: httpx.AsyncClient, database: Database
) -> None:
    await ask_for_reasons(database, "warn")
    item = await create(client, stage="Testing")
    made = await move(client, item["id"], "Development")
    assert [each["rule"] for each in made["warnings"]] == ["backward_reason"]
    assert await breaches(database) == [("backward_reason", "warn", "Development", None)]


async def test_a_move_against_several_rules_is_told_all_of_them(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Analysis", 1, "enforce")
    await allow(database, "enforce", ("Backlog", "Analysis"))
    await ask_for_reasons(database, "warn")
    await create(client, stage="Analysis")
    item = await create(client, stage="Testing")
    answer = problem(await put(client, item["id"], "Analysis"), 409, "move-not-allowed")
    assert [each["rule"] for each in answer["errors"]] == ["allowed_move", "wip_limit"]
    made = parsed(await put(client, item["id"], "Analysis", **WHY))
    rules = ["allowed_move", "backward_reason", "wip_limit"]
    assert [each["rule"] for each in made["warnings"]] == rules
    assert [each[:2] for each in await breaches(database)] == [
        ("allowed_move", "enforce"),
        ("backward_reason", "warn"),
        ("wip_limit", "enforce"),
    ]


async def test_a_request_that_cannot_be_right_is_told_so_before_any_rule(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    await create(client, stage="Testing")
    item = await create(client)
    answer = await put(client, item["id"], "Testing", timestamp=ahead(hours=1))
    problem(answer, 422, "invalid-value")
    answer = await put(client, item["id"], "Testing", expected_stage="Analysis")
    problem(answer, 412, "precondition-failed")
    problem(await put(client, item["id"], "Nowhere"), 404, "unknown-stage")


async def test_a_repeated_request_and_a_repeated_event_break_a_rule_once(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    await create(client, stage="Testing")
    item = await create(client)
    path, body = f"{ITEMS}/{item['id']}/transition", {"to_stage": "Testing"} | WHY
    headers = {"Idempotency-Key": "once"}
    first, again = [await client.put(path, json=body, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert first.json()["warnings"]
    other = await create(client)
    event = body | {"source_event_id": "board-7"}
    for _ in range(2):
        answer = await client.put(f"{ITEMS}/{other['id']}/transition", json=event)
        assert answer.status_code == 200
    assert len(await breaches(database)) == 2


async def test_a_refused_request_may_be_repeated_under_its_key_once_there_is_room(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    first, second = await create(client, stage="Testing"), await create(client)
    path, headers = f"{ITEMS}/{second['id']}/transition", {"Idempotency-Key": "once"}
    body = {"to_stage": "Testing"}
    problem(await client.put(path, json=body, headers=headers), 409, "wip-limit-reached")
    await move(client, first["id"], "Production")
    assert (await client.put(path, json=body, headers=headers)).status_code == 200


async def test_an_item_created_in_a_stage_with_a_limit_has_one_instant_everywhere(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Development", 5, "enforce")
    item = await create(client, stage="Development")
    [first] = await history(client, item["id"])
    instants = {item[name] for name in ("created_at", "updated_at", "started_at")}
    assert instants == {item["current_stage_since"], first["timestamp"], item["created_at"]}
    assert item["version"] == 1
    old = await create(client, stage="Development", timestamp=day(1))
    assert (old["created_at"], old["started_at"]) == (day(1), day(1))
    assert old["updated_at"] > day(1)
    assert await sql(database, "SELECT count(*) FROM rollup_invalidations") == [(1,)]
    await assert_log_and_facts_agree(database)


@pytest.mark.parametrize("name", ["wip-limit-reached", "move-not-allowed", "reason-needed"])
async def test_a_refusal_for_a_rules_sake_explains_itself_at_its_type(
    shared: httpx.AsyncClient, name: str
) -> None:
    explained = await get(shared, f"/problems/{name}")
    assert explained["status"] == 409
    assert explained["parents"] == ["/problems/rule-broken", "/problems/conflict"]
