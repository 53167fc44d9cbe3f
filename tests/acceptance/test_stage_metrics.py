"""Every stage of the week whose figures were worked out by hand, through the API alone."""

import csv
import io
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import as_batch_item, day, fields, get, problem, sql, stamp, told
from tests.acceptance.test_flow_figures import TYPES, WEEK
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import F1, d1, d5, d8

STAGES = "/api/v1/metrics/stages"


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        batch = {"items": [as_batch_item(told) for told in F1]}
        answer = await open_client.post("/api/v1/work-items/batch", json=batch)
        assert answer.status_code == 201, answer.text
        yield open_client


def named(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {stage["name"]: stage for stage in body["stages"]}


def column(body: dict[str, Any], name: str) -> list[Any]:
    return [stage[name] for stage in body["stages"]]


async def test_the_stages_of_the_week_are_those_worked_out(week: httpx.AsyncClient) -> None:
    body = await get(week, STAGES, **WEEK)
    assert column(body, "order") == [1, 2, 3, 4, 5, 6]
    assert column(body, "zone") == ["todo", "doing", "doing", "doing", "doing", "done"]
    assert column(body, "item_time_avg") == [13.5, 6, 36, 21, 3, 0]
    assert column(body, "visits") == [6, 2, 5, 5, 1, 1]
    assert column(body, "wip_at_end") == [1, 0, 1, 0, 0, None]
    assert column(body, "pct_ca") == [1, 1, 0.75, 1, 1, None]
    assert column(body, "forward_exits") == [3, 1, 4, 3, 1, 0]
    assert column(body, "returned") == [0, 0, 1, 0, 0, 0]
    development = named(body)["Development"]
    assert (development["time_avg"], development["time_p50"]) == (33.6, 36)
    assert (development["arrivals"], development["departures"]) == (6, 5)
    assert (body["sample_size"], body["low_confidence"]) == (4, ["p85", "p95"])
    assert column(body, "discarded") == [0, 1, 0, 0, 0, 0]
    assert body["excluded"] == {"cancelled": 1, "in_progress": 1, "not_started": 1}


async def test_the_totals_of_the_week_are_those_worked_out(week: httpx.AsyncClient) -> None:
    totals = (await get(week, STAGES, **WEEK))["totals"]
    expected = {
        "avg_wip": 408 / 168,
        "wip_at_end": 1,
        "lead_time_avg": 79.5,
        "cycle_time_avg": 66,
        "unplaced_time_avg": 0,
        "active_time_avg": 66,
        "wait_time_avg": 0,
        "blocked_time_avg": None,
        "flow_efficiency": None,
        "flow_efficiency_reason": "no_wait_signal",
        "activity_ratio": 264 / 318,
        "rolled_ca": 0.75,
        "first_time_through": 0.75,
        "rework_rate": 0.25,
        "rework_moves": 1,
        "rework_time_total": 72,
        "rework_time_share": 72 / 264,
        "returns_unattributed": 0,
    }
    assert totals == expected


async def test_the_stages_agree_with_the_metrics_of_the_whole(week: httpx.AsyncClient) -> None:
    for question in (WEEK, WEEK | {"as_of": stamp(d5)}, WEEK | {"type": "bug"}):
        whole = await get(week, "/api/v1/metrics", **question)
        body = await get(week, STAGES, **question)
        doing = [stage["avg_wip"] for stage in body["stages"] if stage["zone"] == "doing"]
        assert math.isclose(sum(doing), whole["wip"], rel_tol=1e-12)
        assert body["totals"]["wip_at_end"] == whole["wip_at_end"]
        assert math.isclose(sum(column(body, "item_time_avg")), whole["lead_time_avg"])
        assert body["totals"]["cycle_time_avg"] == whole["cycle_time_avg"]
        assert body["period_end"] == whole["period_end"]


async def test_the_types_add_up_to_the_whole(week: httpx.AsyncClient) -> None:
    whole = named(await get(week, STAGES, **WEEK))
    parts = [named(await get(week, STAGES, **WEEK, type=kind)) for kind in TYPES]
    for name, stage in whole.items():
        for figure in (
            "arrivals",
            "departures",
            "discarded",
            "visits",
            "forward_exits",
            "returned",
        ):
            assert sum(part[name][figure] for part in parts) == stage[figure], (name, figure)


async def test_the_stages_come_as_a_table_too(week: httpx.AsyncClient) -> None:
    body = await get(week, STAGES, **WEEK)
    answer = await week.get(STAGES, params=WEEK, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == column(body, "name")
    assert [float(row["item_time_avg"]) for row in rows] == column(body, "item_time_avg")
    assert rows[0].keys() == body["stages"][0].keys()
    assert (rows[2]["category"], rows[2]["wip_limit"], rows[5]["avg_wip"]) == ("active", "", "")


async def test_a_window_without_a_finish_has_no_item_times_but_visits(
    week: httpx.AsyncClient,
) -> None:
    body = await get(week, STAGES, start=stamp(d1), end="2025-03-03T12:00:00Z", as_of=stamp(d8))
    assert column(body, "item_time_avg") == [None] * 6
    assert column(body, "visits") == [1, 0, 0, 0, 0, 0]  # D leaves the Backlog
    assert body["totals"]["lead_time_avg"] is None
    assert body["totals"]["flow_efficiency_reason"] == "nothing_finished"


async def test_an_empty_stream_has_nulls_for_averages_and_zeros_for_counts(
    client: httpx.AsyncClient,
) -> None:
    body = await get(client, STAGES)
    assert column(body, "visits") == [0] * 6
    assert column(body, "time_avg") == [None] * 6
    assert column(body, "avg_wip") == [0, 0, 0, 0, 0, None]
    assert body["totals"]["rolled_ca"] is None
    assert body["totals"]["avg_wip"] == 0


async def test_the_time_at_the_limit_needs_a_limit_and_all_types(
    client: httpx.AsyncClient, database: Database
) -> None:
    await sql(database, "UPDATE stages SET wip_limit = 1 WHERE name = 'Development'")
    await told(client, ("Development", day(0)), ("Testing", day(1)))
    window = {"start": day(0), "end": day(4)}
    at_limit = column(await get(client, STAGES, **window), "time_at_limit")
    assert at_limit == [None, None, 0.25, None, None, None]
    of_some = await get(client, STAGES, **window, type="feature")
    assert column(of_some, "time_at_limit") == [None] * 6
    assert column(of_some, "wip_limit") == [None, None, 1, None, None, None]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"days": 0}, "days"), ({"stage": "Testing"}, "stage"), ({"end": stamp(d8)}, "start")],
)
async def test_a_question_that_cannot_be_meant_is_refused(
    week: httpx.AsyncClient, query: dict[str, Any], field: str
) -> None:
    answer = await week.get(STAGES, params=query)
    assert fields(problem(answer, 422, answer.json()["type"].rsplit("/", 1)[1])) == [field]


async def test_an_unknown_stream_is_not_found(week: httpx.AsyncClient) -> None:
    problem(await week.get(STAGES, params={"stream": "nowhere"}), 404, "unknown-stream")
