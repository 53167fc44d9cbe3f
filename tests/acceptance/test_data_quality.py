"""Data quality, through the API: the score, every finding with its items, and what is refused."""

import csv
import io
from collections.abc import AsyncIterator

import httpx
import pytest

from app.flow.data_quality import RULES
from tests.acceptance.helpers import ITEMS, as_batch_item, fields, get, problem, stamp
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import F1, d1, d8

DATA_QUALITY = "/api/v1/data-quality"
WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        batch = {"items": [as_batch_item(told) for told in F1]}
        answer = await open_client.post(f"{ITEMS}/batch", json=batch)
        assert answer.status_code == 201, answer.text
        yield open_client


async def test_the_week_has_one_jump_and_says_whose(week: httpx.AsyncClient) -> None:
    """One of 20 moves is 5 %, a quarter of what costs the whole weight of 10."""
    answer = await get(week, DATA_QUALITY, **WEEK)
    assert answer["score"] == pytest.approx(97.5)
    assert answer["sample_size"] == 27
    assert [each["rule"] for each in answer["findings"] if each["count"]] == ["teleports"]
    worst = answer["findings"][0]
    assert (worst["rule"], worst["count"], worst["population"]) == ("teleports", 1, 20)
    assert (worst["share"], worst["points_lost"]) == (0.05, pytest.approx(2.5))
    assert worst["items_total"] == 1
    assert [item["title"] for item in worst["items"]] == ["D: finished, reopened, finished again"]


async def test_every_rule_answers_with_its_explanation(week: httpx.AsyncClient) -> None:
    answer = await get(week, DATA_QUALITY, **WEEK)
    assert {each["rule"] for each in answer["findings"]} == {rule.name for rule in RULES}
    assert all(each["explanation"] for each in answer["findings"])
    assert "0.2" in answer["formula"]


async def test_no_item_is_named_when_none_is_asked_for(week: httpx.AsyncClient) -> None:
    worst = (await get(week, DATA_QUALITY, **WEEK, limit=0))["findings"][0]
    assert (worst["items"], worst["items_total"]) == ([], 1)


async def test_a_filter_by_type_looks_at_these_items_alone(week: httpx.AsyncClient) -> None:
    assert (await get(week, DATA_QUALITY, **WEEK, exclude_types="bug"))["score"] == 100


async def test_the_findings_are_a_table_too(week: httpx.AsyncClient) -> None:
    answer = await week.get(DATA_QUALITY, params=WEEK, headers={"accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len(RULES)
    as_json = (await get(week, DATA_QUALITY, **WEEK))["findings"]
    assert rows[0]["rule"] == "teleports"
    assert rows[0]["item_ids"] == str(as_json[0]["items"][0]["id"])
    assert next(row for row in rows if row["rule"] == "from_mismatch")["share"] == ""


async def test_an_empty_stream_has_no_score(client: httpx.AsyncClient) -> None:
    answer = await get(client, DATA_QUALITY)
    assert (answer["score"], answer["sample_size"]) == (None, 0)
    assert {each["share"] for each in answer["findings"]} == {None}


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "101"), ("limit", "-1"), ("days", "0"), ("rule", "teleports")]
)
async def test_bad_and_unknown_parameters_are_refused(
    week: httpx.AsyncClient, name: str, value: str
) -> None:
    answer = await week.get(DATA_QUALITY, params={name: value})
    assert fields(problem(answer, 422, "invalid-request")) == [name]


async def test_the_items_that_a_rule_found_are_a_list_and_a_table(week: httpx.AsyncClient) -> None:
    found = await get(week, f"{DATA_QUALITY}/teleports", **WEEK)
    assert [item["title"] for item in found["items"]] == ["D: finished, reopened, finished again"]
    assert (found["items_total"], found["next_cursor"]) == (1, None)
    assert "stages ahead" in found["explanation"]
    table = await week.get(f"{DATA_QUALITY}/teleports", params=WEEK, headers={"accept": "text/csv"})
    assert [row["title"] for row in csv.DictReader(io.StringIO(table.text))] == [
        "D: finished, reopened, finished again"
    ]


async def test_a_rule_that_there_is_not_is_refused_with_those_there_are(
    week: httpx.AsyncClient,
) -> None:
    answer = problem(await week.get(f"{DATA_QUALITY}/guesses"), 422, "invalid-value")
    assert fields(answer) == ["rule"]
    assert "long_idle" in answer["errors"][0]["message"]
