"""Kept figures of whole periods, through HTTP; corrected when something is told late."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app import jobs
from app.cli.rebuild import _rebuild as rebuild
from app.store import invalidations
from app.store.database import Database, transaction
from app.store.rollups import stream_ids
from app.telemetry import BUCKET_HOURS
from app.usecases.roll_up import roll_up
from tests.acceptance.helpers import ITEMS, act, create, day, get, history, move, problem, sql, told

PATH = "/api/v1/metrics/rollups"
DURATIONS = [f"{clock}_time_{p}" for clock in ("cycle", "lead") for p in ("avg", "p50", "p95")]


async def rollups(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(client, PATH, **query))["periods"]
    return found


async def by_date(client: httpx.AsyncClient, **query: Any) -> dict[str, dict[str, Any]]:
    return {each["date"]: each for each in await rollups(client, **query)}


async def test_an_empty_stream_keeps_nothing(client: httpx.AsyncClient, database: Database) -> None:
    assert await jobs.roll_up_streams(database) == 0
    answer = await get(client, PATH)
    assert (answer["periods"], answer["filled_until"], answer["sample_size"]) == ([], None, 0)


async def test_a_job_keeps_whole_days_weeks_and_months_and_then_rests(
    client: httpx.AsyncClient, database: Database
) -> None:
    await told(client, ("Backlog", day(0)), ("Analysis", day(1)), ("Production", day(3)))
    await create(client)  # today is not over
    assert await jobs.roll_up_streams(database) > 0
    assert await jobs.roll_up_streams(database) == 0
    days = await by_date(client)
    kept = days[day(3)[:10]]
    assert (kept["throughput"], kept["cycle_time_avg"], kept["lead_time_p85"]) == (1, 48, 72)
    assert [days[day(n)[:10]]["wip"] for n in range(4)] == [0, 1, 1, 0]
    assert sum(each["created"] for each in days.values()) == 1
    [week, *_] = await rollups(client, period_type="week")
    assert (week["throughput"], week["wip"], week["started"]) == (1, 2 / 7, 1)
    [month, *_] = await rollups(client, period_type="month")
    assert (month["throughput"], month["period_start"][8:10]) == (1, "01")


async def test_what_is_kept_is_what_the_metrics_tell(
    client: httpx.AsyncClient, database: Database
) -> None:
    for n in range(5):
        await told(client, ("Backlog", day(n)), ("Testing", day(n + 0.3)), ("Production", day(6)))
    await jobs.roll_up_streams(database)
    for period_type in ("day", "week", "month"):
        for kept in (await rollups(client, period_type=period_type))[:8]:
            window = {"start": kept["period_start"], "end": kept["period_end"]}
            live = await get(client, "/api/v1/metrics", **window)
            for name in ("throughput", "wip", "created", "reopened", *DURATIONS):
                assert kept[name] == live[name], (name, kept)


async def test_a_type_has_rows_of_its_own(client: httpx.AsyncClient, database: Database) -> None:
    await told(client, ("Testing", day(0)), ("Production", day(1)), type="bug")
    await jobs.roll_up_streams(database)
    for kind, expected in (("bug", 1), ("task", 0)):
        assert sum(each["throughput"] for each in await rollups(client, type=kind)) == expected


async def test_a_late_told_move_corrects_the_days_it_touches_and_no_others(
    client: httpx.AsyncClient, database: Database
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Production", day(4)))
    await jobs.roll_up_streams(database)
    before = await by_date(client)
    await move(client, item_id, "Analysis", day(2))
    stale = [each["date"] for each in await rollups(client) if each["stale"]]
    assert stale == [day(n)[:10] for n in (2, 3, 4)]
    await jobs.roll_up_streams(database)
    after = await by_date(client)
    changed = [each for each in after if before[each] != after[each]]
    assert changed == [day(n)[:10] for n in (2, 3, 4)]
    assert [after[each]["wip"] for each in changed] == [1, 1, 0]
    assert after[day(4)[:10]]["cycle_time_avg"] == 48
    assert not any(each["stale"] for each in after.values())


@pytest.mark.parametrize("verb", ["void", "cancel", "restore", "retype", "batch"])
async def test_every_kind_of_correction_leads_to_what_a_rebuild_gives(
    client: httpx.AsyncClient, database: Database, database_url: str, verb: str
) -> None:
    item_id = await told(client, ("Backlog", day(0)), ("Testing", day(2)))
    if verb == "restore":
        await act(client, item_id, "cancel", reason="no use", timestamp=day(3))
    await jobs.roll_up_streams(database)
    before = await all_kept(database)
    if verb == "void":
        mistaken = (await history(client, item_id))[1]["id"]
        path = f"{ITEMS}/{item_id}/transitions/{mistaken}/void"
        await client.post(path, json={"reason": "wrong card"})
    elif verb == "cancel":
        await act(client, item_id, "cancel", reason="no use", timestamp=day(3))
    elif verb == "restore":
        await act(client, item_id, "restore")
    elif verb == "retype":
        await client.patch(f"{ITEMS}/{item_id}", json={"type": "epic"})
    else:
        moves = [{"to_stage": "Production", "timestamp": day(5)}]
        item = {"title": "imported", "type": "task", "transitions": moves}
        assert (await client.post(f"{ITEMS}/batch", json={"items": [item]})).status_code == 201
    assert await jobs.roll_up_streams(database) > 0
    corrected = await all_kept(database)
    assert corrected != before
    await sql(database, "UPDATE flow_metrics SET throughput = 99")
    await rebuild(database_url, None)
    assert await all_kept(database) == corrected


async def all_kept(database: Database) -> list[Any]:
    columns = "period_type, date, type_filter, throughput, wip, wip_at_end, created_n, discarded_n"
    rows = await sql(database, f"SELECT {columns} FROM flow_metrics ORDER BY 1, 2, 3")  # noqa: S608
    return [*rows, *await sql(database, "SELECT * FROM total_counts ORDER BY 1, 2, 3, 4, 5")]


async def test_live_work_leaves_no_mark(client: httpx.AsyncClient, database: Database) -> None:
    item = await create(client)
    await move(client, item["id"], "Testing")
    await act(client, item["id"], "cancel", reason="no use")
    await act(client, item["id"], "restore")
    assert await sql(database, "SELECT count(*) FROM rollup_invalidations") == [(0,)]


async def test_a_spreadsheet_gets_csv(client: httpx.AsyncClient, database: Database) -> None:
    await told(client, ("Testing", day(0)), ("Production", day(1)))
    await jobs.roll_up_streams(database)
    query = {"start": day(0), "end": day(2)}
    answer = await client.get(PATH, params=query, headers={"accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["date"], row["throughput"], row["cycle_time_p50"]) for row in rows] == [
        (day(0)[:10], "0", ""),
        (day(1)[:10], "1", "24.0"),
    ]


@pytest.mark.parametrize(
    "query", [{"period_type": "year"}, {"type": "story"}, {"days": "3"}, {"start": "yesterday"}]
)
async def test_what_cannot_be_asked_is_refused(
    client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    problem(await client.get(PATH, params=query), 422, "invalid-request")


async def test_an_unknown_stream_is_not_found(client: httpx.AsyncClient) -> None:
    problem(await client.get(PATH, params={"stream": "nowhere"}), 404, "unknown-stream")


async def test_one_batch_takes_all_changes_it_saw_away_so_that_those_to_come_cannot_starve_it(
    client: httpx.AsyncClient, database: Database
) -> None:
    before, later = ((datetime.now(UTC) - timedelta(days=n)).isoformat() for n in (9, 3))
    item_id = await told(client, ("Backlog", before))
    await jobs.roll_up_streams(database)
    await move(client, item_id, "Testing", later)  # ever since, the item is elsewhere
    async with transaction(database) as connection:
        [stream_id] = await stream_ids(connection)
        done = await roll_up(connection, stream_id, BUCKET_HOURS)
        assert done is not None
        assert done.everything
        assert await invalidations.pending(connection, stream_id) == []
