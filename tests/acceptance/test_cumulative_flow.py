"""The cumulative flow diagram, through HTTP."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.acceptance.helpers import METRICS, fields, get, problem, stamp
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import at, d1, d8
from tests.stored_week import store_week

DIAGRAM = f"{METRICS}/cumulative-flow"
WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}
OPEN = ["Backlog", "Analysis", "Development", "Testing", "Deployment"]


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await store_week(open_client)
        yield open_client


async def test_the_lines_of_the_week_are_those_worked_out(week: httpx.AsyncClient) -> None:
    diagram = await get(week, DIAGRAM, **WEEK)
    fourth, last = diagram["points"][3], diagram["points"][6]
    assert fourth["lines"] == dict(zip(OPEN, (7, 6, 4, 3, 2), strict=True))
    assert fourth["in_stage"] == dict(zip(OPEN, (1, 2, 2, 0, 0), strict=True))
    assert (fourth["out"], fourth["backflow_items"], fourth["wip"]) == (2, 1, 4)
    assert last["lines"] == dict(zip(OPEN, (7, 6, 6, 5, 5), strict=True))
    assert (last["out"], last["completed"], last["discarded"], last["wip"]) == (5, 4, 1, 1)
    assert diagram["opening"]["lines"] == dict.fromkeys(OPEN, 0)


async def test_the_ledger_of_the_week_is_that_worked_out(week: httpx.AsyncClient) -> None:
    (only,) = (await get(week, DIAGRAM, **WEEK, bucket="week"))["points"]
    assert (only["entered_doing"], only["left_doing"]) == (8, 7)
    assert only["arrivals"] == dict(zip([*OPEN, "Production"], (7, 3, 6, 5, 1, 5), strict=True))
    assert only["departures"] == dict(zip([*OPEN, "Production"], (6, 3, 5, 5, 1, 1), strict=True))


async def test_lines_are_counted_from_the_window_unless_asked_otherwise(
    week: httpx.AsyncClient,
) -> None:
    end = WEEK | {"start": stamp(at(5))}
    short = await get(week, DIAGRAM, **end)
    long = await get(week, DIAGRAM, **end, from_beginning=True)
    assert (short["opening"]["out"], long["opening"]["out"]) == (0, 2)
    assert (short["counted_from"], long["counted_from"]) == (stamp(at(5)), None)
    assert long["points"] == (await get(week, DIAGRAM, **WEEK))["points"][4:]
    for here, there in zip(short["points"], long["points"], strict=True):
        assert {stage: count + 2 for stage, count in here["lines"].items()} == there["lines"]
        assert here["completed"] + 2 == there["completed"]


async def test_the_diagram_names_the_stages_with_their_zones(week: httpx.AsyncClient) -> None:
    diagram = await get(week, DIAGRAM, **WEEK)
    assert [stage["name"] for stage in diagram["stages"]] == [*OPEN, "Production"]
    assert [stage["zone"] for stage in diagram["stages"]] == ["todo", *["doing"] * 4, "done"]
    assert diagram["sample_size"] == 4
    assert diagram["excluded"] == {"cancelled": 1, "in_progress": 1, "not_started": 1}


async def test_the_diagram_comes_as_csv_with_a_column_per_line(week: httpx.AsyncClient) -> None:
    answer = await week.get(DIAGRAM, params=WEEK, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0])[:9] == ["label", "start", "end", "partial", *_columns("reached")]
    assert [rows[3][name] for name in (*_columns("reached"), "out")] == [*"764322"]
    assert [rows[3][name] for name in (*_columns("in"), "backflow_items")] == [*"122001"]
    assert rows[6]["arrived in Production"] == "1"


def _columns(prefix: str) -> list[str]:
    return [f"{prefix} {stage}" for stage in OPEN]


@pytest.mark.parametrize(
    ("query", "field", "name"),
    [
        ({"bucket": "quarter"}, "bucket", "invalid-request"),
        ({"group_by": "stage"}, "group_by", "invalid-request"),
        ({"from_beginning": "perhaps"}, "from_beginning", "invalid-request"),
        ({"start": stamp(d1 - timedelta(days=1501)), "end": stamp(d1)}, "bucket", "invalid-value"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    shared: httpx.AsyncClient, query: dict[str, Any], field: str, name: str
) -> None:
    answer = await shared.get(DIAGRAM, params=query)
    assert fields(problem(answer, 422, name)) == [field]


async def test_an_empty_stream_has_lines_of_zero(client: httpx.AsyncClient) -> None:
    diagram = await get(client, DIAGRAM, bucket="week", days=30, from_beginning=True)
    assert len(diagram["points"]) in {5, 6}
    for point in diagram["points"]:
        assert {*point["lines"].values(), *point["in_stage"].values(), point["out"]} == {0}
