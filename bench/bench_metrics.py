"""GET /api/v1/metrics?days=30: against the same SQL run raw, and at a longer history.

python bench/bench_metrics.py [sizes …] [--rounds N] [--writes N] [--keep FOLDER]
"""

import argparse
import asyncio
from collections.abc import Mapping
from time import perf_counter

import asyncpg

from bench.harness import (
    Action,
    Filled,
    client,
    fill,
    medians,
    raw,
    roll_up,
    run,
    server,
    statements_of,
    takes_kept,
    verdict,
)
from bench.http_client import HttpClient
from bench.load_tools import Service, served

PATH = "/api/v1/metrics?days=30"
GOAL_MS = 40.0
ANEW, AS_EVER = {"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=60"}
SETTLING = 30.0
"""Seconds after a burst of writes by when the service has rolled it up."""

# Live moves of open items, as the write path leaves them: new rows, and old versions behind.
_CHURN = """
    WITH moved AS (
        UPDATE work_items i
        SET current_stage_since = now(), last_transition_at = now(), version = version + 1
        FROM (SELECT id, current_stage_id, current_stage_since FROM work_items
              WHERE cancelled_at IS NULL AND finished_at IS NULL
              ORDER BY id DESC LIMIT $1) AS before
        WHERE before.id = i.id
        RETURNING i.id, i.value_stream_id, before.current_stage_id AS stage_id,
                  before.current_stage_since AS since
    )
    INSERT INTO stage_transitions (work_item_id, value_stream_id, from_stage_id, to_stage_id,
                                   timestamp, from_stage_since)
    SELECT id, value_stream_id, stage_id, stage_id, now(), since FROM moved
"""


def answer(service: Service, headers: Mapping[str, str] = ANEW) -> Action:
    """Return the request, over a connection that is kept."""
    opened = HttpClient(service.url)

    async def ask() -> object:
        reply = await opened.send("GET", PATH, headers=headers)
        if reply.problem:
            raise RuntimeError(reply.problem)
        return reply

    return ask


async def churn(filled: Filled, writes: int) -> None:
    """Write, and leave what a vacuum would clean."""
    connection = await asyncpg.connect(filled.dsn)
    done = 0
    while done < writes:
        tag = await connection.execute(_CHURN, min(2000, writes - done))
        done += int(tag.split()[-1])
    await connection.close()


async def compare(url: str, sizes: list[int], rounds: int, writes: int) -> None:
    """Fill, measure, write, and measure again."""
    all_filled = [await fill(url, size) for size in sizes]
    for each in all_filled:
        await roll_up(each)
    for each in all_filled:
        with served(each.url) as service:
            await against_raw(each, service, "freshly vacuumed", rounds)
    await across_sizes(all_filled, rounds)
    for each in all_filled:
        with served(each.url) as service:
            await churn(each, writes)
            await against_raw(each, service, f"right after {writes:,} writes", rounds)
            await settle(service)
            await against_raw(each, service, f"{SETTLING:.0f} s after them", rounds)
    await across_sizes(all_filled, rounds)


async def settle(service: Service) -> None:
    """Give the service's jobs some time; tell after how much the request was as fast as ever."""
    ask, began, fast_after = answer(service), perf_counter(), None
    while (passed := perf_counter() - began) < SETTLING:
        [taken] = await medians([ask], 1)
        if fast_after is None and taken <= GOAL_MS:
            fast_after = passed
        await asyncio.sleep(0.5)
    told = "not yet" if fast_after is None else f"{fast_after:.0f} s later"
    print(f"  at most {GOAL_MS:.0f} ms: {told}")


async def against_raw(filled: Filled, service: Service, when: str, rounds: int) -> None:
    """Compare the request with its statements run by the driver alone."""
    connection = await asyncpg.connect(filled.dsn)
    async with client(filled.url) as inside:
        statements = await statements_of(lambda: inside.get(PATH))
    actions = [answer(service), raw(connection, statements), answer(service, AS_EVER)]
    anew, sql, again = await medians(actions, rounds)
    await connection.close()
    what = f"{filled.items:,} items, {when}"
    print(f"{what}: computed anew {anew:.1f} ms, raw SQL {sql:.1f} ms")
    verdict(f"  {what}: HTTP, computed anew / raw SQL", anew / sql, 1.5)
    verdict(f"  {what}: HTTP, computed anew, ms", anew, GOAL_MS)
    verdict(f"  {what}: HTTP, asked again while nothing was written / raw SQL", again / sql, 1.5)


async def across_sizes(filled: list[Filled], rounds: int) -> None:
    """Compare the same request on histories of different lengths, in turn."""
    if len(filled) < 2:  # noqa: PLR2004 - one has nothing to compare with
        return
    small, large = filled[0], filled[-1]
    with served(small.url) as of_small, served(large.url) as of_large:
        short, long = await medians([answer(of_small), answer(of_large)], rounds)
    verdict(f"  {large.items:,} / {small.items:,} items with equal windows", long / short, 1.3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[100_000, 300_000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--writes", type=int, default=20_000)
    takes_kept(parser)
    asked = parser.parse_args()
    with server(asked.keep) as running:
        run(compare(running, asked.sizes, asked.rounds, asked.writes))
