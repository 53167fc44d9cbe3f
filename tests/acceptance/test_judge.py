"""Every field of every analytical answer is what an independent brute force computes.

The histories are told over HTTP, in any order, corrected, rolled up, and corrected again; windows
are cut at random, across changes of the clocks, by the types asked for and as of the past.
"""

import math
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml

from app import jobs
from app.store import rollups
from app.store.database import open_database, transaction
from app.telemetry import BUCKET_HOURS
from app.usecases.rebuild import rebuild
from tests.acceptance.helpers import METRICS, MONDAY, get, stamp
from tests.conftest import fresh_database, running_client
from tests.judge import doubts, views
from tests.judge.items import NOWHERE, Board, Item, us
from tests.judge.numbers import HOUR, Span
from tests.judge.telling import DAYS, KINDS, Teller
from tests.judge.verdict import agree, expected_metrics, of_type

WAITING = {
    "version": 1,
    "value_streams": [
        {
            "key": "judged",
            "name": "Judged",
            "time_zone": "America/Havana",
            "stages": [
                {"name": "Ideas", "category": "wait"},
                {"name": "Ready", "category": "wait"},
                {"name": "Build", "category": "active"},
                {"name": "Review", "category": "wait"},
                {"name": "Verify", "category": "active"},
                {"name": "Approval", "category": "wait"},
                {"name": "Live", "category": "done"},
                {"name": "Learnt", "category": "done"},
            ],
        }
    ],
}
ZONES = ("UTC", "Europe/Berlin", "America/Havana", "America/Santiago", "Australia/Lord_Howe")


@dataclass
class Court:
    """A service, and what was told to it."""

    client: httpx.AsyncClient
    url: str
    teller: Teller
    board: Board
    rng: random.Random

    async def case(self) -> tuple[dict[str, Any], Span]:
        """Draw a question, and what it is about."""
        hours = sorted(self.rng.sample(range(-24, (DAYS + 20) * 24), 2))
        jitter = timedelta(microseconds=self.rng.choice((0, 0, self.rng.randrange(HOUR))))
        start, end = (MONDAY + timedelta(hours=each) + jitter for each in hours)
        as_of = self.rng.choice((end, end + timedelta(days=3), MONDAY + timedelta(days=DAYS + 90)))
        types = self.rng.choice((None, None, ["bug"], ["bug", "task", "epic"]))
        asked = {"start": start, "end": end, "as_of": as_of}
        query: dict[str, Any] = {name: stamp(instant) for name, instant in asked.items()}
        query |= {"stream": self.teller.stream, "tz": self.rng.choice(ZONES)}
        query |= {"type": types} if types else {}
        return query, self.span(us(start), us(end), us(as_of), types)

    def span(self, start: int, end: int, as_of: int, types: list[str] | None = None) -> Span:
        """Bring what was told into normal form, as of an instant."""
        known = (Item.of(told, self.board, as_of) for told in self.teller.items)
        items = [item for item in known if item and (types is None or item.type in types)]
        return Span(items, self.board, start, end, as_of)


@pytest.fixture(scope="module", params=[("default", 1), ("default", 2), ("judged", 3)])
async def court(
    request: pytest.FixtureRequest, server_url: str, template: str
) -> AsyncIterator[Court]:
    """A service whose history was told, rolled up, and corrected since."""
    stream, seed = request.param
    async with fresh_database(server_url, template) as url, running_client(url) as client:
        content = yaml.safe_dump(WAITING)
        yaml_type = {"Content-Type": "application/yaml"}
        answer = await client.post(
            "/api/v1/value-streams/apply", content=content, headers=yaml_type
        )
        assert answer.status_code == 200, answer.text
        stages = (await client.get("/api/v1/stages", params={"stream": stream})).json()
        teller = Teller(client, [each["name"] for each in stages], seed, stream)
        await teller.tell(70)
        await teller.correct()
        database = open_database(url)
        await jobs.roll_up_streams(database)
        await database.dispose()
        await teller.correct()
        yield Court(client, url, teller, Board.of(stages), random.Random(seed))


ROUNDS = range(4)


@pytest.mark.parametrize("turn", ROUNDS)
async def test_the_metrics_are_what_brute_force_computes(court: Court, turn: int) -> None:
    query, span = await court.case()
    found = await get(court.client, METRICS, **query, group_by="type")
    agree(found, expected_metrics(span) | {"excluded": span.excluded}, f"{turn}:{query}")
    n = len(span.finished)
    assert found["low_confidence"] == ["p85"] * (0 < n <= 6) + ["p95"] * (0 < n <= 19)
    for group in found["groups"]:
        agree(group, expected_metrics(of_type(span, group["type"])), group["type"])
        agree(found["by_type"][group["type"]], of_type(span, group["type"]).numbers())


@pytest.mark.parametrize("turn", ROUNDS)
async def test_stages_and_map_are_what_brute_force_computes(court: Court, turn: int) -> None:
    query, span = await court.case()
    quality, n, ladder = span.quality(), len(span.finished), span.ladder()
    found = await get(court.client, f"{METRICS}/stages", **query)
    totals = {
        "avg_wip": span.numbers()["wip"],
        "lead_time_avg": span.numbers()["lead_time_avg"],
        "cycle_time_avg": span.numbers()["cycle_time_avg"],
        "unplaced_time_avg": ladder[NOWHERE] / HOUR / n if n else None,
        "active_time_avg": span.efficiency()["active_us"] / HOUR / n if n else None,
        "rework_moves": quality["rework_moves"],
        "rework_time_total": quality["rework_us"] / HOUR,
        "returns_unattributed": quality["unattributed"],
    }
    agree(found["totals"], totals, f"{turn}:{query}")
    mapped = await get(court.client, "/api/v1/value-stream-map", **query)
    active = [k for k in span.board.order if span.board.category[k] == "active"]
    for stage in mapped["stages"]:
        name = stage["name"]
        mean = ladder[name] / HOUR / n if n else None
        is_active = name in active
        agree(
            stage,
            {
                "process_time": mean if is_active else (None if mean is None else 0.0),
                "wait_time": mean if not is_active else (None if mean is None else 0.0),
                "pct_ca": quality["pct_ca"].get(name),
                "wip": span.stage(name, quality)["wip_at_end"],
                "visits": span.stage(name, quality)["visits"],
            },
            name,
        )
    loops = {
        (each["from_stage"], each["to_stage"]): each["moves"] for each in mapped["rework_loops"]
    }
    assert loops == dict(quality["loops"])


@pytest.mark.parametrize("size", ["day", "week", "month"])
async def test_series_and_lines_are_what_brute_force_computes(court: Court, size: str) -> None:
    query, span = await court.case()
    tz = ZoneInfo(query["tz"])
    found = await get(court.client, f"{METRICS}/series", **query, bucket=size)
    agree(found["series"][0]["points"], views.series(span, size, tz), str(query))
    lines = await get(
        court.client, f"{METRICS}/cumulative-flow", **query, bucket=size, from_beginning=True
    )
    agree(lines["points"], views.lines(span, size, tz), str(query))
    agree(lines["opening"], views.standing(span, span.start), str(query))


@pytest.mark.parametrize("turn", ROUNDS)
async def test_laws_and_promises_are_what_brute_force_computes(court: Court, turn: int) -> None:
    query, span = await court.case()
    agree(await get(court.client, f"{METRICS}/littles-law", **query), views.little(span), f"{turn}")
    kept = await get(court.client, f"{METRICS}/predictability", **query)
    agree(kept, views.promise_kept(span), str(query))
    aged = await get(court.client, f"{METRICS}/aging", **query)
    aged["items"].sort(key=lambda each: each["id"])
    agree(aged, views.aging(span), str(query))
    points = (await get(court.client, f"{METRICS}/scatter", **query))["points"]
    assert sorted((each["id"], us(each["finished_at"]), each["cycle_time"]) for each in points) == [
        (item.id, item.finished, ((item.finished or 0) - (item.started or 0)) / HOUR)
        for item in sorted(span.finished, key=lambda each: each.id)
    ]
    binned = await get(court.client, f"{METRICS}/histogram", **query)
    for each in binned["bins"]:
        inside = [c for c in span.cycles() if each["from_hours"] <= c / HOUR < each["to_hours"]]
        assert len(inside) == each["count"]
    assert sum(each["count"] for each in binned["bins"]) == len(span.finished)
    shared = await get(court.client, f"{METRICS}/distribution", **query)
    assert {each["type"]: each["throughput"] for each in shared["types"] if each["throughput"]} == {
        kind: n for kind in KINDS if (n := len(of_type(span, kind).finished))
    }


@pytest.mark.parametrize("turn", ROUNDS)
async def test_doubts_and_evidence_are_what_brute_force_computes(court: Court, turn: int) -> None:
    query, span = await court.case()
    odd = await get(court.client, "/api/v1/data-quality", **query, limit=100)
    findings = doubts.findings(span)
    for each in odd["findings"]:
        if each["rule"] in findings:
            population, count, items = findings[each["rule"]]
            assert (each["population"], each["count"]) == (population, count), (turn, each, query)
            assert each["items_total"] == len(items), each
            assert [item["id"] for item in each["items"]] == sorted(items)[:100], each
    back = await get(court.client, f"{METRICS}/reopen-rate", **query)
    agree(back["weeks"], doubts.reopened(span, ZoneInfo(query["tz"])), str(query))
    held_up = await get(court.client, f"{METRICS}/bottleneck", **query)
    for stage in held_up["stages"]:
        agree(
            stage, doubts.evidence(span, us(held_up["observed_from"]), stage["stage"]), str(query)
        )


async def test_a_rebuild_changes_no_answer(court: Court) -> None:
    """What was kept, marked and kept anew is what is computed from the beginning."""
    asked = [await court.case() for _ in range(3)]
    paths = [METRICS, "/api/v1/value-stream-map", "/api/v1/data-quality", f"{METRICS}/series"]
    questions = [(path, query) for path in paths for query, _ in asked]
    kept = f"{METRICS}/rollups"
    before = [await get(court.client, path, **query) for path, query in questions]
    database = open_database(court.url)
    periods = [{"stale": True}]
    while any(each["stale"] for each in periods):  # the service's own job may have its turn
        await jobs.roll_up_streams(database)
        periods = (await get(court.client, kept, stream=court.teller.stream))["periods"]
    async with transaction(database) as connection:
        for stream_id in await rollups.stream_ids(connection):
            await rebuild(connection, stream_id, BUCKET_HOURS)
    await database.dispose()
    assert [await get(court.client, path, **query) for path, query in questions] == before
    after = (await get(court.client, kept, stream=court.teller.stream))["periods"]
    assert len(after) == len(periods) > DAYS
    for one, other in zip(periods, after, strict=True):
        assert one | {"recomputed_at": ""} == other | {"recomputed_at": ""}


@pytest.mark.parametrize("turn", ROUNDS)
async def test_windows_that_are_cut_anywhere_add_up(court: Court, turn: int) -> None:
    """Counts and integrals of adjacent windows are those of both together."""
    query, span = await court.case()
    cuts = sorted(
        {span.start, span.end, *(court.rng.randrange(span.start, span.end) for _ in "123")}
    )
    counted = ("throughput", "started", "created", "discarded", "reopened", "recompleted")
    whole = await get(court.client, METRICS, **query)
    pieces = []
    for start, end in pairwise(cuts):
        ends = {"start": stamp(_instant(start)), "end": stamp(_instant(end))}
        pieces.append((end - start, await get(court.client, METRICS, **query | ends)))
    for name in (*counted, "decommits", "net_completed", "cycle_time_count"):
        assert sum(piece[name] for _, piece in pieces) == whole[name], (turn, name)
    area = sum(length * piece["wip"] for length, piece in pieces)
    assert math.isclose(area, whole["wip"] * (span.end - span.start), rel_tol=1e-9)
    for number, stage in enumerate(whole["stages"]):
        for name in ("arrivals", "departures", "visits", "instant_visits", "forward_exits"):
            assert sum(piece["stages"][number][name] for _, piece in pieces) == stage[name], name


def _instant(at: int) -> Any:
    return MONDAY + timedelta(microseconds=at - us(MONDAY))
