"""Many who ask the same at once cost one look at the data, and nobody gets an old answer."""

import asyncio
from typing import Any

import httpx

from tests.acceptance.helpers import METRICS, create, day, get, told

ASKED = {"start": day(0), "end": day(7)}


async def twice(
    client: httpx.AsyncClient, params: dict[str, Any], *, known: bool = False
) -> tuple[httpx.Response, httpx.Response]:
    """Ask twice while nothing is written, also not in other databases of the tests' server.

    `known` sends what the first answer was along with the second question.
    """
    for _ in range(50):
        first = await client.get(METRICS, params=params)
        headers = {"If-None-Match": first.headers["etag"]} if known else {}
        again = await client.get(METRICS, params=params, headers=headers)
        if "age" in again.headers and "age" not in first.headers:
            return first, again
    raise AssertionError("no answer was ever remembered")


async def test_the_same_question_is_answered_from_memory_until_something_is_written(
    client: httpx.AsyncClient,
) -> None:
    await told(client, ("Development", day(0)), ("Production", day(1)))
    first, again = await twice(client, ASKED)
    assert again.content == first.content
    assert again.headers["age"] == "0"
    await told(client, ("Development", day(0)), ("Production", day(2)))
    after = await client.get(METRICS, params=ASKED)
    assert (first.json()["throughput"], after.json()["throughput"]) == (1, 2)
    assert "age" not in after.headers


async def test_any_other_question_has_an_answer_of_its_own(client: httpx.AsyncClient) -> None:
    await create(client)
    plain = await client.get(f"{METRICS}/distribution", params=ASKED)
    table = await client.get(
        f"{METRICS}/distribution", params=ASKED, headers={"Accept": "text/csv"}
    )
    other = await client.get(f"{METRICS}/distribution", params=ASKED | {"type": "bug"})
    assert "age" not in table.headers
    assert "age" not in other.headers
    assert table.headers["content-type"].startswith("text/csv")
    assert plain.headers["etag"] != table.headers["etag"]


async def test_who_has_the_answer_already_is_told_only_that(client: httpx.AsyncClient) -> None:
    await told(client, ("Development", day(0)), ("Production", day(1)))
    first, again = await twice(client, ASKED, known=True)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await create(client)
    known = {"If-None-Match": first.headers["etag"]}
    assert (await client.get(METRICS, params=ASKED, headers=known)).status_code == 200


async def test_a_wall_of_dashboards_costs_a_look_or_two(client: httpx.AsyncClient) -> None:
    """Who came before a computation began takes its answer; the others share the next one."""
    await create(client)
    answers = await asyncio.gather(*(client.get(METRICS, params={"days": 30}) for _ in range(24)))
    assert len({answer.json()["as_of"] for answer in answers}) <= 24 // 4


async def test_a_hard_reload_is_computed_anew(client: httpx.AsyncClient) -> None:
    first = await client.get(METRICS, params={"days": 30})
    again = await client.get(METRICS, params={"days": 30}, headers={"Cache-Control": "no-cache"})
    assert again.json()["as_of"] > first.json()["as_of"]


async def test_a_refusal_is_not_remembered(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await client.get(METRICS, params={"days": 0})
        assert answer.status_code == 422
        assert "etag" not in answer.headers
    assert (await get(client, METRICS, days="1"))["throughput"] == 0
