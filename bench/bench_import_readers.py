"""Who reads and moves while an import runs: latencies before it and during it, and waits for locks.

python bench/bench_import_readers.py [--items N] [--seconds N]

`vsm serve` with one worker answers four readers of the metrics of 30 days, none of it from memory,
and four movers of items, each of whom rests 50 ms. Then `vsm import` reads a CSV of N new items
with five moves each into the same stream, in a process of its own.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import uvloop

from bench.bench_import import run_import, write_moves
from bench.harness import Filled, fill, roll_up, server, verdict
from bench.http_client import HttpClient
from bench.load_tools import Service, machine, served

KNOWN = 20_000
PEOPLE, REST = 4, 0.05
AT_MOST_LOCKED = 1.0
"""Seconds that a client may wait for a lock, whatever is imported."""

# how long each client of this database has been waiting for a lock
WAITS = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8
    FROM pg_locks WHERE NOT granted
"""


@dataclass
class Times:
    """Latencies in ms, by what was asked; the longest wait for a lock seen, in seconds."""

    taken: dict[str, list[float]] = field(default_factory=lambda: {"metrics": [], "moves": []})
    errors: int = 0
    locked: float = 0

    def quantile(self, kind: str, share: float) -> float:
        """Return a quantile of what was taken."""
        return sorted(self.taken[kind])[int(len(self.taken[kind]) * share)]


async def ask(service: Service, kind: str, number: int, times: Times) -> None:
    """Ask again and again, until cancelled."""
    client, turn = HttpClient(service.url), number
    while True:
        turn += PEOPLE
        began = time.perf_counter()
        if kind == "metrics":
            fresh = {"Cache-Control": "no-cache"}
            reply = await client.send("GET", "/api/v1/metrics?days=30", None, fresh)
        else:
            path = f"/api/v1/work-items/{turn % KNOWN + 1}/transition"
            reply = await client.send("PUT", path, {"to_stage": "Testing"})
        times.taken[kind].append((time.perf_counter() - began) * 1000)
        times.errors += bool(reply.problem)
        await asyncio.sleep(REST)


async def watch_locks(filled: Filled, times: Times) -> None:
    """Look who waits for a lock, twenty times a second, until cancelled."""
    connection = await asyncpg.connect(filled.dsn)
    try:
        while True:
            times.locked = max(times.locked, await connection.fetchval(WAITS))
            await asyncio.sleep(0.05)
    finally:
        connection.terminate()


async def during(work: Awaitable[object], service: Service, filled: Filled) -> Times:
    """Return what everybody saw while this was done."""
    times = Times()
    tasks = [asyncio.create_task(watch_locks(filled, times))]
    for kind in times.taken:
        tasks += [asyncio.create_task(ask(service, kind, n, times)) for n in range(PEOPLE)]
    await work
    for task in tasks:
        task.cancel()
    for each in await asyncio.gather(*tasks, return_exceptions=True):
        if each is not None and not isinstance(each, asyncio.CancelledError):
            raise each  # somebody could not go on
    return times


async def compare(service: Service, filled: Filled, file: Path, seconds: float) -> None:
    """Measure before, during and after an import."""
    before = await during(asyncio.sleep(seconds), service, filled)
    began = time.monotonic()
    importing = asyncio.to_thread(run_import, filled.url, file)
    meanwhile = await during(importing, service, filled)
    print(f"  import took {time.monotonic() - began:.0f} s")
    after = await during(asyncio.sleep(seconds), service, filled)
    for kind in before.taken:
        for share in (0.5, 0.99):
            rest = statistics.mean(each.quantile(kind, share) for each in (before, after))
            busy = meanwhile.quantile(kind, share)
            print(
                f"{kind}, p{share * 100:.0f}: {rest:.0f} ms at rest, {busy:.0f} ms while importing,"
                f" {busy / rest:.1f} times as long"
            )
    verdict("longest wait for a lock while importing, s", meanwhile.locked, AT_MOST_LOCKED)
    verdict("errors while importing", meanwhile.errors, 0)


def run(url: str, asked: argparse.Namespace) -> None:
    """Fill a database and serve it; import into it."""
    filled = asyncio.run(fill(url, KNOWN))
    live = "UPDATE work_items SET cancelled_at = NULL, cancel_reason = NULL"
    asyncio.run(_execute(filled, live))
    asyncio.run(roll_up(filled))
    with tempfile.TemporaryDirectory(prefix="vsm-import-") as folder, served(filled.url) as service:
        file = Path(folder) / "moves.csv"
        write_moves(file, asked.items, scattered=False)
        uvloop.run(compare(service, filled, file, asked.seconds))


async def _execute(filled: Filled, statement: str) -> None:
    connection = await asyncpg.connect(filled.dsn)
    await connection.execute(statement)
    await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000, help="to import")
    parser.add_argument("--seconds", type=float, default=15, help="of measuring before and after")
    print(machine())
    with server() as running:
        run(running, parser.parse_args())
