"""The mixed load of the soak: what its clients ask, how often, and what they may be told.

Each kind is a coroutine that sends one request and returns the problem that it was answered with,
empty for success. It notes what was acknowledged; a repeated write has to be answered as the first
time. What a kind is not allowed to be told is an error.
"""

import json
import random
import uuid
from array import array
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.http_client import HttpClient, Reply

STAGES = ("Backlog", "Analysis", "Development", "Testing", "Deployment", "Production")
ITEMS = "/api/v1/work-items"
BATCH = 10
LIMITED_STAGES: tuple[dict[str, Any], ...] = (
    {"name": "Queue", "category": "wait"},
    {"name": "Work", "category": "active", "wip_limit": 8, "wip_policy": "enforce"},
    {"name": "Check", "category": "active", "wip_limit": 4, "wip_policy": "warn"},
    {"name": "Done", "category": "done"},
)
LIMITED = {"key": "limited", "name": "A stream with limits", "stages": LIMITED_STAGES}
STREAMS = json.dumps({"version": 1, "value_streams": [LIMITED]}).encode()


@dataclass
class Noted:
    """What was acknowledged, and what later requests are about."""

    known: int
    """Items 1 to this one were there before."""
    items: "array[int]" = field(default_factory=lambda: array("q"))
    moves: "array[int]" = field(default_factory=lambda: array("q"))
    others: int = 0
    """Moves that are in the log as well, whose ids no answer tells."""
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=4000))
    limited: list[int] = field(default_factory=list)
    voidable: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=4000))
    blocks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=4000))
    repeatable: deque[tuple[str, str, object, str, Reply]] = field(
        default_factory=lambda: deque(maxlen=1000)
    )
    chance: random.Random = field(default_factory=random.Random)

    def item(self) -> int:
        """Return some item: a recent one, or one that was there before."""
        if self.recent and self.chance.random() < 0.5:  # noqa: PLR2004 - half of them
            return self.chance.choice(self.recent)
        return self.chance.randint(1, self.known)

    def created(self, item: int) -> None:
        """Note an item, whose first move is in the log as well."""
        self.items.append(item)
        self.recent.append(item)
        self.others += 1

    def moved(self, item: int, move: int) -> None:
        """Note a move."""
        self.moves.append(move)
        self.voidable.append((item, move))


Ask = Callable[[HttpClient, Noted], Awaitable[str]]


async def create(client: HttpClient, noted: Noted) -> str:
    """Create an item; one in four under a key."""
    body = {"title": "Pay by invoice", "type": noted.chance.choice(("feature", "bug", "task"))}
    reply = await _keyed(client, noted, "POST", ITEMS, body, 0.25)
    if reply.status == 201:  # noqa: PLR2004 - created
        noted.created(reply.json()["id"])
    return reply.problem


async def move(client: HttpClient, noted: Noted) -> str:
    """Move an item; one in four under a key."""
    item = noted.item()
    path, body = f"{ITEMS}/{item}/transition", {"to_stage": noted.chance.choice(STAGES)}
    return _noted(noted, item, await _keyed(client, noted, "PUT", path, body, 0.25))


async def repeat(client: HttpClient, noted: Noted) -> str:
    """Send a write again under its key: it is answered as the first time, and not done again."""
    if not noted.repeatable:
        return await create(client, noted)
    method, path, body, key, before = noted.chance.choice(noted.repeatable)
    reply = await client.send(method, path, body, {"Idempotency-Key": key})
    same = (reply.status, reply.body) == (before.status, before.body)
    return reply.problem or ("" if same else "answered differently")


async def move_limited(client: HttpClient, noted: Noted) -> str:
    """Move an item of the stream whose limits are enforced."""
    item = noted.chance.choice(noted.limited)
    path = f"{ITEMS}/{item}/transition"
    body = {"to_stage": noted.chance.choice(LIMITED_STAGES)["name"]}
    reply = await client.send("PUT", path, body)
    if not reply.problem:
        noted.moves.append(reply.json()["id"])
    return reply.problem


async def correct(client: HttpClient, noted: Noted) -> str:
    """Tell of a move that happened earlier."""
    item, ago = noted.item(), timedelta(seconds=noted.chance.randint(1, 3 * 86400))
    body = {
        "to_stage": noted.chance.choice(STAGES),
        "timestamp": (datetime.now(UTC) - ago).isoformat(),
        "reason": "told late",
    }
    return _noted(noted, item, await client.send("PUT", f"{ITEMS}/{item}/transition", body))


async def void(client: HttpClient, noted: Noted) -> str:
    """Take a move back."""
    if not noted.voidable:
        return await move(client, noted)
    item, made = noted.voidable.popleft()
    path = f"{ITEMS}/{item}/transitions/{made}/void"
    return (await client.send("POST", path, {"reason": "moved the wrong card"})).problem


async def block(client: HttpClient, noted: Noted) -> str:
    """Block an item, or end a block."""
    if len(noted.blocks) > 100:  # noqa: PLR2004 - so many are blocked at a time
        item, blocked = noted.blocks.popleft()
        return (await client.send("POST", f"{ITEMS}/{item}/blocks/{blocked}/end", {})).problem
    item = noted.item()
    reply = await client.send("POST", f"{ITEMS}/{item}/blocks", {"reason": "waits for a review"})
    if not reply.problem:
        noted.blocks.append((item, reply.json()["id"]))
    return reply.problem


async def change(client: HttpClient, noted: Noted) -> str:
    """Give an item another title, cancel it, or restore it."""
    item = noted.item()
    method, path, body = noted.chance.choice(
        (
            ("PATCH", "", {"title": "Pay by invoice or card"}),
            ("POST", "/cancel", {"reason": "superseded"}),
            ("POST", "/restore", {}),
        )
    )
    return (await client.send(method, f"{ITEMS}/{item}{path}", body)).problem


async def batch(client: HttpClient, noted: Noted) -> str:
    """Create items with three moves each."""
    start = datetime.now(UTC) - timedelta(days=noted.chance.uniform(0, 5))
    moves = [
        {"to_stage": stage, "timestamp": (start + timedelta(minutes=step)).isoformat()}
        for step, stage in enumerate(STAGES[:3])
    ]
    items = [{"title": "In a batch", "type": "task", "transitions": moves}] * BATCH
    reply = await client.send("POST", f"{ITEMS}/batch", {"items": items})
    if reply.problem:
        return reply.problem
    ids = reply.json()["ids"]
    noted.items.extend(ids)
    noted.recent.extend(ids)
    noted.others += len(moves) * BATCH
    return ""


async def wrong(client: HttpClient, noted: Noted) -> str:
    """Ask for what is refused: a field, a stage, an item, a version that is not right."""
    item = noted.item()
    refusals: tuple[tuple[str, str, object, dict[str, str], str], ...] = (
        ("POST", ITEMS, {"title": "", "type": "feature"}, {}, "invalid-request"),
        ("POST", ITEMS, b'{"title": ', {}, "invalid-request"),
        ("PUT", f"{ITEMS}/{item}/transition", {"to_stage": "Nowhere"}, {}, "unknown-stage"),
        ("PUT", f"{ITEMS}/{10**15}/transition", {"to_stage": "Testing"}, {}, "unknown-item"),
        ("GET", "/api/v1/metrics?days=many", None, {}, "invalid-request"),
        ("GET", "/api/v1/nothing", None, {}, "no-such-path"),
        ("PATCH", f"{ITEMS}/{item}", {"title": "x"}, {"If-Match": '"0"'}, "precondition-failed"),
    )
    method, path, body, headers, expected = noted.chance.choice(refusals)
    problem = (await client.send(method, path, body, headers)).problem
    allowed = (expected, "item-cancelled") if expected == "unknown-stage" else (expected,)
    return "" if problem in allowed else f"{problem or 'success'}, expected {expected}"


def read(path: str) -> Ask:
    """Return the kind that reads this path, of some item where it names one."""

    async def ask(client: HttpClient, noted: Noted) -> str:
        return (await client.send("GET", path.format(item=noted.item()))).problem

    return ask


@dataclass(frozen=True)
class Kind:
    """One kind of request: its share of all, and what it may be told."""

    ask: Ask
    weight: float
    expected: tuple[str, ...] = ()


GONE = "item-cancelled"
KINDS = {
    "create": Kind(create, 10),
    "move": Kind(move, 34, (GONE,)),
    "repeat": Kind(repeat, 3),
    "move_limited": Kind(move_limited, 3, ("wip-limit-reached",)),
    "correct": Kind(correct, 1.5, (GONE, "invalid-value")),
    "void": Kind(void, 1.5, (GONE, "transition-voided")),
    "block": Kind(block, 1.5, (GONE, "block-ended")),
    "change": Kind(change, 1.5, (GONE, "item-not-cancelled")),
    "batch": Kind(batch, 0.6),
    "wrong": Kind(wrong, 2),
    "history": Kind(read(f"{ITEMS}/{{item}}/history"), 18),
    "item": Kind(read(f"{ITEMS}/{{item}}"), 14),
    "list": Kind(read(f"{ITEMS}?limit=50"), 6),
    "metrics": Kind(read("/api/v1/metrics?days=30"), 0.3),
    "map": Kind(read("/api/v1/value-stream-map?days=30"), 0.15),
    "aging": Kind(read("/api/v1/metrics/aging?days=30"), 0.1),
    "stages": Kind(read("/api/v1/metrics/stages?days=30"), 0.15),
    "cumulative_flow": Kind(read("/api/v1/metrics/cumulative-flow?days=30"), 0.1),
    "scrape": Kind(read("/metrics"), 0.1),
}


def _noted(noted: Noted, item: int, reply: Reply) -> str:
    if not reply.problem:
        noted.moved(item, reply.json()["id"])
    return reply.problem


async def _keyed(
    client: HttpClient, noted: Noted, method: str, path: str, body: object, share: float
) -> Reply:
    """Send a write; this share of them under a key, and to be repeated."""
    if noted.chance.random() >= share:
        return await client.send(method, path, body)
    key = uuid.uuid4().hex
    reply = await client.send(method, path, body, {"Idempotency-Key": key})
    if not reply.problem:
        noted.repeatable.append((method, path, body, key, reply))
    return reply
