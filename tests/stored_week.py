"""The week of the fixture in a running service."""

from typing import Any

import httpx

from app.domain.work_item import ItemHistory
from tests.acceptance.helpers import ITEMS, stamp
from tests.fixture_f1 import F1


def as_batch_item(told: ItemHistory) -> dict[str, Any]:
    """Write an item as a batch wants it."""
    item: dict[str, Any] = {
        "title": told.title,
        "type": str(told.type),
        "timestamp": stamp(told.created_at),
        "transitions": [
            {"to_stage": move.to_stage, "timestamp": stamp(move.timestamp)}
            for move in told.transitions
        ],
    }
    return item | ({"cancelled_at": stamp(told.cancelled_at)} if told.cancelled_at else {})


async def store_week(client: httpx.AsyncClient) -> None:
    """Create the seven items in one batch."""
    answer = await client.post(f"{ITEMS}/batch", json={"items": [as_batch_item(t) for t in F1]})
    assert answer.status_code == 201, answer.text
