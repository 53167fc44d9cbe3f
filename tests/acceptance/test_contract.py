"""The service's contract, through HTTP."""

import httpx


async def test_a_new_item_enters_backlog_at_the_instant_of_its_creation(
    client: httpx.AsyncClient,
) -> None:
    created = await client.post("/api/v1/work-items", json={"title": "Pay", "type": "feature"})
    item = created.json()
    assert created.status_code == 201
    assert item["current_stage"] == "Backlog"
    history = (await client.get(f"/api/v1/work-items/{item['id']}/history")).json()
    assert [move["from_stage"] for move in history["transitions"]] == [None]
    assert history["transitions"][0]["timestamp"] == item["created_at"]
