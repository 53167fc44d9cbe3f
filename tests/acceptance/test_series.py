"""Flow over time, through HTTP."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.acceptance.helpers import ITEMS, METRICS, fields, get, problem, stamp
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import at, d1, d4, d8
from tests.stored_week import store_week

SERIES = f"{METRICS}/series"
WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await store_week(open_client)
        yield open_client


async def points(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    (series,) = (await get(client, SERIES, **query))["series"]
    found: list[dict[str, Any]] = series["points"]
    return found


async def test_the_days_of_the_week_are_those_worked_out(week: httpx.AsyncClient) -> None:
    days = await points(week, **WEEK)
    assert [day["label"] for day in days] == [f"2025-03-0{day}" for day in range(3, 10)]
    assert [day["throughput"] for day in days] == [0, 1, 0, 1, 0, 1, 1]
    assert [day["wip"] for day in days] == [0.75, 1.75, 4, 4, 3.75, 1.25, 1.5]
    assert [day["cycle_time_p50"] for day in days] == [None, 24, None, 24, None, 96, 120]
    assert [day["lead_time_avg"] for day in days] == [None, 30, None, 24, None, 120, 144]
    assert (days[0]["start"], days[-1]["end"]) == (stamp(d1), stamp(d8))
    assert not any(day["partial"] for day in days)


async def test_the_week_as_one_point_is_the_answer_for_the_week(week: httpx.AsyncClient) -> None:
    (point,) = await points(week, **WEEK, bucket="week")
    summary = await get(week, METRICS, **WEEK)
    same = [name for name in point if name in summary and name != "partial"]
    assert {name: point[name] for name in same} == {name: summary[name] for name in same}
    assert len(same) == 17
    assert point["label"] == "2025-W10"


async def test_one_series_per_type_adds_up_to_that_of_all(week: httpx.AsyncClient) -> None:
    answer = await get(week, SERIES, **WEEK, group_by="type", bucket="month")
    by_type = {series["type"]: series["points"] for series in answer["series"]}
    assert list(by_type) == ["feature", "bug", "task", "epic"]
    assert [by_type[kind][0]["throughput"] for kind in by_type] == [2, 2, 0, 0]
    (whole,) = await points(week, **WEEK, bucket="month")
    assert (whole["label"], whole["partial"]) == ("2025-03", True)
    assert sum(each[0]["throughput"] for each in by_type.values()) == whole["throughput"]
    assert sum(each[0]["wip"] for each in by_type.values()) == pytest.approx(whole["wip"])
    only = await get(week, SERIES, **WEEK, group_by="type", type="bug")
    assert [series["type"] for series in only["series"]] == ["bug"]


async def test_days_are_those_of_the_zone_asked_for(week: httpx.AsyncClient) -> None:
    days = await points(week, **WEEK, tz="Asia/Tokyo")
    assert len(days) == 8
    assert [day["partial"] for day in days] == [True, *[False] * 6, True]
    assert sum(day["throughput"] for day in days) == 4


async def test_the_answer_explains_itself(week: httpx.AsyncClient) -> None:
    answer = await get(week, SERIES, **(WEEK | {"as_of": stamp(d4)}))
    assert answer["partial"]
    assert answer["bucket"] == "day"
    assert answer["sample_size"] == sum(p["throughput"] for p in answer["series"][0]["points"])
    assert answer["low_confidence"] == ["p85", "p95"]


async def test_limits_appear_with_ten_whole_weeks_since_the_first_item(
    week: httpx.AsyncClient,
) -> None:
    def asked(weeks: int) -> dict[str, str]:
        return {"start": stamp(at(1 - 14)), "end": stamp(at(1 + 7 * weeks)), "bucket": "week"}

    (ten,) = (await get(week, SERIES, **asked(10)))["series"]
    assert len(ten["points"]) == 12
    reach = 2.66 * 4 / 9  # the counts are 4 and nine zeros
    assert ten["throughput_limits"] == {
        "mean": 0.4,
        "upper": pytest.approx(0.4 + reach),
        "lower": 0,
        "points": 10,
    }
    (nine,) = (await get(week, SERIES, **asked(9)))["series"]
    assert nine["throughput_limits"] is None
    (days,) = (await get(week, SERIES, **(asked(10) | {"bucket": "day"})))["series"]
    assert days["throughput_limits"] is None


async def test_the_series_comes_as_csv(week: httpx.AsyncClient) -> None:
    answer = await week.get(SERIES, params=WEEK, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["throughput"] for row in rows] == [*"0101011"]
    assert rows[0]["cycle_time_avg"] == ""
    assert (rows[0]["start"], rows[0]["type"]) == (stamp(d1), "")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"bucket": "hour"}, "bucket"),
        ({"group_by": "stage"}, "group_by"),
        ({"step": "day"}, "step"),
        ({"days": 91}, "days"),
        ({"start": stamp(d1 - timedelta(days=1501)), "end": stamp(d1)}, "bucket"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    shared: httpx.AsyncClient, query: dict[str, Any], field: str
) -> None:
    answer = await shared.get(SERIES, params=query)
    name = "invalid-request" if field != "bucket" or "start" not in query else "invalid-value"
    assert fields(problem(answer, 422, name)) == [field]


async def test_fifteen_hundred_days_are_answered(shared: httpx.AsyncClient) -> None:
    days = await points(shared, start=stamp(d1 - timedelta(days=1500)), end=stamp(d1))
    assert len(days) == 1500


async def test_an_empty_stream_has_points_of_zero_and_null(client: httpx.AsyncClient) -> None:
    assert (await client.get(ITEMS)).json()["items"] == []
    answer = await get(client, SERIES, days=90, bucket="week")
    (series,) = answer["series"]
    assert {point["throughput"] for point in series["points"]} == {0}
    assert {point["cycle_time_avg"] for point in series["points"]} == {None}
    assert series["throughput_limits"] is None
    assert (answer["sample_size"], answer["low_confidence"]) == (0, [])
