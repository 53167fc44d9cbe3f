"""GET /metrics (Prometheus): what a scrape costs at any length of the history.

python bench/bench_scrape.py [sizes …] [--rounds N] [--keep FOLDER]
"""

import argparse

from bench.harness import Filled, client, fill, medians, roll_up, run, server, takes_kept, verdict
from bench.load_tools import machine

GOAL_MS = 20.0


async def scrape(filled: Filled, rounds: int) -> float:
    """Return the median of a scrape, in ms."""
    async with client(filled.url) as opened:

        async def once() -> object:
            reply = await opened.get("/metrics")
            reply.raise_for_status()
            return reply

        [median] = await medians([once], rounds)
    return float(median)


async def compare(url: str, sizes: list[int], rounds: int) -> None:
    """Measure each size before and after its roll-up."""
    after = []
    for size in sizes:
        filled = await fill(url, size)
        print(f"{size:,} items, nothing kept: {await scrape(filled, 2):.1f} ms")
        await roll_up(filled)
        after.append(await scrape(filled, rounds))
        verdict(f"{size:,} items, kept, ms", after[-1], GOAL_MS)
    if len(after) > 1:
        verdict(f"  {sizes[-1]:,} / {sizes[0]:,} items", after[-1] / after[0], 1.3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[50_000, 200_000])
    parser.add_argument("--rounds", type=int, default=15)
    takes_kept(parser)
    asked = parser.parse_args()
    print(machine())
    with server(asked.keep) as running:
        run(compare(running, asked.sizes, asked.rounds))
