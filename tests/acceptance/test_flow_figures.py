"""The metrics of a week whose figures were worked out by hand, through the API alone."""

import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.acceptance.helpers import ITEMS, METRICS, as_batch_item, get, stamp
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import F1, at, d1, d4, d5, d8

WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}
TYPES = ["feature", "bug", "task", "epic"]
ADDITIVE = [
    "throughput",
    "started",
    "created",
    "discarded",
    "discarded_started",
    "reopened",
    "recompleted",
    "net_completed",
    "decommits",
    "cycle_time_count",
    "lead_time_count",
]
"""Counts of events: they add up over types and over adjacent windows."""

STATES = ["wip_now", "wip_at_end", "open_items", "backlog_items"]
"""Counts of what is there at an instant: they add up over types alone."""


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        batch = {"items": [as_batch_item(told) for told in F1]}
        answer = await open_client.post(f"{ITEMS}/batch", json=batch)
        assert answer.status_code == 201, answer.text
        yield open_client


def assert_close(measured: dict[str, Any], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        assert math.isclose(measured[name], value, rel_tol=1e-9), f"{name} is {measured[name]}"


async def test_the_counts_of_the_week_are_exact(week: httpx.AsyncClient) -> None:
    measured = await get(week, METRICS, **WEEK)
    expected = {
        "throughput": 4,
        "started": 6,
        "created": 7,
        "reopened": 1,
        "recompleted": 1,
        "net_completed": 4,
        "decommits": 1,
        "discarded": 1,
        "discarded_started": 1,
        "cycle_time_count": 4,
        "lead_time_count": 4,
        "sample_size": 4,
        "wip_at_end": 1,
        "open_items": 2,
        "backlog_items": 1,
        "partial": False,
        "before_first_data": False,
    }
    assert {name: measured[name] for name in expected} == expected
    assert measured["low_confidence"] == ["p85", "p95"]


async def test_the_times_of_the_week_are_those_worked_out(week: httpx.AsyncClient) -> None:
    expected = {
        "cycle_time_avg": 66.0,
        "cycle_time_p50": 60.0,
        "cycle_time_p85": 109.2,
        "cycle_time_p95": 116.4,
        "lead_time_avg": 79.5,
        "lead_time_p50": 75.0,
        "lead_time_p85": 133.2,
        "lead_time_p95": 140.4,
        "wip": 408 / 168,
        "throughput_per_day": 4 / 7,
    }
    measured = await get(week, METRICS, **WEEK)
    assert_close(measured, expected)
    assert measured["parked_time_total"] == 0


async def test_the_same_week_asked_for_in_another_zone_is_the_same(
    week: httpx.AsyncClient,
) -> None:
    offset = {"start": "2025-03-03T01:00:00+01:00", "end": "2025-03-09T19:00:00-05:00"}
    assert await get(week, METRICS, **(WEEK | offset)) == await get(week, METRICS, **WEEK)


async def test_the_days_of_the_week_are_those_worked_out(week: httpx.AsyncClient) -> None:
    days = [
        await get(week, METRICS, start=stamp(at(day)), end=stamp(at(day + 1)), as_of=stamp(d8))
        for day in range(1, 8)
    ]
    assert [each["throughput"] for each in days] == [0, 1, 0, 1, 0, 1, 1]
    assert [each["wip"] for each in days] == [0.75, 1.75, 4, 4, 3.75, 1.25, 1.5]
    assert days[0]["cycle_time_avg"] is None
    assert [each["cycle_time_avg"] for each in days if each["throughput"]] == [24, 24, 96, 120]


async def test_an_item_alone_has_its_own_time_for_every_statistic(
    week: httpx.AsyncClient,
) -> None:
    measured = await get(week, METRICS, start=stamp(at(6)), end=stamp(at(7)), as_of=stamp(d8))
    assert {measured[f"cycle_time_{each}"] for each in ("avg", "p50", "p85", "p95")} == {96}
    assert {measured[f"lead_time_{each}"] for each in ("avg", "p50", "p85", "p95")} == {120}


@pytest.mark.parametrize("window", [WEEK, WEEK | {"as_of": stamp(d4)}])
async def test_the_types_add_up_to_the_whole(
    week: httpx.AsyncClient, window: dict[str, str]
) -> None:
    whole = await get(week, METRICS, **window)
    parts = [await get(week, METRICS, **window, type=kind) for kind in TYPES]
    for name in ADDITIVE + STATES:
        assert sum(part[name] for part in parts) == whole[name], name
    assert math.isclose(sum(part["wip"] for part in parts), whole["wip"], rel_tol=1e-12)


@pytest.mark.parametrize("kind", TYPES)
async def test_a_type_and_all_but_that_type_add_up_to_the_whole(
    week: httpx.AsyncClient, kind: str
) -> None:
    whole = await get(week, METRICS, **WEEK)
    only = await get(week, METRICS, **WEEK, type=kind)
    others = await get(week, METRICS, **WEEK, exclude_types=kind)
    listed = await get(week, METRICS, **WEEK, type=[each for each in TYPES if each != kind])
    assert others == listed
    for name in ADDITIVE + STATES:
        assert only[name] + others[name] == whole[name], name


async def test_the_bugs_of_the_week_are_those_worked_out(week: httpx.AsyncClient) -> None:
    measured = await get(week, METRICS, **WEEK, type="bug")
    expected = {"throughput": 2, "reopened": 1, "recompleted": 1, "wip_at_end": 0, "created": 2}
    assert {name: measured[name] for name in expected} == expected
    assert_close(measured, {"cycle_time_avg": 24, "lead_time_avg": 27, "wip": 72 / 168})


async def test_no_type_left_means_no_items(week: httpx.AsyncClient) -> None:
    measured = await get(week, METRICS, **WEEK, type="bug", exclude_types="bug")
    assert (measured["created"], measured["wip"], measured["cycle_time_avg"]) == (0, 0, None)


@pytest.mark.parametrize(
    "cut", [at(2), at(2, 6), at(4, 12), at(5), at(5, 6), at(6), at(7, 12)], ids=str
)
async def test_two_adjacent_windows_add_up_to_the_whole(week: httpx.AsyncClient, cut: Any) -> None:
    whole = await get(week, METRICS, **WEEK)
    parts = [
        await get(week, METRICS, **(WEEK | {"end": stamp(cut)})),
        await get(week, METRICS, **(WEEK | {"start": stamp(cut)})),
    ]
    for name in ADDITIVE:
        assert sum(part[name] for part in parts) == whole[name], name
    hours = [(cut - d1).total_seconds() / 3600, (d8 - cut).total_seconds() / 3600]
    wip_hours = sum(part["wip"] * length for part, length in zip(parts, hours, strict=True))
    assert math.isclose(wip_hours, 408, rel_tol=1e-12)
    for name in STATES:
        assert parts[1][name] == whole[name], name


async def test_seen_in_midweek_the_rest_of_the_week_has_not_happened(
    week: httpx.AsyncClient,
) -> None:
    measured = await get(week, METRICS, **(WEEK | {"as_of": stamp(d4)}))
    expected = {
        "as_of": stamp(d4),
        "period_end": "2025-03-06T00:00:00.000001Z",
        "partial": True,
        "throughput": 2,  # C at this very instant, D
        "started": 6,
        "created": 7,
        "discarded": 0,
        "reopened": 0,
        "wip_now": 4,  # A, B, E, H
        "wip_at_end": 4,
        "open_items": 5,  # and G
        "backlog_items": 1,
    }
    assert {name: measured[name] for name in expected} == expected
    assert_close(measured, {"wip": (0.75 + 1.75 + 4) / 3})
    clipped = await get(week, METRICS, start=stamp(d1), end=measured["period_end"], as_of=stamp(d4))
    assert clipped == measured | {"partial": False}


async def test_a_rolling_window_ends_just_after_the_instant_it_is_seen_at(
    week: httpx.AsyncClient,
) -> None:
    rolling = await get(week, METRICS, days=2, as_of=stamp(d5))
    assert rolling["period_start"] == "2025-03-05T00:00:00.000001Z"
    assert rolling["period_end"] == "2025-03-07T00:00:00.000001Z"
    assert rolling["throughput"] == 1
    assert rolling["discarded"] == 1  # E, at this very instant
    weekly = await get(week, METRICS, as_of=stamp(d8))
    assert weekly["period_start"] == "2025-03-03T00:00:00.000001Z"
    assert weekly["throughput"] == 4


async def test_after_the_week_there_is_only_what_was_left_over(week: httpx.AsyncClient) -> None:
    measured = await get(week, METRICS, days=90)
    assert (measured["throughput"], measured["wip"], measured["wip_now"]) == (0, 1.0, 1)
    assert (measured["open_items"], measured["backlog_items"]) == (2, 1)


async def test_before_the_week_there_was_nothing(week: httpx.AsyncClient) -> None:
    window = {"start": "2025-02-24T00:00:00Z", "end": stamp(d1)}
    measured = await get(week, METRICS, **window)
    assert (measured["throughput"], measured["wip"], measured["open_items"]) == (0, 0.0, 0)
    assert measured["before_first_data"]
