"""Broken rules are listed, counted per stage, and told to Prometheus; all three agree."""

import csv
import io
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain.broken_rule import Rule
from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    act,
    create,
    day,
    fields,
    get,
    history,
    move,
    problem,
    sql,
    told,
)
from tests.acceptance.ruling import allow, ask_for_reasons, limit

BROKEN = "/api/v1/broken-rules"
WEEK = {"start": day(0), "end": day(7)}


@pytest.fixture
async def broken(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """A service in whose first week four rules were broken, by three moves and a restoration."""
    await limit(database, "Testing", 1, "warn")
    await allow(database, "warn", ("Backlog", "Testing"), ("Testing", "Production"))
    await ask_for_reasons(database, "warn")
    first = await told(client, ("Backlog", day(0)), ("Testing", day(1)), title="first")
    await told(client, ("Backlog", day(1)), ("Testing", day(2)), title="second", type="bug")
    await move(client, first, "Development", day(3))  # neither allowed nor with a reason
    await told(client, ("Testing", day(8)), title="a week later")
    return client


async def listed(client: httpx.AsyncClient, **query: Any) -> list[tuple[str, str, str]]:
    found = await get(client, BROKEN, **query)
    return [(each["work_item_title"], each["rule"], each["stage"]) for each in found["items"]]


async def test_an_empty_service_lists_nothing(client: httpx.AsyncClient) -> None:
    found = await get(client, BROKEN)
    assert (found["items"], found["next_cursor"]) == ([], None)
    assert found["period_start"] < found["period_end"]


async def test_broken_rules_of_the_window_are_listed_last_first(broken: httpx.AsyncClient) -> None:
    assert await listed(broken, **WEEK) == [
        ("first", "backward_reason", "Development"),
        ("first", "allowed_move", "Development"),
        ("second", "wip_limit", "Testing"),
    ]
    assert await listed(broken, start=day(7), end=day(9)) == [
        ("a week later", "wip_limit", "Testing")
    ]
    assert await listed(broken, start=day(2), end=day(3)) == [("second", "wip_limit", "Testing")]


async def test_a_filter_narrows(broken: httpx.AsyncClient) -> None:
    for query, expected in (
        ({"rule": "allowed_move"}, ["first"]),
        ({"stage": "teSTing"}, ["second"]),
        ({"stage": "Development", "rule": "wip_limit"}, []),
        ({"type": "bug"}, ["second"]),
        ({"exclude_types": "bug"}, ["first", "first"]),
        ({"stream": "default", "as_of": day(2.5)}, ["second"]),
    ):
        titles = [title for title, *_ in await listed(broken, **WEEK, **query)]
        assert titles == expected, query


@pytest.mark.parametrize(
    ("query", "name", "field"),
    [
        ({"stage": "Nowhere"}, "invalid-value", "stage"),
        ({"rule": "good_taste"}, "invalid-request", "rule"),
        ({"cursor": "after-7"}, "invalid-value", "cursor"),
        ({"limit": "0"}, "invalid-request", "limit"),
        ({"days": "91"}, "invalid-request", "days"),
        ({"population": "wip_now"}, "invalid-request", "population"),
    ],
)
async def test_what_cannot_be_right_is_refused(
    shared: httpx.AsyncClient, query: dict[str, str], name: str, field: str
) -> None:
    answer = problem(await shared.get(BROKEN, params=query), 422, name)
    assert fields(answer) == [field]


async def test_an_unknown_stream_has_no_broken_rules(shared: httpx.AsyncClient) -> None:
    problem(await shared.get(BROKEN, params={"stream": "nowhere"}), 404, "unknown-stream")


async def test_the_pages_of_a_rolling_window_stay_the_same(
    client: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "warn")
    for _ in range(6):
        await create(client, stage="Testing")
    answer = await client.get(BROKEN, params={"limit": 2})
    pages, ends = [answer.json()["items"]], {answer.json()["period_end"]}
    await create(client, stage="Testing")  # meanwhile, and so not in the list
    while "next" in answer.links:
        answer = await client.get(answer.links["next"]["url"])
        pages.append(answer.json()["items"])
        ends.add(answer.json()["period_end"])
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({each["id"] for page in pages for each in page}) == 5
    assert len(ends) == 1


async def test_broken_rules_are_to_be_had_as_a_table(broken: httpx.AsyncClient) -> None:
    answer = await broken.get(BROKEN, params=WEEK, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    items = (await get(broken, BROKEN, **WEEK))["items"]
    assert rows[0].keys() == items[0].keys()
    assert [row["rule"] for row in rows] == [each["rule"] for each in items]
    assert rows[0]["override_reason"] == ""


async def test_the_stages_count_the_rules_that_are_listed(broken: httpx.AsyncClient) -> None:
    body = await get(broken, "/api/v1/metrics/stages", **WEEK)
    counted = {
        (stage["name"], str(rule)): stage[f"broken_{rule}"]
        for stage in body["stages"]
        for rule in Rule
        if stage[f"broken_{rule}"]
    }
    assert counted == {
        ("Testing", "wip_limit"): 1,
        ("Development", "allowed_move"): 1,
        ("Development", "backward_reason"): 1,
    }
    for stage in body["stages"]:
        assert stage["broken_rules"] == sum(stage[f"broken_{rule}"] for rule in Rule)
    behind = (await broken.get(body["links"]["broken_rules"])).json()
    assert len(behind["items"]) == sum(stage["broken_rules"] for stage in body["stages"])
    of_some = await get(broken, "/api/v1/metrics/stages", **WEEK, type="bug")
    assert sum(stage["broken_rules"] for stage in of_some["stages"]) == 1
    behind = (await broken.get(of_some["links"]["broken_rules"])).json()
    assert len(behind["items"]) == 1


async def test_a_voided_move_broke_nothing(broken: httpx.AsyncClient, database: Database) -> None:
    item_id = (await get(broken, ITEMS, q="first"))["items"][0]["id"]
    last = (await history(broken, item_id))[-1]
    path = f"{ITEMS}/{item_id}/transitions/{last['id']}/void"
    assert (await broken.post(path, json={"reason": "the wrong card"})).status_code == 200
    assert await listed(broken, **WEEK) == [("second", "wip_limit", "Testing")]
    assert sum((await scraped(broken, "vsm_broken_rules")).values()) == 2
    assert await sql(database, "SELECT count(*) FROM broken_rules") == [(4,)]


async def test_what_a_merged_stage_broke_counts_where_it_went(
    broken: httpx.AsyncClient, database: Database
) -> None:
    stage_id = "(SELECT id FROM stages WHERE name = '{}')".format
    await sql(
        database,
        f"UPDATE broken_rules SET stage_id = {stage_id('Deployment')} "  # noqa: S608 - constants
        "WHERE rule = 'allowed_move'",
    )
    await sql(
        database,
        f"UPDATE stages SET retired_at = now(), merged_into = {stage_id('Analysis')} "  # noqa: S608
        "WHERE name = 'Deployment'",
    )
    assert await listed(broken, **WEEK, stage="Analysis") == [("first", "allowed_move", "Analysis")]
    body = await get(broken, "/api/v1/metrics/stages", **WEEK)
    assert [stage["broken_rules"] for stage in body["stages"]] == [0, 1, 1, 1, 0]
    assert (await scraped(broken, "vsm_broken_rules"))["allowed_move", "Analysis"] == 1


async def scraped(client: httpx.AsyncClient, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a family, by the values of their labels but the stream's."""
    text = (await client.get("/metrics")).text
    [family] = [each for each in text_string_to_metric_families(text) if each.name == name]
    return {
        tuple(v for label, v in sorted(sample.labels.items()) if label != "stream"): sample.value
        for sample in family.samples
    }


async def test_prometheus_is_told_of_every_rule_and_stage_from_the_start(
    client: httpx.AsyncClient,
) -> None:
    counts = await scraped(client, "vsm_broken_rules")
    assert len(counts) == 3 * 6
    assert set(counts.values()) == {0}
    assert await scraped(client, "vsm_wip_limit") == {}


async def test_prometheus_counts_all_time_and_tells_the_limits(
    broken: httpx.AsyncClient, database: Database
) -> None:
    await limit(database, "Testing", 1, "enforce")
    item = await create(broken)
    await act(broken, item["id"], "cancel", reason="no use")
    counts = await scraped(broken, "vsm_broken_rules")
    assert {labels: count for labels, count in counts.items() if count} == {
        ("wip_limit", "Testing"): 2,
        ("allowed_move", "Development"): 1,
        ("backward_reason", "Development"): 1,
    }
    assert await scraped(broken, "vsm_wip_limit") == {("Testing",): 1}
