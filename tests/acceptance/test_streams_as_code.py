"""Value streams as code, through HTTP and on the command line: plan, apply, export, versions."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import make_url

from tests.acceptance.helpers import ITEMS, METRICS, create, day, get, move, problem, told
from tests.integration.stored import environment

STREAMS = "/api/v1/value-streams"
CONFIG = Path(__file__).resolve().parents[2] / "config"
YAML = {"Content-Type": "application/yaml"}
WEEK = {"start": day(0), "end": day(7)}


async def exported(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return what is in force, as a file says it."""
    answer = await client.get(f"{STREAMS}/export")
    assert answer.headers["content-type"] == "application/yaml"
    found: dict[str, Any] = yaml.safe_load(answer.text)
    return found


async def send(
    client: httpx.AsyncClient, verb: str, document: dict[str, Any], **query: str
) -> httpx.Response:
    """Plan or apply a document."""
    return await client.post(
        f"{STREAMS}/{verb}", content=yaml.safe_dump(document), headers=YAML, params=query
    )


async def apply(client: httpx.AsyncClient, document: dict[str, Any], **query: str) -> Any:
    """Put a document in force."""
    answer = await send(client, "apply", document, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stages_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stages of the only stream of a document."""
    [stream] = document["value_streams"]
    found: list[dict[str, Any]] = stream["stages"]
    return found


async def test_applying_what_is_exported_changes_nothing(client: httpx.AsyncClient) -> None:
    document = await exported(client)
    assert await apply(client, document) == {
        "changed": False,
        "streams": [{"key": "default", "created": False, "definitions_version": 1, "changes": []}],
    }
    assert (await client.get(f"{STREAMS}/default/versions")).json() == []


async def test_the_file_of_eight_stages_becomes_a_stream_that_works(
    client: httpx.AsyncClient,
) -> None:
    text = (CONFIG / "eight-stages.yaml").read_text(encoding="utf-8")
    answer = await client.post(f"{STREAMS}/apply", content=text, headers=YAML)
    assert answer.json()["streams"][0]["created"] is True
    stream = await get(client, f"{STREAMS}/platform")
    assert [stage["name"] for stage in stream["stages"]][3] == "Code Review"
    assert stream["working_time"]["holidays"]["country"] == "DE"
    item = await create(client, stream="platform")
    await move(client, item["id"], "Design")
    found = await get(client, f"{STREAMS}/platform/metrics", clock="working")
    assert (found["wip_now"], found["definitions"]["clock"]) == (1, "working")
    again = await client.post(f"{STREAMS}/apply", content=text, headers=YAML)
    assert again.json()["changed"] is False


async def test_a_plan_tells_what_applying_then_gives(client: httpx.AsyncClient) -> None:
    """Analysis becomes a queue: work starts later, and cycle times get shorter."""
    await told(client, ("Backlog", day(0)), ("Analysis", day(1)), ("Development", day(3)))
    document = await exported(client)
    stages_of(document)[1]["category"] = "wait"
    planned = (await send(client, "plan", document)).json()
    [stream] = planned["streams"]
    assert planned["changed"] is True
    assert (await get(client, f"{STREAMS}/default"))["definitions_version"] == 1
    applied = await apply(client, document)
    assert applied["streams"][0]["changes"] == stream["changes"]
    assert applied["streams"][0]["definitions_version"] == stream["definitions_version"] == 2
    after = stream["after"]
    window = {"start": after["period_start"], "end": after["period_end"], "as_of": after["as_of"]}
    now = await get(client, METRICS, **window)
    assert {**now, "links": None} == {**after, "links": None}
    assert now["definitions"]["start_stage"] == "Development"


async def test_a_renamed_stage_keeps_its_history(client: httpx.AsyncClient) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Testing", day(1)))
    document = await exported(client)
    stages_of(document)[3] |= {
        "name": "Verification",
        "type": "testing",
        "replaces": ["Testing"],
    }
    applied = await apply(client, document)
    assert [each["kind"] for each in applied["streams"][0]["changes"]] == ["stage_renamed"]
    moves = (await get(client, f"{ITEMS}/{item_id}/history"))["transitions"]
    assert [each["to_stage"] for each in moves] == ["Backlog", "Verification"]
    assert (await apply(client, document))["changed"] is False


async def test_a_merged_stage_becomes_a_part_of_the_other_in_all_numbers(
    client: httpx.AsyncClient,
) -> None:
    item_id = await told(
        client, ("Development", day(0)), ("Testing", day(1)), ("Production", day(3))
    )
    document = await exported(client)
    stages = stages_of(document)
    del stages[3]
    stages[2]["replaces"] = ["Testing"]
    await apply(client, document)
    found = await get(client, f"{METRICS}/stages", **WEEK)
    development = next(each for each in found["stages"] if each["name"] == "Development")
    assert (development["visits"], development["time_avg"]) == (1, 72)
    moves = (await get(client, f"{ITEMS}/{item_id}/history"))["transitions"]
    assert [each["to_stage"] for each in moves] == ["Development", "Development", "Production"]


async def test_a_stage_with_history_cannot_vanish(client: httpx.AsyncClient) -> None:
    await told(client, ("Backlog", day(0)), ("Testing", day(1)))
    document = await exported(client)
    del stages_of(document)[3]
    for verb in ("plan", "apply"):
        found = problem(await send(client, verb, document), 409, "stage-in-use")
        assert "replaces: [Testing]" in found["detail"]
    assert len((await client.get("/api/v1/stages")).json()) == 6


async def test_a_broken_file_is_told_with_places_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    text = (CONFIG / "value-stream.yaml").read_text(encoding="utf-8")
    broken = text.replace("category: done", "category: over").replace("version: 1", "version: 7")
    answer = await client.post(
        f"{STREAMS}/apply", content=broken, headers=YAML, params={"file": "my.yaml"}
    )
    found = problem(answer, 422, "invalid-stream-file")
    assert len(found["errors"]) == 2
    for each in found["errors"]:
        assert each["file"] == "my.yaml"
        assert each["line"] > 0
        assert each["column"] > 0
    assert (await apply(client, await exported(client)))["changed"] is False


async def test_a_limit_counts_from_when_it_takes_effect(client: httpx.AsyncClient) -> None:
    """Two items for two days each, and a limit of one in force since the second day."""
    for _ in range(2):
        await told(client, ("Development", day(0)), ("Production", day(2)))
    document = await exported(client)
    stages_of(document)[2]["wip_limit"] = 1
    await apply(client, document, effective_from=day(1))
    window = {"start": day(0), "end": day(2)}
    found = await get(client, f"{METRICS}/stages", **window)
    development = next(each for each in found["stages"] if each["name"] == "Development")
    assert (development["time_at_limit"], development["time_over_limit"]) == (0.5, 0.5)


async def test_a_stated_service_level_is_held_against_the_window(
    client: httpx.AsyncClient,
) -> None:
    for days in (1, 2, 4):
        await told(client, ("Development", day(0)), ("Production", day(days)))
    predictability = f"{METRICS}/predictability"
    assert (await get(client, predictability, **WEEK))["stated_service_level"] is None
    document = await exported(client)
    document["value_streams"][0]["service_level_expectation"] = {"percent": 85, "days": 2}
    await apply(client, document)
    assert (await get(client, predictability, **WEEK))["stated_service_level"] == {
        "percent": 85,
        "hours": 48,
        "finished": 3,
        "within": 2,
        "share": 2 / 3,
        "kept": False,
    }


async def test_what_was_applied_is_listed_newest_first(client: httpx.AsyncClient) -> None:
    document = await exported(client)
    for limit in (3, 4):
        stages_of(document)[2]["wip_limit"] = limit
        await apply(client, document)
    newest, oldest = (await client.get(f"{STREAMS}/default/versions")).json()
    assert newest["definition"]["stages"][2]["wip_limit"] == 4
    assert [each["after"] for each in oldest["changes"]] == [3]


async def test_json_is_taken_and_given_as_well(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{STREAMS}/export", headers={"Accept": "application/json"})
    document = answer.json()
    applied = await client.post(f"{STREAMS}/apply", json=document)
    assert applied.json()["changed"] is False
    schema = await get(client, f"{STREAMS}/schema.json")
    assert schema["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("effective_from", ["2999-01-01T00:00:00Z", "1960-01-01T00:00:00Z"])
async def test_a_limit_takes_effect_at_no_unknown_time(
    client: httpx.AsyncClient, effective_from: str
) -> None:
    answer = await send(client, "apply", await exported(client), effective_from=effective_from)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["effective_from"]


async def test_another_content_type_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        f"{STREAMS}/apply", content="x", headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 422


def vsm(url: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command on a database."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("DATABASE_")}
    return subprocess.run(
        [str(Path(sys.executable).parent / "vsm"), "streams", *arguments],
        env=environ | environment(make_url(url)) | {"COLUMNS": "200"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_line_plans_applies_and_exports(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "streams.yaml"
    exported = vsm(database_url, "export")
    assert exported.returncode == 0, exported.stderr
    file.write_text(exported.stdout, encoding="utf-8")
    same = vsm(database_url, "plan", str(file), "--exit-code")
    assert (same.returncode, same.stdout.strip()) == (0, "No changes.")
    document = yaml.safe_load(exported.stdout)
    stages_of(document)[3] |= {"name": "Verification", "replaces": ["Testing"]}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    planned = vsm(database_url, "plan", str(file), "--exit-code")
    assert planned.returncode == 2, planned.stderr
    assert "Verification" in planned.stdout
    refused = vsm(database_url, "apply", str(file), stdin="n\n")
    assert refused.returncode != 0
    applied = vsm(database_url, "apply", str(file), "--yes")
    assert applied.returncode == 0, applied.stderr
    assert vsm(database_url, "plan", str(file), "--exit-code").returncode == 0
