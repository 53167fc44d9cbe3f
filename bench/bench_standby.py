"""Numbers read from a standby while moves go to the primary, against both from the primary.

python bench/bench_standby.py [--items N] [--seconds N] [--rounds N]

Two PostgreSQL servers stream on this machine, fsync on, and each has a `vsm serve` beside it: one
reads all from the primary, one has the standby as DATABASE_READ_HOST. In turns each gets the same
load: wrk moves items from 16 clients, and four clients read the metrics of 90 days, none of them
from memory. At last the standby is stopped under load.
"""

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass, field

import asyncpg
import uvloop

from app.jobs import roll_up_streams
from app.store import schema
from app.store.database import open_database
from bench.generate import generate
from bench.harness import DURABLE, dsn, end_on_signals, verdict
from bench.http_client import HttpClient
from bench.load_tools import Service, machine, missing_tools, served
from tests.servers import SETTINGS, Server, end, primary

MOVERS, READERS = 16, 4
PATH = "/api/v1/metrics?days=90"
AT_MOST_STALE = 10.0
"""Seconds: the setting DATABASE_MAX_LAG, unsaid; staler standbys are not read."""


@dataclass
class Seen:
    """What the readers saw."""

    answers: int = 0
    errors: int = 0
    from_standby: int = 0
    staleness: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)


async def read(service: Service, seen: Seen) -> None:
    """Read metrics until cancelled."""
    client = HttpClient(service.url)
    while True:
        began = time.monotonic()
        reply = await client.send("GET", PATH, None, {"Cache-Control": "no-cache"})
        seen.gaps.append(time.monotonic() - began)
        seen.answers += 1
        seen.errors += bool(reply.problem)
        if reply.headers.get("vsm-served-by") == "standby":
            seen.from_standby += 1
            if (told := reply.headers["vsm-staleness"]) != "unknown":
                seen.staleness.append(float(told))


async def load(service: Service, seconds: int, items: int) -> tuple[float, float, Seen]:
    """Move and read at once; returns moves and readings per second."""
    seen = Seen()
    readers = [asyncio.create_task(read(service, seen)) for _ in range(READERS)]
    moves = await asyncio.to_thread(service.load, "move", MOVERS, seconds, items)
    for each in readers:
        each.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    seen.errors += moves.errors
    return moves.per_second, seen.answers / seconds, seen


async def compare(
    alone: Service, split: Service, standby: Server, asked: argparse.Namespace
) -> None:
    """Take both in turns; then stop the standby."""
    services = {"all from the primary": alone, "numbers from the standby": split}
    moves: dict[str, list[float]] = {name: [] for name in services}
    reads: dict[str, list[float]] = {name: [] for name in services}
    staleness: list[float] = []
    for _ in range(asked.rounds):
        for name, service in services.items():
            per_second, answers, seen = await load(service, asked.seconds, asked.items)
            moves[name].append(per_second)
            reads[name].append(answers)
            staleness += seen.staleness
    for name in services:
        print(
            f"{name}: {statistics.median(moves[name]):,.0f} moves/s,"
            f" {statistics.median(reads[name]):.1f} readings/s"
        )
    for what, rates in (("moves", moves), ("readings", reads)):
        one, other = (statistics.median(rates[name]) for name in services)
        print(f"  {what}, with / without the standby: {other / one:.2f}")
    print(f"  staleness told: median {statistics.median(staleness) * 1000:.0f} ms")
    verdict("  staleness at most, s", max(staleness), AT_MOST_STALE)
    stopping = asyncio.create_task(_stop_soon(standby, asked.seconds / 3))
    _, _, seen = await load(split, asked.seconds, asked.items)
    await stopping
    print(
        f"standby stopped: {seen.from_standby} of {seen.answers} answers were its own,"
        f" the longest took {max(seen.gaps):.1f} s"
    )
    verdict("  errors when the standby stopped", seen.errors, 0)


async def _stop_soon(standby: Server, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await asyncio.to_thread(standby.stop)


async def prepare(url: str, items: int) -> None:
    """Fill the primary, and roll it up."""
    await asyncio.to_thread(schema.upgrade, url)
    await generate(dsn(url), items)
    connection = await asyncpg.connect(dsn(url))
    await connection.execute("UPDATE work_items SET cancelled_at = NULL, cancel_reason = NULL")
    await connection.close()
    database = open_database(url)
    await roll_up_streams(database)
    await database.dispose()


def run(asked: argparse.Namespace) -> None:
    """Make the pair, and measure."""
    end_on_signals()
    SETTINGS.update(DURABLE)
    with primary() as main:
        asyncio.run(prepare(main.url, asked.items))
        standby = main.standby(main.folder.parent / "standby")
        standby.start()
        reading = {"DATABASE_READ_HOST": "127.0.0.1", "DATABASE_READ_PORT": str(standby.port)}
        try:
            with served(main.url) as alone, served(main.url, reading) as split:
                uvloop.run(compare(alone, split, standby, asked))
        finally:
            end(standby)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if reason := missing_tools():
        print(reason)
    else:
        print(machine())
        run(arguments)
