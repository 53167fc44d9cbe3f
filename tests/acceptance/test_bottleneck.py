"""The bottleneck, through the API: what is claimed, on which evidence, and what is refused."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.connectors import demo
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory
from tests.acceptance.helpers import ITEMS, as_batch_item, fields, get, problem, stamp
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import F1, d1, d8

BOTTLENECK = "/api/v1/metrics/bottleneck"
NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
OVERLOADED = {"as_of": stamp(NOW - timedelta(days=60))}
"""When testing, in the made-up half year, has had too few people for four months."""

WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}


async def fill(client: httpx.AsyncClient, items: list[ItemHistory]) -> None:
    for first in range(0, len(items), 100):
        batch = {"items": [as_batch_item(told) for told in items[first : first + 100]]}
        answer = await client.post(f"{ITEMS}/batch", json=batch)
        assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await fill(open_client, list(F1))
        yield open_client


@pytest.fixture(scope="module")
async def half_year(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds half a made-up year."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await fill(open_client, list(demo.histories(DEFAULT_STREAM, now=NOW, days=180)))
        yield open_client


async def test_a_week_is_too_little_to_tell_but_its_times_are_given(
    week: httpx.AsyncClient,
) -> None:
    answer = await get(week, BOTTLENECK, **WEEK)
    assert (answer["verdict"], answer["stage"], answer["seen_in"]) == (
        "insufficient_data",
        None,
        None,
    )
    assert answer["needed"] == {
        "finished_items": 4,
        "finished_items_needed": 20,
        "full_days": 7,
        "full_days_needed": 28,
    }
    assert answer["claim"].startswith("4 finished items on 7 full days are too few")
    assert answer["sample_size"] == 4
    assert answer["excluded"] == {"cancelled": 1, "in_progress": 1, "not_started": 1}
    assert [(each["stage"], each["time_avg"]) for each in answer["stages"]] == [
        ("Development", 36),
        ("Testing", 21),
        ("Analysis", 6),
        ("Deployment", 3),
    ]
    assert answer["stages"][0]["time_share"] == 144 / 264
    assert {each["longest_confidence"] for each in answer["stages"]} == {None}


async def test_the_made_up_history_names_testing_with_its_evidence(
    half_year: httpx.AsyncClient,
) -> None:
    answer = await get(half_year, BOTTLENECK, **OVERLOADED)
    assert answer["stage"] == answer["seen_in"] == "Testing"
    assert answer["verdict"] in {"constraint", "longest_stage"}
    assert answer["claim"].startswith("Testing: items spend ")
    first = answer["stages"][0]
    assert (first["stage"], first["is_longest"]) == ("Testing", True)
    assert first["longest_confidence"] >= answer["method"]["confidence_needed"]
    assert sum(each["time_share"] for each in answer["stages"]) == pytest.approx(1)
    assert answer["needed"]["full_days"] == 89


async def test_the_same_question_has_the_same_answer(half_year: httpx.AsyncClient) -> None:
    first = await get(half_year, BOTTLENECK, **OVERLOADED)
    assert await get(half_year, BOTTLENECK, **OVERLOADED) == first


async def test_time_before_the_first_item_is_not_observed(half_year: httpx.AsyncClient) -> None:
    early = NOW - timedelta(days=160)
    answer = await get(half_year, BOTTLENECK, as_of=stamp(early))
    assert answer["before_first_data"]
    assert answer["observed_from"] > answer["period_start"]
    assert answer["verdict"] == "insufficient_data"
    assert answer["needed"]["full_days"] < 21


async def test_the_evidence_is_a_table_too(half_year: httpx.AsyncClient) -> None:
    answer = await half_year.get(BOTTLENECK, params=OVERLOADED, headers={"accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    as_json = await get(half_year, BOTTLENECK, **OVERLOADED)
    assert [row["stage"] for row in rows] == [each["stage"] for each in as_json["stages"]]
    assert float(rows[0]["time_share"]) == as_json["stages"][0]["time_share"]
    assert rows[0]["time_at_limit"] == ""


async def test_an_empty_stream_has_no_bottleneck(client: httpx.AsyncClient) -> None:
    answer = await get(client, BOTTLENECK)
    assert (answer["verdict"], answer["sample_size"]) == ("insufficient_data", 0)
    assert {each["time_avg"] for each in answer["stages"]} == {None}
    assert {each["next_stage_empty"] for each in answer["stages"]} == {1.0, None}


@pytest.mark.parametrize("name", ["days", "tz", "threshold"])
async def test_bad_and_unknown_parameters_are_refused(week: httpx.AsyncClient, name: str) -> None:
    answer = await week.get(BOTTLENECK, params={name: "-1"})
    assert fields(problem(answer, 422, "invalid-request")) == [name]
