"""A client may act on what it has seen: If-Match and expected_stage refuse what is out of date."""

import asyncio

import httpx
import pytest

from tests.acceptance.helpers import ITEMS, chain, create, move, problem, read

MOVE = {"to_stage": "Testing"}
EDIT = {"title": "By card"}


@pytest.mark.parametrize(
    ("method", "path", "body"), [("PUT", "/transition", MOVE), ("PATCH", "", EDIT)]
)
async def test_a_write_happens_while_the_item_has_the_tag_that_was_read(
    client: httpx.AsyncClient, method: str, path: str, body: dict[str, str]
) -> None:
    item = await create(client)
    tag = (await client.get(f"{ITEMS}/{item['id']}")).headers["etag"]
    url = f"{ITEMS}/{item['id']}{path}"
    answer = await client.request(method, url, json=body, headers={"If-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag
    stale = await client.request(method, url, json=body, headers={"If-Match": tag})
    assert "version" in problem(stale, 412, "precondition-failed")["detail"]
    fresh = {"If-Match": answer.headers["etag"]}
    assert (await client.request(method, url, json=body, headers=fresh)).status_code == 200


@pytest.mark.parametrize("accepted", ["*", '"1"', '"7", "1"', ' "1" ,"2"'])
async def test_any_of_the_tags_named_will_do(client: httpx.AsyncClient, accepted: str) -> None:
    path = f"{ITEMS}/{(await create(client))['id']}"
    answer = await client.patch(path, json=EDIT, headers={"If-Match": accepted})
    assert answer.status_code == 200


@pytest.mark.parametrize("refused", ['"2"', 'W/"1"', "1", '"one"', '""', '"' + "9" * 30 + '"'])
async def test_a_tag_that_the_item_does_not_have_refuses_the_write(
    client: httpx.AsyncClient, refused: str
) -> None:
    item = await create(client)
    answer = await client.patch(f"{ITEMS}/{item['id']}", json=EDIT, headers={"If-Match": refused})
    problem(answer, 412, "precondition-failed")
    assert await read(client, item["id"]) == item


async def test_a_move_happens_only_from_the_stage_that_is_expected(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    path = f"{ITEMS}/{item['id']}/transition"
    expected = MOVE | {"expected_stage": "backlog"}
    assert (await client.put(path, json=expected)).json()["from_stage"] == "Backlog"
    stale = problem(await client.put(path, json=expected), 412, "precondition-failed")
    assert "Testing" in stale["detail"]
    unknown = await client.put(path, json=MOVE | {"expected_stage": "Nowhere"})
    problem(unknown, 404, "unknown-stage")
    assert len(await chain(client, item["id"])) == 2


async def test_an_event_delivered_again_is_answered_whatever_was_expected(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    path = f"{ITEMS}/{item['id']}/transition"
    event = MOVE | {"source_event_id": "board-7", "expected_stage": "Backlog"}
    first = await client.put(path, json=event, headers={"If-Match": '"1"'})
    again = await client.put(path, json=event, headers={"If-Match": '"1"'})
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()


async def test_of_writers_that_saw_the_same_item_one_wins(client: httpx.AsyncClient) -> None:
    item = await create(client)
    path = f"{ITEMS}/{item['id']}/transition"
    answers = await asyncio.gather(
        *(client.put(path, json=MOVE, headers={"If-Match": '"1"'}) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]
    assert await chain(client, item["id"]) == [(None, "Backlog"), ("Backlog", "Testing")]


async def test_of_movers_that_expect_the_same_stage_one_wins(client: httpx.AsyncClient) -> None:
    item = await create(client)
    await move(client, item["id"], "Analysis")
    body = {"to_stage": "Development", "expected_stage": "Analysis"}
    path = f"{ITEMS}/{item['id']}/transition"
    answers = await asyncio.gather(*(client.put(path, json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]
