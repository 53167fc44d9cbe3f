"""What acceptance tests say again and again: make an item, move it, read it, expect a problem."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text, update

from app.domain.work_item import ItemHistory
from app.domain.working_time import WorkingCalendar, from_plain, to_plain
from app.store import clocks, tables, value_streams
from app.store.database import Database, open_database, transaction

ITEMS = "/api/v1/work-items"
METRICS = "/api/v1/metrics"
MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
"""Day 0 of histories that tests tell."""

OFFICE = from_plain({"hours": {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu")}})
"""Hours of a team that never works on Fridays."""

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"


def day(number: float) -> str:
    """Return the instant so many days after MONDAY, as the API wants it."""
    return stamp(MONDAY + timedelta(days=number))


def stamp(instant: datetime) -> str:
    """Write an instant as the API does."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ahead(**amount: float) -> str:
    """Return an instant that lies so far in the future."""
    return stamp(datetime.now(UTC) + timedelta(**amount))


def as_batch_item(told: ItemHistory) -> dict[str, Any]:
    """Write an item's history as a batch wants it."""
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


async def create(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    """Create an item, a feature unless said otherwise."""
    answer = await client.post(ITEMS, json={"title": "Pay by invoice", "type": "feature"} | fields)
    assert answer.status_code == 201, answer.text
    return parsed(answer)


async def move(
    client: httpx.AsyncClient, item_id: int, to_stage: str, timestamp: str | None = None
) -> dict[str, Any]:
    """Move an item, now or at an instant."""
    body = {"to_stage": to_stage} | ({"timestamp": timestamp} if timestamp else {})
    answer = await client.put(f"{ITEMS}/{item_id}/transition", json=body)
    assert answer.status_code == 200, answer.text
    return parsed(answer)


async def told(client: httpx.AsyncClient, *moves: tuple[str, str], **fields: Any) -> int:
    """Create an item that entered the first stage named, then made the other moves, in order."""
    (stage, timestamp), *others = moves
    item = await create(client, stage=stage, timestamp=timestamp, **fields)
    for later_stage, later in others:
        await move(client, item["id"], later_stage, later)
    return int(item["id"])


async def act(client: httpx.AsyncClient, item_id: int, verb: str, **body: Any) -> dict[str, Any]:
    """Cancel or restore an item."""
    answer = await client.post(f"{ITEMS}/{item_id}/{verb}", json=body or None)
    assert answer.status_code == 200, answer.text
    return parsed(answer)


async def read(client: httpx.AsyncClient, item_id: int) -> dict[str, Any]:
    """Return an item."""
    return await get(client, f"{ITEMS}/{item_id}")


async def history(client: httpx.AsyncClient, item_id: int, **query: Any) -> list[dict[str, Any]]:
    """Return an item's moves."""
    found = await get(client, f"{ITEMS}/{item_id}/history", **query)
    moves: list[dict[str, Any]] = found["transitions"]
    return moves


async def chain(client: httpx.AsyncClient, item_id: int) -> list[tuple[str | None, str]]:
    """Return an item's moves as pairs of stages left and entered."""
    return [(each["from_stage"], each["to_stage"]) for each in await history(client, item_id)]


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    """Return what a successful GET answers."""
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return parsed(answer)


def parsed(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object that an answer holds."""
    body = answer.json()
    assert isinstance(body, dict)
    return body


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """Return the problem that was answered, after checking what holds for every problem."""
    body = parsed(answer)
    assert (answer.status_code, body["type"]) == (status, f"/problems/{name}"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert set(body) <= {"type", "title", "status", "detail", "errors", "request_id"}
    for internal in ("sqlalchemy", "asyncpg", "traceback", "psycopg", "select ", "pydantic"):
        assert internal not in answer.text.lower()
    return body


def fields(body: dict[str, Any]) -> list[str]:
    """Return the parts of the request that a problem names."""
    return [part["field"] for part in body.get("errors", [])]


async def sql(database: Database, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Run a statement as a user of the database would, and commit."""
    async with transaction(database) as connection:
        result = await connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


async def describe(url: str, calendar: WorkingCalendar = OFFICE, *, filled: bool = True) -> None:
    """Say when the default stream works, as its stream file would."""
    database = open_database(url)
    async with transaction(database) as connection:
        streams = tables.value_streams
        plain = to_plain(calendar)
        await connection.execute(
            update(streams).where(streams.c.is_default).values(working_time=plain)
        )
        if filled:
            await clocks.fill(connection, await value_streams.load(connection))
    await database.dispose()


async def assert_log_and_facts_agree(database: Database) -> None:
    """Check every item: the chain of its moves is unbroken, and its facts follow from them."""
    assert await sql(database, _BROKEN) == []
    assert await sql(database, _UNTRUE) == []


_BROKEN = """
    SELECT * FROM (
        SELECT id, work_item_id, from_stage_id,
               lag(to_stage_id) OVER (PARTITION BY work_item_id ORDER BY timestamp, id) AS left_one
        FROM stage_transitions WHERE voided_at IS NULL
    ) moves WHERE from_stage_id IS DISTINCT FROM left_one
"""
_UNTRUE = """
    SELECT i.id
    FROM work_items i
    LEFT JOIN (
        SELECT t.work_item_id, min(t.timestamp) AS first, max(t.timestamp) AS last,
               min(t.timestamp) FILTER (WHERE s.category = 'done') AS finished,
               min(t.timestamp) FILTER (WHERE s.category <> 'wait') AS started
        FROM stage_transitions t JOIN stages s ON s.id = t.to_stage_id
        WHERE t.voided_at IS NULL
        GROUP BY t.work_item_id
    ) log ON log.work_item_id = i.id
    WHERE (i.effective_created_at, i.started_at, i.finished_at, i.last_transition_at)
          IS DISTINCT FROM
          (least(i.created_at, log.first), log.started, log.finished, log.last)
       OR i.current_stage_id IS DISTINCT FROM
          (SELECT to_stage_id FROM stage_transitions
           WHERE work_item_id = i.id AND voided_at IS NULL
           ORDER BY timestamp DESC, id DESC LIMIT 1)
"""
