"""An item's history tells what follows from its moves."""

import httpx

from tests.acceptance.helpers import act, create, day, get, told


async def test_a_reopened_item_keeps_its_first_times_and_shows_its_last(
    client: httpx.AsyncClient,
) -> None:
    item = await told(
        client,
        ("Backlog", day(0)),
        ("Development", day(0.25)),
        ("Production", day(1.25)),
        ("Testing", day(4.25)),
        ("Production", day(5.25)),
    )
    journey = await get(client, f"/api/v1/work-items/{item}/history")
    assert (journey["cycle_time"], journey["lead_time"]) == (24.0, 30.0)
    assert (journey["finished_at"], journey["final_finished_at"]) == (day(1.25), day(5.25))
    assert [(visit["stage"], visit["hours"]) for visit in journey["visits"][:-1]] == [
        ("Backlog", 6.0),
        ("Development", 24.0),
        ("Production", 72.0),
        ("Testing", 24.0),
    ]
    assert journey["visits"][-1]["ending"] == "open"
    assert journey["age"] is None


async def test_parked_time_is_the_part_of_the_cycle_time_spent_back_in_the_backlog(
    client: httpx.AsyncClient,
) -> None:
    item = await told(
        client,
        ("Backlog", day(0)),
        ("Analysis", day(1)),
        ("Backlog", day(2)),
        ("Development", day(5)),
        ("Production", day(6)),
    )
    journey = await get(client, f"/api/v1/work-items/{item}/history")
    assert (journey["cycle_time"], journey["parked_time"]) == (120.0, 72.0)


async def test_an_item_in_process_has_an_age_and_no_cycle_time(client: httpx.AsyncClient) -> None:
    item = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    journey = await get(client, f"/api/v1/work-items/{item}/history")
    assert journey["cycle_time"] is None
    assert journey["age"] > 24
    assert journey["visits"][-1]["exited"] is None


async def test_a_cancelled_item_has_neither_and_its_last_visit_ends_there(
    client: httpx.AsyncClient,
) -> None:
    item = await told(client, ("Backlog", day(0)), ("Analysis", day(1)))
    await act(client, item, "cancel", reason="superseded", timestamp=day(3))
    journey = await get(client, f"/api/v1/work-items/{item}/history")
    assert (journey["age"], journey["cycle_time"], journey["cancelled_at"]) == (None, None, day(3))
    assert journey["visits"][-1] == {
        "stage": "Analysis",
        "entered": day(1),
        "exited": day(3),
        "ending": "cancelled",
        "hours": 48.0,
    }


async def test_an_item_whose_every_move_was_voided_has_no_visit(client: httpx.AsyncClient) -> None:
    item = (await create(client))["id"]
    journey = await get(client, f"/api/v1/work-items/{item}/history")
    only = journey["transitions"][0]["id"]
    path = f"/api/v1/work-items/{item}/transitions/{only}/void"
    assert (await client.post(path, json={"reason": "mistake"})).status_code == 200
    journey = await get(client, f"/api/v1/work-items/{item}/history")
    assert journey["visits"] == journey["transitions"] == []
