"""A service with a history in which everything happens that can happen to items."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import accumulate

import httpx

from app import jobs
from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType
from app.store.database import open_database
from tests.acceptance.helpers import ITEMS, MONDAY, as_batch_item, day, move
from tests.conftest import fresh_database, running_client

ITEMS_TOLD = 60
DAYS = 42
"""From MONDAY on; so long is the history."""


def generated(seed: int = 7) -> list[ItemHistory]:
    """Tell of items that skip stages, go back, come back from done, are given up, or wait."""
    rng = random.Random(seed)
    kinds = list(WorkItemType)
    return [_history(rng, rng.choice(kinds)) for _ in range(ITEMS_TOLD)]


def _history(rng: random.Random, kind: WorkItemType) -> ItemHistory:
    stages = DEFAULT_STREAM.stages
    steps = rng.choices((1, 2, -1, -3), weights=(10, 3, 3, 1), k=rng.randrange(12))
    places = accumulate(steps, lambda at, by: min(max(at + by, 0), len(stages) - 1), initial=0)
    # on whole hours, so that some coincide with one another and with edges of buckets
    begin = rng.randrange(DAYS * 24 // 2)
    hours = [begin, *sorted(begin + rng.randrange(DAYS * 24 - begin) for _ in steps)]
    entries = [MONDAY + timedelta(hours=hour) for hour in hours]
    given_up = rng.random() < 0.2
    return ItemHistory(
        title=f"Told {begin}",
        type=kind,
        created_at=entries[0] - timedelta(hours=rng.choice((0, 0, 30))),
        transitions=tuple(
            Transition(stages[place].name, at) for place, at in zip(places, entries, strict=True)
        ),
        cancelled_at=entries[-1] + timedelta(hours=rng.randrange(72)) if given_up else None,
    )


@asynccontextmanager
async def rich_client(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve it: told in one batch, then corrected by late news, voids and blocks."""
    async with fresh_database(server_url, template) as url, running_client(url) as client:
        batch = {"items": [as_batch_item(each) for each in generated()]}
        answer = await client.post(f"{ITEMS}/batch", json=batch)
        assert answer.status_code == 201, answer.text
        found = (await client.get(ITEMS, params={"limit": 500})).json()["items"]
        live = [each["id"] for each in found if each["cancelled_at"] is None]
        for item_id in live[::7]:
            await move(client, item_id, "Testing", day(DAYS - 6.5))  # tidings that come late
        for item_id in live[3::9]:
            await _void_last(client, item_id)
        for number, item_id in enumerate(live[::3]):
            over = {"ended_at": day(35 + number % 4)} if number % 3 else {}
            body = {"reason": "waits for an answer", "started_at": day(20 + number % 12), **over}
            blocked = await client.post(f"{ITEMS}/{item_id}/blocks", json=body)
            assert blocked.status_code == 201, blocked.text
        database = open_database(url)
        await jobs.roll_up_streams(database)  # most days are kept then, the last ones are not
        await database.dispose()
        yield client


async def _void_last(client: httpx.AsyncClient, item_id: int) -> None:
    moves = (await client.get(f"{ITEMS}/{item_id}/history")).json()["transitions"]
    path = f"{ITEMS}/{item_id}/transitions/{moves[-1]['id']}/void"
    answer = await client.post(path, json={"reason": "a mistake"})
    assert answer.status_code == 200, answer.text
