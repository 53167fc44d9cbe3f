"""Files of public projects: imported over HTTP, every number is what brute force computes.

What is judged are the histories as the service tells them, item by item.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.acceptance.helpers import ITEMS, METRICS, get, stamp
from tests.conftest import fresh_database, running_client
from tests.judge import views
from tests.judge.items import EPOCH, Board, Item, us
from tests.judge.numbers import HOUR, Span
from tests.judge.verdict import agree, expected_metrics, of_type

DATA = Path(__file__).resolve().parents[3] / "shared/data"
PUBLIC: dict[str, tuple[str, dict[str, Any]]] = {
    "dates of 266 items": (
        "letpeoplework-csv/ExampleFile.csv",
        {"date_format": "mdy", "map": ["Activated=Development", "Closed=Production"]},
    ),
    "issues with a changelog": (
        "mrreasonable-jira-with-expected/jira/search_issues.json",
        {"map": ["Next=Analysis", "Build=Development", "QA=Testing", "Done=Production"]},
    ),
    "issues of a cloud": ("jirametrics-jira-cloud/complete_sample/sample_issues/SP-*.json", {}),
}
LATER = datetime(2026, 1, 1, tzinfo=EPOCH.tzinfo)


@dataclass
class Project:
    """A service with the histories of a project, and the same as it tells them."""

    client: httpx.AsyncClient
    told: list[dict[str, Any]]
    board: Board

    def span(self, start: int, end: int, as_of: int) -> Span:
        """Bring the histories into normal form, as of an instant."""
        known = (Item.of(told, self.board, as_of) for told in self.told)
        return Span([item for item in known if item], self.board, start, end, as_of)


@pytest.fixture(scope="module", params=PUBLIC)
async def project(
    request: pytest.FixtureRequest, server_url: str, template: str
) -> AsyncIterator[Project]:
    pattern, how = PUBLIC[request.param]
    files = sorted(DATA.glob(pattern))
    if not files:
        pytest.skip(f"the public data set is not beside the checkout: {pattern}")
    async with fresh_database(server_url, template) as url, running_client(url) as client:
        for file in files:
            answer = await client.post(
                "/api/v1/imports", params=how | {"file": file.name}, content=file.read_bytes()
            )
            assert answer.status_code in (200, 201), answer.text
        stages = (await client.get("/api/v1/stages")).json()
        yield Project(client, await told_by(client), Board.of(stages))


async def told_by(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Return every item with its moves, as the judge wants it."""
    items, following = list[dict[str, Any]](), f"{ITEMS}?limit=100"
    while following:
        page = await client.get(following)
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        following = page.links.get("next", {}).get("url", "")
    return [
        {
            "id": item["id"],
            "type": item["type"],
            "created": item["created_at"],
            "cancelled": item["cancelled_at"],
            "moves": [
                (move["timestamp"], move["to_stage"])
                for move in (await get(client, f"{ITEMS}/{item['id']}/history"))["transitions"]
            ],
            "blocks": [
                (block["started_at"], block["ended_at"])
                for block in (await client.get(f"{ITEMS}/{item['id']}/blocks")).json()
            ],
        }
        for item in items
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_every_number_of_a_public_history_is_what_brute_force_computes(
    project: Project, seed: int
) -> None:
    rng = random.Random(seed)
    instants = [us(at) for told in project.told for at, _ in told["moves"]]
    first, last = min(instants) - 30 * HOUR, max(instants) + 30 * HOUR
    start, end = sorted(rng.sample(range(first // HOUR, last // HOUR), 2))
    if seed == 0:
        start, end = first // HOUR, last // HOUR
    as_of = LATER if seed % 2 == 0 else EPOCH + timedelta(hours=end)
    asked = {"start": EPOCH + timedelta(hours=start), "end": EPOCH + timedelta(hours=end)}
    query = {name: stamp(each) for name, each in asked.items()} | {"as_of": stamp(as_of)}
    span = project.span(start * HOUR, end * HOUR, us(as_of))
    found = await get(project.client, METRICS, **query)
    agree(found, expected_metrics(span) | {"excluded": span.excluded}, str(query))
    for kind, numbers in found["by_type"].items():
        agree(numbers, of_type(span, kind).numbers(), kind)
    weekly = query | {"bucket": "week", "tz": "Europe/Berlin"}
    points = (await get(project.client, f"{METRICS}/series", **weekly))["series"][0]["points"]
    agree(points, views.series(span, "week", ZoneInfo("Europe/Berlin")), str(query))
    aged = await get(project.client, f"{METRICS}/aging", **query)
    aged["items"].sort(key=lambda each: each["id"])
    agree(aged, views.aging(span), str(query))
    agree(await get(project.client, f"{METRICS}/littles-law", **query), views.little(span))
