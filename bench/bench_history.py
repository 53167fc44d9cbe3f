"""GET …/history, one worker, against pgbench reading the same moves by one join.

python bench/bench_history.py [--seconds N] [--rounds N] [--items N]
"""

import argparse
import asyncio
import statistics

from bench.harness import at_least, fill, tcp_server, verdict
from bench.load_tools import Load, machine, missing_tools, pgbench, served

CLIENTS, GOAL = 16, 0.25


def run(url: str, asked: argparse.Namespace) -> None:
    """Fill a database, and take both sides in turn."""
    filled = asyncio.run(fill(url, asked.items))
    raw: list[float] = []
    http: list[Load] = []
    with served(filled.url) as service:
        service.load("history", CLIENTS, 1, filled.items)  # to warm up
        for _ in range(asked.rounds):
            raw.append(pgbench(filled.url, "history", CLIENTS, asked.seconds, filled.items))
            http.append(service.load("history", CLIENTS, asked.seconds, filled.items))
    ours, theirs = statistics.median(each.per_second for each in http), statistics.median(raw)
    print(f"history, {CLIENTS} clients: HTTP {ours:,.0f}/s, pgbench {theirs:,.0f}/s")
    at_least("  HTTP / pgbench", ours / theirs, GOAL)
    verdict("  errors", sum(each.errors for each in http), 0)


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
