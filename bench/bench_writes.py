"""Moves and creations over HTTP, one worker, against pgbench running the same write by statement.

python bench/bench_writes.py [--seconds N] [--rounds N] [--items N]
"""

import argparse
import asyncio
import statistics
from itertools import product

import asyncpg
import httpx

from bench.harness import Filled, at_least, fill, tcp_server, verdict
from bench.integrity import tell_damage, tell_lost
from bench.load_tools import Load, Service, machine, missing_tools, pgbench, served

CLIENTS = {16: 0.8, 64: 1.0}
"""How many clients, and the least share of what PostgreSQL does without us."""

MEMORY_AT_START, MEMORY_AFTER = 80.0, 150.0

_LIVE = "UPDATE work_items SET cancelled_at = NULL, cancel_reason = NULL"
"""What is cancelled is not moved any more."""


async def counted(filled: Filled, query: str) -> int:
    """Run a statement; returns the number that it counts."""
    connection = await asyncpg.connect(filled.dsn)
    found: int = await connection.fetchval(query)
    await connection.close()
    return found


def written(filled: Filled) -> int:
    """Count the rows of the log, of which every write adds one."""
    return asyncio.run(counted(filled, "SELECT count(*) FROM stage_transitions"))


def measure(service: Service, filled: Filled, asked: argparse.Namespace) -> None:
    """Take both sides in turn, for each kind of write and number of clients."""
    kinds, items = ("move", "create"), filled.items
    rates: dict[tuple[str, int], tuple[list[float], list[Load]]] = {
        each: ([], []) for each in product(kinds, CLIENTS)
    }
    for _ in range(asked.rounds):
        for (kind, clients), (raw, http) in rates.items():
            raw.append(pgbench(filled.url, kind, clients, asked.seconds, items))
            before = written(filled)
            http.append(service.load(kind, clients, asked.seconds, items))
            added = written(filled) - before
            # what was still under way at the end was written and not acknowledged any more
            assert http[-1].requests <= added <= http[-1].requests + clients, (http[-1], added)  # noqa: S101
    for (kind, clients), (raw, http) in rates.items():
        ours = statistics.median(each.per_second for each in http)
        theirs = statistics.median(raw)
        what = f"{kind}, {clients} clients"
        print(f"{what}: HTTP {ours:,.0f}/s, pgbench {theirs:,.0f}/s")
        at_least(f"  {what}: HTTP / pgbench", ours / theirs, CLIENTS[clients])
        verdict(f"  {what}: errors", sum(each.errors for each in http), 0)
        if clients == max(CLIENTS):
            spread = statistics.median(each.p99 / each.p50 for each in http)
            verdict(f"  {what}: p99 / p50", spread, 3)
            fewer = statistics.median(each.per_second for each in rates[kind, min(CLIENTS)][1])
            at_least(f"  {what}: its own at {min(CLIENTS)}", ours / fewer, 1.0)


async def acknowledged(service: Service, filled: Filled, writes: int = 3000) -> None:
    """Write from 64 clients, and look each acknowledged write up."""
    ids: list[int] = []

    async def work(client: httpx.AsyncClient, number: int) -> None:
        path = f"/api/v1/work-items/{number % 20 + 1}/transition"  # many on few
        for _ in range(writes // 64):
            reply = await client.put(path, json={"to_stage": "Testing"})
            reply.raise_for_status()
            ids.append(reply.json()["id"])

    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(base_url=service.url, limits=limits, timeout=60) as client:
        await asyncio.gather(*(work(client, number) for number in range(64)))
    connection = await asyncpg.connect(filled.dsn)
    await tell_lost(connection, "moves", "stage_transitions", ids)
    await connection.close()


def run(url: str, asked: argparse.Namespace) -> None:
    """Fill a database, measure, and look for damage."""
    filled = asyncio.run(fill(url, asked.items))
    asyncio.run(counted(filled, _LIVE))
    with served(filled.url) as service:
        verdict("memory after start, MiB", service.rss(), MEMORY_AT_START)
        for kind in ("move", "create"):
            service.load(kind, 64, 1, filled.items)  # to warm up
        measure(service, filled, asked)
        asyncio.run(acknowledged(service, filled))
        verdict("memory after the load, MiB", service.rss(), MEMORY_AFTER)
    asyncio.run(look_for_damage(filled))


async def look_for_damage(filled: Filled) -> None:
    """Print how much damage there is."""
    connection = await asyncpg.connect(filled.dsn)
    await tell_damage(connection)
    await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--items", type=int, default=20_000)
    arguments = parser.parse_args()
    if reason := missing_tools():
        print(reason)
    else:
        print(machine())
        with tcp_server() as running:
            run(running, arguments)
