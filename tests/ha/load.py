"""A bounded load of writes that may be repeated, with a note of every one that was acknowledged.

Beside it, one reader reads an item and the metrics, and one client writes to PostgreSQL directly:
what that one cannot do either is the database's failover, not the service's.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise

import asyncpg
import httpx

STAGES = ("Analysis", "Development", "Testing", "Deployment", "Production")
WRITERS = 8
PAUSE = 0.03
"""Seconds that a writer rests: the load is there to notice gaps, not to fill the machine."""
AGAIN = 0.1
"""Seconds until a write that was not answered is sent again."""


@dataclass
class Noted:
    """What was seen from outside; instants are those of the monotonic clock."""

    items: dict[int, list[int]] = field(default_factory=dict)
    """Acknowledged items, each with its acknowledged moves."""
    writes: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    standby_reads: int = 0
    degraded_reads: int = 0
    repeated: int = 0
    longest_request: float = 0
    refused: dict[str, int] = field(default_factory=dict)

    def gap(self, instants: list[float], since: float) -> float:
        """Return the longest time without one of these, from an instant on."""
        later = [since, *(each for each in instants if each > since)]
        return max((b - a for a, b in pairwise(later)), default=0)


class Load:
    """Clients of the service behind a URL."""

    def __init__(self, url: str, dsns: list[str], timeout: float) -> None:
        self.noted = Noted()
        self._url = url
        self._dsns = dsns
        self._timeout = timeout
        self._ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Noted]:
        """Write, read and probe during the block; what was begun is finished after it."""
        writers = [asyncio.create_task(self._write(number)) for number in range(WRITERS)]
        others = [asyncio.create_task(each) for each in (self._read(), self._probe())]
        try:
            yield self.noted
        finally:
            self._ending = True
            await asyncio.gather(*writers)
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _write(self, number: int) -> None:
        async with self._client() as client:
            while not self._ending:
                with suppress(LookupError):  # an item that is lost is counted by the checks
                    await self._move_through(client, f"Item of writer {number}")

    async def _move_through(self, client: httpx.AsyncClient, title: str) -> None:
        """Create an item, and move it from stage to stage."""
        body = {"title": title, "type": "feature"}
        item = await self._until_acknowledged(client, "POST", "/api/v1/work-items", body)
        moves = self.noted.items.setdefault(int(item["id"]), [])
        for stage in STAGES:
            if self._ending:
                return
            path = f"/api/v1/work-items/{item['id']}/transition"
            moved = await self._until_acknowledged(client, "PUT", path, {"to_stage": stage})
            moves.append(int(moved["id"]))
            await asyncio.sleep(PAUSE)

    async def _until_acknowledged(
        self, client: httpx.AsyncClient, method: str, path: str, body: dict[str, str]
    ) -> dict[str, int]:
        """Send a write under one key until it is answered with success; whatever it takes.

        Raises LookupError when the item, whose creation was acknowledged, is not there.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        while True:
            began = time.monotonic()
            why = ""
            try:
                answer = await client.request(method, path, json=body, headers=headers)
                if answer.is_success:
                    self.noted.writes.append(time.monotonic())
                    found: dict[str, int] = answer.json()
                    return found
                why = answer.json()["type"].removeprefix("/problems/")
                if why == "unknown-item":
                    raise LookupError(path)
                assert answer.status_code == 503, answer.text
            except httpx.HTTPError as error:
                why = type(error).__name__
            finally:
                taken = time.monotonic() - began
                self.noted.longest_request = max(self.noted.longest_request, taken)
            self.noted.repeated += 1
            self.noted.refused[why] = self.noted.refused.get(why, 0) + 1
            await asyncio.sleep(AGAIN)

    async def _read(self) -> None:
        async with self._client() as client:
            while True:
                some = next(iter(self.noted.items), None)
                paths = [
                    "/api/v1/metrics?days=1",
                    *([f"/api/v1/work-items/{some}"] if some else []),
                ]
                for path in paths:
                    with suppress(httpx.HTTPError):
                        answer = await client.get(path)
                        if answer.is_success:
                            self.noted.reads.append(time.monotonic())
                            self.noted.standby_reads += "vsm-served-by" in answer.headers
                            self.noted.degraded_reads += "vsm-degraded" in answer.headers
                    await asyncio.sleep(0.05)

    async def _probe(self) -> None:
        """Commit to whichever server takes it, as a client would that knew at once which does."""
        tasks = [asyncio.create_task(self._probe_one(dsn)) for dsn in self._dsns]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _probe_one(self, dsn: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await asyncpg.connect(dsn, timeout=1)
                try:
                    while True:
                        late = loop.call_later(1, connection.terminate)
                        await connection.execute("INSERT INTO ha_probe VALUES (1)")
                        late.cancel()
                        self.noted.probes.append(time.monotonic())
                        await asyncio.sleep(0.05)
                finally:
                    connection.terminate()
            await asyncio.sleep(0.05)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, timeout=self._timeout)
