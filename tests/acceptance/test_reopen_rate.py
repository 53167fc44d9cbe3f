"""How much of what was finished came back, through HTTP."""

import httpx
import pytest

from tests.acceptance.helpers import get
from tests.acceptance.test_links import WEEK, f1_client, followed

__all__ = ["f1_client"]

REOPEN_RATE = "/api/v1/metrics/reopen-rate"


async def test_one_of_four_items_of_the_example_week_came_back(
    f1_client: httpx.AsyncClient,
) -> None:
    found = await get(f1_client, REOPEN_RATE, **WEEK)
    assert (found["finished"], found["reopened"], found["rate"]) == (4, 1, 0.25)
    [week] = found["weeks"]
    assert (week["label"], week["immature"], week["partial"]) == ("2025-W10", False, False)
    items = await followed(f1_client, found["links"]["came_back"])
    assert [item["title"][0] for item in items] == ["D"]


async def test_a_shorter_follow_up_finds_less_and_its_link_agrees(
    f1_client: httpx.AsyncClient,
) -> None:
    found = await get(f1_client, REOPEN_RATE, **WEEK, follow_up_days=3)
    assert (found["follow_up_days"], found["reopened"]) == (3, 0)
    assert await followed(f1_client, found["links"]["came_back"]) == []


async def test_the_weeks_are_to_be_had_as_a_table(f1_client: httpx.AsyncClient) -> None:
    answer = await f1_client.get(REOPEN_RATE, params=WEEK, headers={"Accept": "text/csv"})
    header, row = answer.text.splitlines()
    assert header == "label,start,end,partial,immature,finished,reopened,rate"
    assert row.endswith("4,1,0.25")


async def test_an_empty_stream_has_no_rate(client: httpx.AsyncClient) -> None:
    found = await get(client, REOPEN_RATE, days=90)
    assert (found["finished"], found["rate"], found["sample_size"]) == (0, None, 0)


@pytest.mark.parametrize("days", ["0", "366", "many"])
async def test_a_follow_up_out_of_range_is_refused(client: httpx.AsyncClient, days: str) -> None:
    answer = await client.get(REOPEN_RATE, params={"follow_up_days": days})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["follow_up_days"]


async def test_a_follow_up_belongs_to_what_came_back_alone(client: httpx.AsyncClient) -> None:
    asked = {"population": "throughput", "follow_up_days": "3"}
    answer = await client.get("/api/v1/work-items", params=asked)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["follow_up_days"]
