"""Every view of the flow over 90 days: how long it takes, and at a longer history.

python bench/bench_analytics.py [sizes …] [--rounds N] [--keep FOLDER]
"""

import argparse

import httpx

from bench.harness import (
    Action,
    Filled,
    client,
    fill,
    medians,
    roll_up,
    run,
    server,
    takes_kept,
    verdict,
)

VIEWS = [
    f"/api/v1/{path}{'&' if '?' in path else '?'}days=90"
    for path in (
        "metrics/stages",
        "metrics/series",
        "metrics/cumulative-flow",
        "metrics/scatter",
        "metrics/histogram",
        "metrics/aging",
        "metrics/littles-law",
        "metrics/bottleneck",
        "metrics/distribution",
        "metrics/predictability",
        "value-stream-map",
        "value-stream-map?group_by=type",
        "metrics/cumulative-flow?group_by=type",
        "data-quality",
    )
]
LIMIT_MS = 150
LONGER_HISTORY = 1.5


def answer(opened: httpx.AsyncClient, path: str) -> Action:
    """Return the request."""

    async def run() -> object:
        reply = await opened.get(path)
        reply.raise_for_status()
        return reply

    return run


async def compare(url: str, sizes: list[int], rounds: int) -> None:
    """Fill, then ask each view of the shortest and of the longest history in turn."""
    filled: list[Filled] = [await fill(url, size) for size in sizes]
    for each in filled:
        await roll_up(each)
    small, large = filled[0], filled[-1]
    async with client(small.url) as one, client(large.url) as other:
        for path in VIEWS:
            short, long = await medians([answer(one, path), answer(other, path)], rounds)
            verdict(f"{path}: ms at {large.items:,} items", long, LIMIT_MS)
            ratio = f"  {path}: {large.items:,} / {small.items:,} items"
            verdict(ratio, long / short, LONGER_HISTORY)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[130_000, 260_000])
    parser.add_argument("--rounds", type=int, default=5)
    takes_kept(parser)
    asked = parser.parse_args()
    with server(asked.keep) as running:
        run(compare(running, asked.sizes, asked.rounds))
