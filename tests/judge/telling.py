"""Histories in which everything happens, told over HTTP in whatever order, and what was told."""

import random
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.acceptance.helpers import ITEMS, MONDAY, stamp

KINDS = ("feature", "bug", "task", "epic")
DAYS = 60
Told = dict[str, Any]


class Teller:
    """Who tells the service of items, and remembers it."""

    def __init__(
        self, client: httpx.AsyncClient, stages: list[str], seed: int, stream: str
    ) -> None:
        self.client, self.stages, self.stream = client, stages, stream
        self.rng = random.Random(seed)
        self.items: list[Told] = []

    def instant(self) -> datetime:
        """Draw an instant: mostly a whole hour, sometimes midnight, sometimes any microsecond."""
        day = MONDAY + timedelta(days=self.rng.randrange(DAYS))
        kind = self.rng.random()
        if kind < 0.15:
            return day
        if kind < 0.8:
            return day + timedelta(hours=self.rng.randrange(24))
        return day + timedelta(microseconds=self.rng.randrange(86_400 * 10**6))

    def path(self) -> list[str]:
        """Draw a way through the stages, with skips, returns, repeats and reopenings."""
        place, last = self.rng.choice((0, 0, 0, 1, 3)), len(self.stages) - 1
        found = [self.stages[min(place, last)]]
        for _ in range(self.rng.randrange(14)):
            place += self.rng.choices((1, 2, 0, -1, -2, 5), weights=(12, 3, 1, 3, 2, 1))[0]
            place = min(max(place, 0), last)
            found.append(self.stages[place])
        return found

    def item(self) -> Told:
        """Draw an item; equal instants are likely."""
        begin = self.instant()
        moves, at = [], begin
        for stage in self.path():
            moves.append((stamp(at), stage))
            step = self.rng.choices((0, 1, 7, 24, 60), weights=(1, 3, 3, 4, 2))[0]
            at += timedelta(hours=step) * self.rng.choice((1, 1, self.rng.random()))
        created = begin + timedelta(hours=self.rng.choice((0, 0, 0, -30, 5)))
        if self.rng.random() < 0.05:
            at = max(at, created)
            moves = [(stamp(created), self.stages[0])]
        given_up = self.rng.random() < 0.15
        over = max(at, created) + timedelta(hours=self.rng.randrange(50))
        return {
            "type": self.rng.choice(KINDS),
            "created": stamp(created),
            "moves": moves,
            "cancelled": stamp(over) if given_up else None,
            "untold": len(moves) == 1 and moves[0] == (stamp(created), self.stages[0]),
        }

    async def tell(self, n: int) -> None:
        """Tell of so many items in one batch; some of their moves come later, some are mistakes."""
        told = [self.item() for _ in range(n)]
        kept_back = {number for number, item in enumerate(told) if self._may_be_late(item)}
        first = [
            # without moves, an item enters the first stage when it is created
            [] if item["untold"] else item["moves"][:1] if number in kept_back else item["moves"]
            for number, item in enumerate(told)
        ]
        answer = await self.client.post(
            f"{ITEMS}/batch",
            json={"stream": self.stream, "items": list(map(_as_batch_item, told, first))},
        )
        assert answer.status_code == 201, answer.text
        for item, item_id in zip(told, answer.json()["ids"], strict=True):
            item["id"] = item_id
        for number in kept_back:
            await self._tell_late(told[number])
        self.items += told

    def _may_be_late(self, item: Told) -> bool:
        return not item["cancelled"] and len(item["moves"]) > 1 and self.rng.random() < 0.4

    async def _tell_late(self, item: Told) -> None:
        """Tell all but the first move in any order; of equal instants, that of telling counts."""
        first, *others = item["moves"]
        self.rng.shuffle(others)
        item["moves"] = [first, *others]
        for at, stage in others:
            await self.move(item, at, stage)

    async def move(self, item: Told, at: str, stage: str) -> int:
        """Tell of one move."""
        body = {"to_stage": stage, "timestamp": at}
        answer = await self.client.put(f"{ITEMS}/{item['id']}/transition", json=body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["id"])

    async def correct(self) -> None:
        """Tell of late moves, make mistakes and take them back, and change types."""
        open_items = [item for item in self.items if not item["cancelled"]]
        for item in self.rng.sample(open_items, 8):
            late = (stamp(self.instant()), self.rng.choice(self.stages))
            await self.move(item, *late)
            item["moves"].append(late)
        for item in self.rng.sample(open_items, 6):
            mistake = await self.move(item, stamp(self.instant()), self.rng.choice(self.stages))
            path = f"{ITEMS}/{item['id']}/transitions/{mistake}/void"
            answer = await self.client.post(path, json={"reason": "a mistake"})
            assert answer.status_code == 200, answer.text
        for item in self.rng.sample(self.items, 4):
            item["type"] = self.rng.choice(KINDS)
            answer = await self.client.patch(f"{ITEMS}/{item['id']}", json={"type": item["type"]})
            assert answer.status_code == 200, answer.text


def _as_batch_item(item: Told, moves: list[tuple[str, str]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "title": "judged",
        "type": item["type"],
        "timestamp": item["created"],
        "transitions": [{"to_stage": stage, "timestamp": at} for at, stage in moves],
    }
    return told | ({"cancelled_at": item["cancelled"]} if item["cancelled"] else {})
