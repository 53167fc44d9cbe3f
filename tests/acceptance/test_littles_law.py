"""Little's law, through HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.acceptance.helpers import METRICS, fields, get, problem, stamp
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import d1, d8
from tests.stored_week import store_week

LAW = f"{METRICS}/littles-law"
WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await store_week(open_client)
        yield open_client


async def test_the_gap_of_the_week_is_that_worked_out(week: httpx.AsyncClient) -> None:
    law = await get(week, LAW, **WEEK)
    assert law["avg_wip"] == pytest.approx(408 / 168)
    assert law["throughput_per_day"] == pytest.approx(4 / 7)
    assert law["avg_cycle_time_days"] == 2.75
    assert law["predicted_wip"] == pytest.approx(4 / 168 * 66)
    assert law["gap"] == pytest.approx(-0.353, abs=0.0005)
    assert law["identity"] == {
        "wip": 408,
        "exits": 408,
        "reentries": 72,
        "at_start": 0,
        "at_end": 72,
    }


async def test_four_items_are_too_few_for_a_verdict(week: httpx.AsyncClient) -> None:
    law = await get(week, LAW, **WEEK)
    assert (law["meaningful"], law["verdict"], law["sample_size"]) == (False, None, 4)
    assert [each["holds"] for each in law["assumptions"]] == [False] * 4 + [True]
    assert law["assumptions"][0] == {
        "name": "arrivals_equal_departures",
        "value": 0.125,
        "holds": False,
    }


async def test_the_types_make_up_the_identity(week: httpx.AsyncClient) -> None:
    whole = (await get(week, LAW, **WEEK))["identity"]
    parts = [
        (await get(week, LAW, **WEEK, type=kind))["identity"]
        for kind in ("feature", "bug", "task", "epic")
    ]
    assert {name: sum(part[name] for part in parts) for name in whole} == whole


async def test_an_empty_stream_predicts_nothing(client: httpx.AsyncClient) -> None:
    law = await get(client, LAW)
    assert (law["avg_wip"], law["throughput_per_day"]) == (0, 0)
    assert {law[name] for name in ("avg_cycle_time_days", "predicted_wip", "gap")} == {None}
    assert law["verdict"] is None


async def test_an_unknown_parameter_is_refused(shared: httpx.AsyncClient) -> None:
    answer = await shared.get(LAW, params={"bucket": "day"})
    assert fields(problem(answer, 422, "invalid-request")) == ["bucket"]
