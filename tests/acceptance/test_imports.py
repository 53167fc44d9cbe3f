"""Files of histories over HTTP: imported whole or not at all, and never twice."""

import json
from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.acceptance.helpers import (
    ITEMS,
    METRICS,
    assert_log_and_facts_agree,
    chain,
    fields,
    get,
    problem,
    sql,
)
from tests.conftest import running_client

IMPORTS = "/api/v1/imports"

CSV = """key,title,type,to_stage,timestamp
SHOP-1,Pay by invoice,feature,Backlog,2025-03-03T00:00:00Z
SHOP-1,Pay by invoice,feature,Development,2025-03-04T00:00:00Z
SHOP-1,Pay by invoice,feature,Production,2025-03-06T00:00:00Z
SHOP-2,Checkout fails,bug,Testing,2025-03-05T00:00:00Z
"""
JSON_LINES = "\n".join(
    json.dumps(dict(zip(CSV.splitlines()[0].split(","), line.split(","), strict=True)))
    for line in CSV.splitlines()[1:]
)
STAGE_DATES = """key,title,type,Backlog,Development,Testing,Production
SHOP-1,Pay by invoice,feature,2025-03-03,2025-03-04,,2025-03-06
SHOP-2,Checkout fails,bug,,,2025-03-05,
"""


def _issue(key: str, title: str, kind: str, created: str, *moves: tuple[str, str, str]) -> Any:
    status = moves[-1][1] if moves else "Testing"
    return {
        "key": key,
        "fields": {
            "summary": title,
            "issuetype": {"name": kind},
            "created": created,
            "status": {"name": status},
        },
        "changelog": {
            "histories": [
                {
                    "id": f"{key}-{number}",
                    "created": moment,
                    "items": [{"field": "status", "fromString": left, "toString": entered}],
                }
                for number, (left, entered, moment) in enumerate(moves)
            ]
        },
    }


JIRA = json.dumps(
    {
        "issues": [
            _issue(
                "SHOP-1",
                "Pay by invoice",
                "Story",
                "2025-03-03T00:00:00.000+0000",
                ("Backlog", "Development", "2025-03-04T00:00:00.000+0000"),
                ("Development", "Production", "2025-03-06T01:00:00.000+0100"),
            ),
            _issue("SHOP-2", "Checkout fails", "Bug", "2025-03-05T00:00:00.000+0000"),
        ]
    }
)
FILES = {"csv": CSV, "jsonl": JSON_LINES, "stage-dates": STAGE_DATES, "jira": JIRA}


async def send(client: httpx.AsyncClient, content: str, **query: Any) -> dict[str, Any]:
    answer = await client.post(IMPORTS, content=content, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("name", FILES)
async def test_every_format_brings_the_same_histories(
    client: httpx.AsyncClient, database: Database, name: str
) -> None:
    result = await send(client, FILES[name], format=name, source="shop")
    expected = {
        "format": name,
        "check": False,
        "items_read": 2,
        "items_created": 2,
        "items_updated": 0,
        "items_unchanged": 0,
        "transitions_created": 4,
        "transitions_known": 0,
        "first_at": "2025-03-03T00:00:00Z",
        "last_at": "2025-03-06T00:00:00Z",
        "entries_by_stage": {"Backlog": 1, "Development": 1, "Testing": 1, "Production": 1},
        "skipped": {},
    }
    assert {key: result[key] for key in expected} == expected
    bug, feature = (await get(client, ITEMS, source="shop"))["items"]
    assert (feature["external_key"], feature["title"]) == ("SHOP-1", "Pay by invoice")
    assert (feature["type"], bug["type"]) == ("feature", "bug")
    assert (bug["external_key"], bug["current_stage"]) == ("SHOP-2", "Testing")
    stages = ["Backlog", "Development", "Production"]
    assert await chain(client, feature["id"]) == list(zip([None, *stages], stages, strict=False))
    week = {"start": "2025-03-03T00:00:00Z", "end": "2025-03-10T00:00:00Z"}
    measured = await get(client, METRICS, **week)
    assert (measured["throughput"], measured["cycle_time_avg"]) == (1, 48.0)
    await assert_log_and_facts_agree(database)


@pytest.mark.parametrize("name", FILES)
async def test_a_format_is_found_out_when_it_is_not_told(
    shared: httpx.AsyncClient, name: str
) -> None:
    result = await send(shared, FILES[name], check=True)
    assert result["format"] == name
    assert result["detected_because"]


@pytest.mark.parametrize("name", FILES)
async def test_the_same_file_again_changes_nothing(
    client: httpx.AsyncClient, database: Database, name: str
) -> None:
    everything = "SELECT i.*, t.* FROM work_items i JOIN stage_transitions t ON work_item_id = i.id"
    await send(client, FILES[name], format=name)
    before = await sql(database, f"{everything} ORDER BY t.id")
    again = await send(client, FILES[name], format=name)
    assert (again["items_created"], again["items_updated"], again["items_unchanged"]) == (0, 0, 2)
    assert (again["transitions_created"], again["transitions_known"]) == (0, 4)
    assert await sql(database, f"{everything} ORDER BY t.id") == before


@pytest.mark.parametrize("name", FILES)
async def test_a_check_tells_what_would_happen_and_writes_nothing(
    client: httpx.AsyncClient, database: Database, name: str
) -> None:
    checked = await send(client, FILES[name], format=name, check=True)
    assert (checked["check"], checked["items_created"]) == (True, 2)
    assert await sql(database, "SELECT count(*) FROM work_items") == [(0,)]
    assert await sql(database, "SELECT count(*) FROM stage_transitions") == [(0,)]
    done = await send(client, FILES[name], format=name)
    assert done == checked | {"check": False}


async def test_a_longer_file_adds_what_is_new(
    client: httpx.AsyncClient, database: Database
) -> None:
    await send(client, CSV, format="csv")
    line = "SHOP-2,Checkout fails again,bug,Production,2025-03-07T00:00:00Z\n"
    late = "SHOP-2,Checkout fails again,bug,Development,2025-03-04T00:00:00Z\n"
    result = await send(client, CSV + line + late, format="csv")
    assert (result["items_updated"], result["items_unchanged"]) == (1, 1)
    assert (result["transitions_created"], result["transitions_known"]) == (2, 4)
    (item,) = (await get(client, ITEMS, external_key="SHOP-2"))["items"]
    assert (item["started_at"], item["finished_at"]) == (
        "2025-03-04T00:00:00Z",
        "2025-03-07T00:00:00Z",
    )
    await assert_log_and_facts_agree(database)


async def test_every_problem_is_told_with_its_place_and_nothing_is_imported(
    client: httpx.AsyncClient, database: Database
) -> None:
    wrong = CSV.replace("Testing", "Nowhere").replace("2025-03-04T00:00:00Z", "yesterday")
    answer = await client.post(IMPORTS, content=wrong, params={"file": "shop.csv"})
    body = problem(answer, 422, "invalid-import")
    places = [
        (each["file"], each["line"], each["column"], each["field"]) for each in body["errors"]
    ]
    assert sorted(places) == [("shop.csv", 3, 5, "timestamp"), ("shop.csv", 5, 4, "to_stage")]
    for each, word in zip(body["errors"], ["yesterday", "Nowhere"], strict=True):
        assert word in each["message"]
    assert "shop.csv:3:5" in body["detail"]
    assert await sql(database, "SELECT count(*) FROM work_items") == [(0,)]


async def test_a_broken_line_of_json_is_told_with_its_place(shared: httpx.AsyncClient) -> None:
    broken = JSON_LINES.replace("}\n", "\n", 1)
    answer = await shared.post(IMPORTS, content=broken, params={"format": "jsonl"})
    (part,) = problem(answer, 422, "invalid-import")["errors"]
    assert (part["file"], part["line"]) == ("import", 1)
    assert part["column"] > 1


async def test_a_place_that_is_not_known_is_left_out(shared: httpx.AsyncClient) -> None:
    answer = await shared.post(IMPORTS, content=CSV, params={"date_format": "%"})
    (part,) = problem(answer, 422, "invalid-import")["errors"]
    assert part.keys() == {"file", "field", "message"}


async def test_foreign_words_are_mapped_as_told(client: httpx.AsyncClient) -> None:
    foreign = "Nummer;Spalte;Wann;Art\nA-1;In Arbeit;05.03.2025 14:30;Fehler\n"
    result = await send(
        client,
        foreign,
        format="csv",
        tz="Europe/Berlin",
        delimiter=";",
        date_format="%d.%m.%Y %H:%M",
        column=["key=Nummer", "to_stage=Spalte", "timestamp=Wann", "type=Art"],
        map="In Arbeit=Development",
        type="Fehler=bug",
    )
    assert result["mapping"] == {"In Arbeit": "Development"}
    (item,) = (await get(client, ITEMS))["items"]
    assert (item["type"], item["current_stage"]) == ("bug", "Development")
    assert item["created_at"] == "2025-03-05T13:30:00Z"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"delimiter": ";;"}, "delimiter"),
        ({"map": "Doing"}, "map"),
        ({"type": "=bug"}, "type"),
        ({"column": "key="}, "column"),
        ({"check": "perhaps"}, "check"),
        ({"file": "a\0"}, "file"),
        ({"source": ""}, "source"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_way_to_read_that_cannot_be_right_is_refused_by_its_name(
    shared: httpx.AsyncClient, query: dict[str, str], field: str
) -> None:
    answer = await shared.post(IMPORTS, content=CSV, params=query)
    kind = "invalid-value" if "invalid-value" in answer.text else "invalid-request"
    assert fields(problem(answer, 422, kind)) == [field]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"\0\1\2", b"\xff\xfe", b"PK\x03\x04", b"no table", b"{", b"[1, 2]", b"null"],
)
@pytest.mark.parametrize("name", [None, *FILES])
async def test_whatever_the_bytes_a_file_without_histories_is_no_server_error(
    shared: httpx.AsyncClient, content: bytes, name: str | None
) -> None:
    query = {"check": "true"} | ({"format": name} if name else {})
    answer = await shared.post(IMPORTS, content=content, params=query)
    if answer.status_code == 200:
        assert answer.json()["items_read"] == 0
    else:
        assert problem(answer, 422, "invalid-import")["errors"]


async def test_an_unknown_stream_has_nothing_imported_into_it(shared: httpx.AsyncClient) -> None:
    answer = await shared.post(IMPORTS, content=CSV, params={"stream": "elsewhere"})
    problem(answer, 404, "unknown-stream")


async def test_a_file_may_have_so_many_bytes_and_not_one_more(database_url: str) -> None:
    async with running_client(database_url, VSM_MAX_IMPORT_MB="1") as client:
        row = "SHOP-1,Pay by invoice,feature,Backlog,2025-03-03T00:00:00Z\n"
        limit = 2**20
        full = (CSV.splitlines()[0] + "\n" + row * (limit // len(row) - 1)).ljust(limit)
        assert len(full) == limit
        answer = await client.post(IMPORTS, content=full, params={"check": "true"})
        assert answer.status_code == 200, answer.text
        answer = await client.post(IMPORTS, content=full + " ")
        assert "1 MiB" in problem(answer, 413, "too-large")["detail"]
        assert (await get(client, ITEMS))["items"] == []
