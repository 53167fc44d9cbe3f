"""The week of the fixture in a running service."""

import httpx

from tests.acceptance.helpers import ITEMS, as_batch_item
from tests.fixture_f1 import F1


async def store_week(client: httpx.AsyncClient) -> None:
    """Create the seven items in one batch."""
    answer = await client.post(f"{ITEMS}/batch", json={"items": [as_batch_item(t) for t in F1]})
    assert answer.status_code == 201, answer.text
