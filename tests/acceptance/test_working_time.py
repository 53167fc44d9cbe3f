"""Durations in working time, asked for through the API."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.acceptance.helpers import (
    ITEMS,
    METRICS,
    OFFICE,
    create,
    describe,
    fields,
    get,
    problem,
    stamp,
)
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import d1, d8
from tests.stored_week import store_week

WEEK = {"start": stamp(d1), "end": stamp(d8), "as_of": stamp(d8)}
WORKING = WEEK | {"clock": "working"}
MEASURED = [
    "",
    *(f"/{each}" for each in ("stages", "series", "scatter", "histogram", "aging")),
    *(f"/{each}" for each in ("predictability", "bottleneck", "distribution")),
]
MAP = "/api/v1/value-stream-map"


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with the items of the week, in which four days are worked."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await store_week(open_client)
        await describe(url, OFFICE)
        yield open_client


async def item_id(client: httpx.AsyncClient, letter: str) -> int:
    found = await get(client, ITEMS, q=f"{letter}: ")
    return int(found["items"][0]["id"])


async def test_cycle_times_count_working_time_when_that_is_asked_for(
    week: httpx.AsyncClient,
) -> None:
    plotted = await get(week, f"{METRICS}/scatter", **WORKING)
    points = [(each["title"][0], each["cycle_time"]) for each in plotted["points"]]
    assert points == [("D", 8), ("C", 8), ("A", 24), ("B", 21)]
    assert (plotted["cycle_time_avg"], plotted["cycle_time_p50"]) == (15.25, 14.5)
    assert plotted["oldest_age"] == 8


async def test_elapsed_time_is_the_default_and_each_answer_says_which_it_is(
    week: httpx.AsyncClient,
) -> None:
    for path in (*(f"{METRICS}{each}" for each in MEASURED), MAP):
        unsaid = await get(week, path, **WEEK)
        assert unsaid["definitions"]["clock"] == "elapsed"
        assert await get(week, path, **WEEK, clock="elapsed") == unsaid
        working = await get(week, path, **WORKING)
        assert working["definitions"]["clock"] == "working"


async def test_lead_times_in_working_time_are_binned(week: httpx.AsyncClient) -> None:
    found = await get(week, f"{METRICS}/histogram", **WORKING, duration="lead")
    assert found["duration"] == "lead"
    counted = [(each["from_hours"], each["count"]) for each in found["bins"]]
    assert (found["width_hours"], counted) == (12, [(0, 2), (12, 0), (24, 2)])  # 8, 8, 29, 32 h


async def test_ages_count_working_time(week: httpx.AsyncClient) -> None:
    found = await get(week, f"{METRICS}/aging", **WORKING)
    (parked,) = found["items"]
    assert (parked["age"], parked["time_in_stage"]) == (8, 0)


async def test_a_series_has_working_durations_and_the_same_counts_and_wip(
    week: httpx.AsyncClient,
) -> None:
    elapsed, working = [
        (await get(week, f"{METRICS}/series", **asked))["series"][0]["points"]
        for asked in (WEEK, WORKING)
    ]
    assert [each["cycle_time_avg"] for each in working] == [None, 8, None, 8, None, 24, 21]
    durations = {name for name in elapsed[0] if "_time_" in name}
    for before, now in zip(elapsed, working, strict=True):
        assert {name for name in before if before[name] != now[name]} <= durations


async def test_a_journey_is_told_in_working_time(week: httpx.AsyncClient) -> None:
    path = f"{ITEMS}/{await item_id(week, 'A')}/history"
    told = await get(week, path, clock="working")
    assert (told["clock"], told["cycle_time"], told["lead_time"]) == ("working", 24, 32)
    visits = [(each["stage"], each["hours"]) for each in told["visits"][:-1]]
    assert visits == [
        ("Backlog", 8),
        ("Analysis", 8),
        ("Development", 16),
        ("Testing", 0),
        ("Deployment", 0),
    ]
    elapsed = await get(week, path)
    assert (elapsed["clock"], elapsed["cycle_time"], elapsed["lead_time"]) == ("elapsed", 96, 120)
    assert elapsed["transitions"] == told["transitions"]


async def test_drawings_say_that_their_durations_are_working_time(
    week: httpx.AsyncClient,
) -> None:
    for form in ("svg", "mermaid"):
        drawn = await week.get(MAP, params=WORKING | {"format": form})
        assert "in working time" in drawn.text
        elapsed = await week.get(MAP, params=WEEK | {"format": form})
        assert "working time" not in elapsed.text


async def test_littles_law_is_about_elapsed_time_alone(week: httpx.AsyncClient) -> None:
    answer = await week.get(f"{METRICS}/littles-law", params=WORKING)
    refused = problem(answer, 422, "invalid-value")
    assert fields(refused) == ["clock"]
    assert "elapsed" in refused["detail"]


async def test_a_stream_that_has_not_said_when_it_works_is_refused_with_the_remedy(
    shared: httpx.AsyncClient,
) -> None:
    item = (await get(shared, ITEMS))["items"][0]["id"]
    paths = [*(f"{METRICS}{each}" for each in MEASURED), MAP, f"{ITEMS}/{item}/history"]
    for path in paths:
        answer = await shared.get(path, params={"clock": "working"})
        refused = problem(answer, 422, "invalid-value")
        assert fields(refused) == ["clock"]
        assert "`working_time` in its stream file" in refused["detail"]


async def test_another_clock_is_refused(shared: httpx.AsyncClient) -> None:
    answer = await shared.get(METRICS, params={"clock": "wall"})
    refused = problem(answer, 422, "invalid-request")
    assert fields(refused) == ["clock"]
    assert "'elapsed' or 'working'" in refused["detail"]


async def test_a_clock_that_is_not_wound_yet_is_not_answered_by(
    client: httpx.AsyncClient, database_url: str
) -> None:
    item = await create(client)
    await describe(database_url, OFFICE, filled=False)
    for path in (f"{METRICS}/scatter", f"{ITEMS}/{item['id']}/history"):
        answer = await client.get(path, params={"clock": "working"})
        refused = problem(answer, 503, "clock-not-ready")
        assert "try again" in refused["detail"]
