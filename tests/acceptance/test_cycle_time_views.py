"""Scatterplot, histogram, ageing work, predictability and distribution, through the API alone."""

import csv
import io
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.domain.work_item import ItemHistory
from tests.acceptance.helpers import ITEMS, METRICS, as_batch_item, create, get, problem, stamp
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import F1, at, d1, d4, d8, history

SCATTER, HISTOGRAM = f"{METRICS}/scatter", f"{METRICS}/histogram"
AGING, PREDICTABILITY = f"{METRICS}/aging", f"{METRICS}/predictability"
DISTRIBUTION = f"{METRICS}/distribution"
ALL = [SCATTER, HISTOGRAM, AGING, PREDICTABILITY, DISTRIBUTION]
TABLES = [SCATTER, HISTOGRAM, AGING, DISTRIBUTION]
PROMISES = [SCATTER, AGING, PREDICTABILITY]
WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}
CSV = {"Accept": "text/csv"}


async def store(client: httpx.AsyncClient, *told: ItemHistory) -> None:
    answer = await client.post(
        f"{ITEMS}/batch", json={"items": [as_batch_item(each) for each in told]}
    )
    assert answer.status_code == 201, answer.text


async def table(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, str]]:
    answer = await client.get(path, params=query, headers=CSV)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await store(open_client, *F1)
        yield open_client


@pytest.fixture(scope="module")
async def empty(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service without items."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        yield open_client


async def test_the_scatterplot_of_the_week_has_its_four_points_and_lines(
    week: httpx.AsyncClient,
) -> None:
    plotted = await get(week, SCATTER, **WEEK)
    points = [(each["title"][0], each["cycle_time"]) for each in plotted["points"]]
    assert points == [("D", 24), ("C", 24), ("A", 96), ("B", 120)]
    assert plotted["points"][2]["finished_at"] == stamp(at(6))
    assert plotted["points"][0]["type"] == "bug"
    assert (plotted["cycle_time_avg"], plotted["cycle_time_p50"]) == (66, 60)
    assert math.isclose(plotted["cycle_time_p85"], 109.2)
    assert math.isclose(plotted["cycle_time_p95"], 116.4)
    assert (plotted["sample_size"], plotted["truncated"]) == (4, False)
    assert plotted["excluded"] == {"cancelled": 1, "in_progress": 1, "not_started": 1}
    assert plotted["low_confidence"] == ["p85", "p95"]
    assert plotted["expectation"] == {"p": 0.85, "hours": None, "sample_size": 4, "needed": 6}
    assert (plotted["wip_older_than_p85"], plotted["oldest_age"]) == (0, 96)


async def test_points_that_are_left_out_are_said_to_be_and_stay_in_the_lines(
    week: httpx.AsyncClient,
) -> None:
    whole = await get(week, SCATTER, **WEEK)
    some = await get(week, SCATTER, **WEEK, limit=2)
    assert some["truncated"]
    assert some == whole | {"truncated": True, "points": whole["points"][2:]}
    answer = await week.get(SCATTER, params=WEEK | {"limit": "2"}, headers=CSV)
    assert answer.headers["x-truncated"] == "true"
    assert len(answer.text.splitlines()) == 3


async def test_a_promise_can_be_asked_for_at_another_share(week: httpx.AsyncClient) -> None:
    for path in (SCATTER, AGING):
        found = await get(week, path, **WEEK, p=0.5)
        assert found["expectation"] == {"p": 0.5, "hours": 96, "sample_size": 4, "needed": 1}


async def test_the_histogram_of_the_week_counts_by_two_days(week: httpx.AsyncClient) -> None:
    found = await get(week, HISTOGRAM, **WEEK)
    assert (found["duration"], found["width_hours"], found["sample_size"]) == ("cycle", 48, 4)
    assert found["bins"] == [
        {"from_hours": 0, "to_hours": 48, "count": 2, "share": 0.5},
        {"from_hours": 48, "to_hours": 96, "count": 0, "share": 0},
        {"from_hours": 96, "to_hours": 144, "count": 2, "share": 0.5},
    ]


async def test_the_histogram_of_lead_times_counts_from_creation(week: httpx.AsyncClient) -> None:
    found = await get(week, HISTOGRAM, **WEEK, duration="lead")
    assert [each["count"] for each in found["bins"]] == [2, 0, 1, 1]  # 24, 30, 120 and 144 h


async def test_at_the_end_of_the_week_one_parked_item_has_aged_four_days(
    week: httpx.AsyncClient,
) -> None:
    found = await get(week, AGING, **WEEK)
    (item,) = found["items"]
    expected = {
        "title": "H: parked for a day, still open",
        "type": "task",
        "stage": "Development",
        "started_at": stamp(at(4)),
        "age": 96,
        "stage_since": stamp(at(7)),
        "time_in_stage": 24,
        "on_time_probability": None,
    }
    assert {name: item[name] for name in expected} == expected
    assert (found["wip"], found["wip_older_than_p85"], found["oldest_age"]) == (1, 0, 96)
    assert [(line["stage"], line["p50"]) for line in found["pace"]] == [
        ("Analysis", 0),
        ("Development", 48),
        ("Testing", 54),
        ("Deployment", 60),
    ]
    last = found["pace"][-1]
    assert all(last[p] == found[f"cycle_time_{p}"] for p in ("p50", "p85", "p95"))


async def test_in_midweek_four_items_were_in_process_the_oldest_first(
    week: httpx.AsyncClient,
) -> None:
    found = await get(week, AGING, start=stamp(d1), as_of=stamp(d4))
    listed = [(each["title"][0], each["stage"], each["age"]) for each in found["items"]]
    assert listed == [
        ("A", "Development", 48),
        ("B", "Testing", 36),
        ("E", "Analysis", 24),
        ("H", "Analysis", 0),
    ]


async def test_the_chance_of_an_item_is_that_of_the_finished_ones_that_were_as_old(
    client: httpx.AsyncClient,
) -> None:
    """Ten items took 1 to 10 days; 9 of them kept what can be promised at 80 %: 9 days."""
    done = [
        history(("Development", at(1)), ("Production", at(1 + days)), title=f"{days} days")
        for days in range(1, 11)
    ]
    young = history(("Development", at(11)), title="young")
    older = history(("Development", at(8)), title="older")
    late = history(("Development", at(1)), title="late")
    await store(client, *done, young, older, late)
    found = await get(client, AGING, start=stamp(d1), as_of=stamp(at(12)), p=0.8)
    assert found["expectation"]["hours"] == 9 * 24
    chances = {item["title"]: item["on_time_probability"] for item in found["items"]}
    assert list(chances) == ["late", "older", "young"]
    assert chances == {"late": None, "older": 5 / 6, "young": 8 / 9}
    assert found["wip_older_than_p85"] == 1


async def test_a_week_without_a_past_has_no_expectation_to_meet(week: httpx.AsyncClient) -> None:
    found = await get(week, PREDICTABILITY, **WEEK)
    assert found["verdict"] == "no_expectation"
    assert found["expectation"] == {"p": 0.85, "hours": None, "sample_size": 0, "needed": 6}
    assert found["sle_attainment"] == {
        "finished": 4,
        "within": None,
        "share": None,
        "low": None,
        "high": None,
        "confidence": 0.95,
    }
    assert math.isclose(found["spread"], 1.82)
    assert found["low_confidence"] == ["p85"]


async def test_what_was_promised_at_the_windows_start_is_held_against_the_window(
    week: httpx.AsyncClient,
) -> None:
    """From d5 on, D and C were known; at 50 % rank ⌈3/2⌉ = 2 promises 24 h, and A and B fail."""
    window = {"start": stamp(at(5)), "end": stamp(d8), "as_of": stamp(d8)}
    found = await get(week, PREDICTABILITY, **window, p=0.5)
    assert found["expectation"] == {"p": 0.5, "hours": 24, "sample_size": 2, "needed": 1}
    attained = found["sle_attainment"]
    assert (attained["finished"], attained["within"], attained["share"]) == (2, 0, 0)
    assert attained["low"] == 0
    assert math.isclose(attained["high"], 1 - 0.025**0.5)  # 0.84, of two items
    assert found["verdict"] == "predictable"


async def test_a_broken_promise_is_called_unpredictable(client: httpx.AsyncClient) -> None:
    before = [history(("Development", at(1)), ("Production", at(2))) for _ in range(6)]
    inside = [history(("Development", at(3)), ("Production", at(6))) for _ in range(6)]
    await store(client, *before, *inside)
    window = {"start": stamp(at(3)), "end": stamp(d8), "as_of": stamp(d8)}
    found = await get(client, PREDICTABILITY, **window)
    assert (found["expectation"]["hours"], found["sle_attainment"]["within"]) == (24, 0)
    assert found["verdict"] == "unpredictable"
    idle = await get(client, PREDICTABILITY, **(window | {"start": stamp(at(7))}))
    assert (idle["verdict"], idle["spread"]) == ("nothing_finished", None)


async def test_the_week_delivered_half_features_and_half_defects(
    week: httpx.AsyncClient,
) -> None:
    found = await get(week, DISTRIBUTION, **WEEK)
    assert found["throughput"] == found["sample_size"] == 4
    assert found["flow_items"] == [
        {"flow_item": "feature", "throughput": 2, "share": 0.5},
        {"flow_item": "defect", "throughput": 2, "share": 0.5},
        {"flow_item": "unclassified", "throughput": 0, "share": 0},
    ]
    assert [(each["type"], each["share"]) for each in found["types"]] == [
        ("feature", 0.5),
        ("bug", 0.5),
        ("task", 0),
        ("epic", 0),
    ]


@pytest.mark.parametrize("path", ALL)
async def test_an_empty_stream_is_answered_with_nulls_and_no_rows(
    empty: httpx.AsyncClient, path: str
) -> None:
    found = await get(empty, path)
    assert (found["sample_size"], found["low_confidence"]) == (0, [])
    assert found["before_first_data"]
    for name, value in found.items():
        if name.startswith("cycle_time_") or name in ("oldest_age", "spread", "width_hours"):
            assert value is None, name
        if name in ("points", "bins", "items"):
            assert value == []
    for listed in ("types", "flow_items"):
        assert all(each["share"] is None for each in found.get(listed, []))


@pytest.mark.parametrize(
    ("path", "rows"), [(SCATTER, 4), (HISTOGRAM, 3), (AGING, 1), (DISTRIBUTION, 4)]
)
async def test_the_same_rows_come_as_a_table(week: httpx.AsyncClient, path: str, rows: int) -> None:
    found = await get(week, path, **WEEK)
    names = {SCATTER: "points", HISTOGRAM: "bins", AGING: "items", DISTRIBUTION: "types"}
    listed = found[names[path]]
    told = await table(week, path, **WEEK)
    assert len(told) == len(listed) == rows
    for row, same in zip(told, listed, strict=True):
        assert list(row) == list(same)
        for name, cell in row.items():
            value = same[name]
            if isinstance(value, float | int):
                assert float(cell) == value
            else:
                assert cell == ("" if value is None else value)


@pytest.mark.parametrize("path", TABLES)
async def test_a_table_of_nothing_has_a_header(empty: httpx.AsyncClient, path: str) -> None:
    answer = await empty.get(path, headers=CSV)
    assert len(answer.text.splitlines()) == (5 if path == DISTRIBUTION else 1)


@pytest.mark.parametrize("path", ALL)
async def test_a_filter_by_type_narrows_every_view(week: httpx.AsyncClient, path: str) -> None:
    found = await get(week, path, **WEEK, type="bug")
    assert found["sample_size"] == 2
    none = await get(week, path, **WEEK, type="bug", exclude_types="bug")
    assert none["sample_size"] == 0


@pytest.mark.parametrize("p", ["0", "1", "0.9999", "-1", "nan", "inf", "often"])
@pytest.mark.parametrize("path", PROMISES)
async def test_a_promise_at_no_possible_share_is_refused(
    empty: httpx.AsyncClient, path: str, p: str
) -> None:
    body = problem(await empty.get(path, params={"p": p}), 422, "invalid-request")
    assert [part["field"] for part in body["errors"]] == ["p"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        *((path, "unknown=1") for path in ALL),
        *((path, "days=0") for path in ALL),
        (SCATTER, "limit=0"),
        (SCATTER, "limit=100001"),
        (HISTOGRAM, "duration=wall"),
        (HISTOGRAM, "p=0.5"),
        (DISTRIBUTION, "p=0.5"),
        (AGING, "limit=5"),
    ],
)
async def test_a_parameter_that_is_wrong_or_not_known_here_is_refused(
    empty: httpx.AsyncClient, path: str, parameter: str
) -> None:
    body = problem(await empty.get(f"{path}?{parameter}"), 422, "invalid-request")
    assert [part["field"] for part in body["errors"]] == [parameter.split("=", maxsplit=1)[0]]


@pytest.mark.parametrize("path", ALL)
async def test_a_stream_that_is_not_there_is_refused(empty: httpx.AsyncClient, path: str) -> None:
    answer = await empty.get(path, params={"stream": "nowhere"})
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/unknown-stream"


async def test_a_title_that_looks_like_a_formula_is_disarmed_in_a_table(
    client: httpx.AsyncClient,
) -> None:
    await create(client, title="=1+1", stage="Development")
    (row,) = await table(client, AGING)
    assert row["title"] == "'=1+1"
