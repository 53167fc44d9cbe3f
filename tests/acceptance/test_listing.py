"""Finding work items: every filter, and pages to the end."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.acceptance.helpers import ITEMS, act, create, day, fields, get, problem, told


async def titles(client: httpx.AsyncClient, **query: Any) -> list[str]:
    found = await get(client, ITEMS, **query)
    return [item["title"] for item in found["items"]]


async def fill(client: httpx.AsyncClient, names: Sequence[str]) -> list[int]:
    """Create items of these titles in one go, and return their ids."""
    batch = {"items": [{"title": name, "type": "task"} for name in names]}
    answer = await client.post(f"{ITEMS}/batch", json=batch)
    ids: list[int] = answer.json()["ids"]
    return ids


async def test_an_empty_service_lists_nothing(client: httpx.AsyncClient) -> None:
    assert await get(client, ITEMS) == {"items": [], "next_cursor": None}


async def test_items_are_listed_newest_first_as_they_are_read(client: httpx.AsyncClient) -> None:
    items = [await create(client, title=name) for name in ("first", "second", "third")]
    assert (await get(client, ITEMS))["items"] == items[::-1]


async def test_a_filter_narrows_by_its_field(client: httpx.AsyncClient) -> None:
    await create(client, title="plain")
    await create(client, title="buggy", type="bug", stage="Testing")
    await create(client, title="jira", type="task", source="jira", external_key="SHOP-1")
    await create(client, title="own", type="epic", external_key="SHOP-1")
    for query, expected in (
        ({"type": "bug"}, ["buggy"]),
        ({"stage": "tEsTiNg"}, ["buggy"]),
        ({"source": "jira"}, ["jira"]),
        ({"source": "api"}, ["own"]),
        ({"external_key": "SHOP-1"}, ["own", "jira"]),
        ({"external_key": "SHOP-1", "source": "jira"}, ["jira"]),
        ({"external_key": "shop-1"}, []),
        ({"type": "bug", "stage": "Backlog"}, []),
        ({"stream": "default", "stage": "Backlog"}, ["own", "jira", "plain"]),
    ):
        assert await titles(client, **query) == expected, query


async def test_the_state_follows_from_the_history(client: httpx.AsyncClient) -> None:
    await told(client, ("Backlog", day(0)), title="waiting")
    await told(client, ("Development", day(0)), title="doing")
    await told(client, ("Development", day(0)), ("Backlog", day(1)), title="parked")
    await told(client, ("Development", day(0)), ("Production", day(1)), title="done")
    moves = (("Production", day(1)), ("Testing", day(2)))
    await told(client, ("Development", day(0)), *moves, title="reopened")
    given_up = await told(client, ("Development", day(0)), title="given up")
    await act(client, given_up, "cancel", reason="no use")
    for state, expected in (
        ("open", ["parked", "doing", "waiting"]),
        ("backlog", ["parked", "waiting"]),
        ("in_progress", ["reopened", "doing"]),
        ("finished", ["reopened", "done"]),
        ("cancelled", ["given up"]),
    ):
        assert await titles(client, state=state) == expected, state


async def test_the_text_is_found_literally_whatever_its_case(client: httpx.AsyncClient) -> None:
    plain = ["100 done", "snakescase", "a/b", "É"]
    await fill(client, [*plain, "100% done", "snake_case", r"C:\temp"])
    for wanted, expected in (
        ("%", ["100% done"]),
        ("100%", ["100% done"]),
        ("_", ["snake_case"]),
        ("E_C", ["snake_case"]),
        ("\\", [r"C:\temp"]),
        ("/", ["a/b"]),
        ("DONE", ["100% done", "100 done"]),
        ("é", ["É"]),
        ("%%", []),
    ):
        assert await titles(client, q=wanted) == expected, wanted


async def test_pages_are_followed_to_the_end_by_cursor(client: httpx.AsyncClient) -> None:
    ids = await fill(client, [f"item {number}" for number in range(7)])
    pages, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = await get(client, ITEMS, **query)
        pages.append([item["id"] for item in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == [ids[:-4:-1], ids[3:0:-1], [ids[0]]]


async def test_pages_are_followed_by_link_while_items_are_added_without_repeat_or_loss(
    client: httpx.AsyncClient,
) -> None:
    ids = await fill(client, [f"100% {number}" for number in range(25)])
    await create(client, title="not asked for")
    seen, following = [], f"{ITEMS}?limit=10&q=100%25&stage=Backlog"
    while following:
        answer = await client.get(following)
        assert answer.status_code == 200
        seen += [item["id"] for item in answer.json()["items"]]
        await fill(client, ["100% new", "100% newer"])
        following = str(answer.links.get("next", {}).get("url", ""))
        assert bool(following) == bool(answer.json()["next_cursor"])
        assert following.startswith(ITEMS) or not following
    assert seen == ids[::-1]


async def test_the_last_page_has_no_next_one_even_when_it_is_full(
    client: httpx.AsyncClient,
) -> None:
    await fill(client, ["one", "two"])
    answer = await client.get(ITEMS, params={"limit": 2})
    assert answer.json()["next_cursor"] is None
    assert "link" not in answer.headers


async def test_a_page_holds_50_items_unless_said_otherwise_and_500_at_most(
    client: httpx.AsyncClient,
) -> None:
    await fill(client, [f"item {number}" for number in range(501)])
    for query, count in (({}, 50), ({"limit": 1}, 1), ({"limit": 500}, 500)):
        assert len(await titles(client, **query)) == count


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"cursor": "before-"}, "cursor"),
        ({"cursor": "before--1"}, "cursor"),
        ({"cursor": "before-1;"}, "cursor"),
        ({"cursor": "before-" + "9" * 19}, "cursor"),
        ({"cursor": "9" * 41}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"stage": "Nowhere"}, "stage"),
        ({"stage": ""}, "stage"),
        ({"state": "stuck"}, "state"),
        ({"type": "story"}, "type"),
        ({"q": ""}, "q"),
        ({"q": "a\0"}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_filter_that_cannot_be_right_is_refused_by_its_name(
    shared: httpx.AsyncClient, query: dict[str, Any], field: str
) -> None:
    answer = await shared.get(ITEMS, params=query)
    kind = "invalid-value" if "invalid-value" in answer.text else "invalid-request"
    assert fields(problem(answer, 422, kind)) == [field]


async def test_an_external_key_is_unique_per_source(client: httpx.AsyncClient) -> None:
    key = {"external_key": "SHOP-1"}
    assert (await create(client, **key))["source"] == "api"
    assert (await create(client, **key, source="jira"))["source"] == "jira"
    body = {"title": "again", "type": "bug", **key, "source": "jira"}
    answer = await client.post(ITEMS, json=body)
    assert "jira:SHOP-1" in problem(answer, 409, "duplicate-item")["detail"]
    assert len(await titles(client)) == 2
