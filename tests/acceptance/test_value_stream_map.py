"""The value stream map through the API: numbers, comparison, drawing and diagram."""

from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import as_batch_item, day, fields, get, problem, sql, stamp, told
from tests.acceptance.test_flow_figures import WEEK
from tests.conftest import fresh_database, running_client
from tests.fixture_f1 import F1, d1, d4, d8

MAP = "/api/v1/value-stream-map"
SVG = "image/svg+xml"
MERMAID = "text/vnd.mermaid"


@pytest.fixture(scope="module")
async def week(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that holds the seven items of the week."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        batch = {"items": [as_batch_item(each) for each in F1]}
        answer = await open_client.post("/api/v1/work-items/batch", json=batch)
        assert answer.status_code == 201, answer.text
        yield open_client


def column(stages: list[dict[str, Any]], name: str) -> list[Any]:
    return [stage[name] for stage in stages]


async def test_the_map_of_the_week_is_that_worked_out(week: httpx.AsyncClient) -> None:
    body = await get(week, MAP, **WEEK)
    assert column(body["stages"], "process_time") == [0, 6, 36, 21, 3, 0]
    assert column(body["stages"], "wait_time") == [13.5, 0, 0, 0, 0, 0]
    assert column(body["stages"], "pct_ca") == [1, 1, 0.75, 1, 1, None]
    assert column(body["stages"], "wip") == [1, 0, 1, 0, 0, None]
    assert column(body["stages"], "items_waiting") == [None, 1, 0, 0, 0, 0]
    assert column(body["stages"], "visits") == [6, 2, 5, 5, 1, 1]
    assert body["rework_loops"] == [
        {"from_stage": "Testing", "to_stage": "Development", "moves": 1}
    ]
    assert body["totals"] == {
        "lead_time": 79.5,
        "process_time": 66,
        "wait_time": 13.5,
        "unplaced_time": 0,
        "blocked_time": None,
        "activity_ratio": 264 / 318,
        "flow_efficiency": None,
        "rolled_ca": 0.75,
        "first_time_through": 0.75,
        "rework_rate": 0.25,
        "rework_time_share": 72 / 264,
        "items_finished": 4,
        "items_waiting": 1,
        "wip": 1,
    }
    assert body["flow_efficiency_reason"] == "no_wait_signal"
    assert "upper bound" in body["caveats"][0]
    assert (body["comparison"], body["sample_size"]) == (None, 4)


async def test_the_map_is_compared_with_the_window_before(week: httpx.AsyncClient) -> None:
    late = {"start": stamp(d4), "end": stamp(d8), "as_of": stamp(d8)}
    body = await get(week, MAP, **late, compare_to="previous")
    before = await get(week, MAP, start="2025-03-02T00:00:00Z", end=stamp(d4), as_of=stamp(d8))
    comparison = body["comparison"]
    assert comparison["period_end"] == body["period_start"]
    assert comparison["period_start"] == before["period_start"]
    assert comparison["stages"] == before["stages"]
    assert comparison["totals"] == before["totals"]
    difference = comparison["total_differences"]
    assert difference["items_finished"] == 3 - 1
    assert difference["lead_time"] == 96 - 30
    assert difference["flow_efficiency"] is None
    development = comparison["stage_differences"][2]
    assert development["name"] == "Development"
    assert development["process_time"] == 40 - 24
    assert development["wip"] == 1 - before["stages"][2]["wip"]


async def test_the_map_is_compared_with_any_other_window(week: httpx.AsyncClient) -> None:
    other = {"compare_start": stamp(d1), "compare_end": stamp(d8)}
    comparison = (await get(week, MAP, **WEEK, **other))["comparison"]
    figures = {name: value for name, value in comparison["total_differences"].items() if value}
    assert figures == {}
    assert comparison["partial"] is False


async def test_a_window_without_a_finish_differs_by_nothing_known(week: httpx.AsyncClient) -> None:
    empty = {"compare_start": "2025-02-01T00:00:00Z", "compare_end": stamp(d1)}
    difference = (await get(week, MAP, **WEEK, **empty))["comparison"]["total_differences"]
    assert (difference["lead_time"], difference["items_finished"]) == (None, 4)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"compare_to": "previous", "compare_start": stamp(d1)}, "compare_to"),
        ({"compare_start": stamp(d1)}, "compare_end"),
        ({"compare_end": stamp(d1)}, "compare_start"),
        ({"compare_start": stamp(d4), "compare_end": stamp(d1)}, "compare_end"),
        (
            {"compare_start": "2026-01-01T00:00:00Z", "compare_end": "2026-02-01T00:00:00Z"},
            "compare_start",
        ),
    ],
)
async def test_a_comparison_that_cannot_be_meant_is_refused(
    week: httpx.AsyncClient, query: dict[str, str], field: str
) -> None:
    answer = await week.get(MAP, params=WEEK | query)
    assert fields(problem(answer, 422, "invalid-value")) == [field]


@pytest.mark.parametrize("query", [{"format": "pdf"}, {"compare_to": "next"}, {"colour": "red"}])
async def test_what_is_not_offered_is_refused(
    week: httpx.AsyncClient, query: dict[str, str]
) -> None:
    answer = await week.get(MAP, params=query)
    assert fields(problem(answer, 422, "invalid-request")) == list(query)


@pytest.mark.parametrize(
    ("accept", "query", "expected"),
    [
        ("*/*", {}, "application/json"),
        (SVG, {}, f"{SVG}; charset=utf-8"),
        ("image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8", {}, f"{SVG}; charset=utf-8"),
        (MERMAID, {}, f"{MERMAID}; charset=utf-8"),
        (SVG, {"format": "json"}, "application/json"),
        ("application/json", {"format": "svg"}, f"{SVG}; charset=utf-8"),
        ("application/json", {"format": "mermaid"}, f"{MERMAID}; charset=utf-8"),
    ],
)
async def test_the_map_comes_in_the_form_that_is_asked_for(
    week: httpx.AsyncClient, accept: str, query: dict[str, str], expected: str
) -> None:
    answer = await week.get(MAP, params=WEEK | query, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, expected)
    assert answer.headers["vary"] == "Accept"


async def test_the_drawing_tells_the_figures_of_the_answer(week: httpx.AsyncClient) -> None:
    answer = await week.get(MAP, params=WEEK | {"format": "svg"})
    texts = "|".join(ET.fromstring(answer.text).itertext())  # noqa: S314 - our own
    for shown in ("79.5 h", "66 h", "13.5 h", "75 %", "83 %", "no waiting stage", "1 back"):
        assert shown in texts


async def test_the_period_is_written_in_the_zone_asked_for(week: httpx.AsyncClient) -> None:
    answer = await week.get(MAP, params=WEEK | {"format": "svg", "tz": "Asia/Kathmandu"})
    assert "2025-03-03 05:45 to 2025-03-10 05:44 Asia/Kathmandu" in answer.text


async def test_names_are_text_in_every_form(client: httpx.AsyncClient, database: Database) -> None:
    name = "</text><script>alert('\"1\"')</script>]]>&amp; `#`"
    await sql(database, "UPDATE stages SET name = :name WHERE name = 'Analysis'", name=name)
    await sql(database, "UPDATE value_streams SET name = :name", name=f"{name}\x01\n---")
    await told(client, (name, day(0)), ("Production", day(1)))
    question = {"start": day(0), "end": day(2)}
    body = await get(client, MAP, **question)
    assert body["stages"][1]["name"] == name
    answer = await client.get(MAP, params=question | {"format": "svg"})
    drawing = ET.fromstring(answer.text)  # noqa: S314 - our own
    tags = {each.tag.rpartition("}")[2] for each in drawing.iter()}
    assert tags == {"svg", "title", "desc", "style", "g", "rect", "polygon", "path", "text"}
    diagram = (await client.get(MAP, params=question | {"format": "mermaid"})).text
    assert "<script" not in diagram
    assert "`" not in diagram


async def test_an_empty_stream_has_an_empty_map_in_every_form(client: httpx.AsyncClient) -> None:
    body = await get(client, MAP, compare_to="previous")
    assert column(body["stages"], "process_time") == [None] * 6
    assert body["flow_efficiency_reason"] == "nothing_finished"
    assert body["comparison"]["total_differences"]["lead_time"] is None
    for form in ("svg", "mermaid"):
        assert "0 items finished" in (await client.get(MAP, params={"format": form})).text
