"""An hour of everything at once: memory, latency and errors over time, and no damage afterwards.

python bench/soak.py [--minutes 60] [--rate 150 | --flat-out] [--clients 64] [--items N] [--out DIR]

64 clients send what `soak_mix.py` describes to `vsm serve` with one worker and a database of its
own. Each thinks between its requests, so that together they reach the rate; flat out, none does.
Every ten seconds a row goes to soak.csv; at the end soak.png is drawn from it. Then SQL looks for
damage, and each acknowledged write is looked up.
"""

import argparse
import asyncio
import csv
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from bench.harness import Filled, fill, roll_up, server, verdict
from bench.http_client import HttpClient
from bench.integrity import CROWDED, tell_damage, tell_lost
from bench.load_tools import Service, machine, served
from bench.soak_mix import ITEMS, KINDS, STREAMS, Noted
from bench.soak_plot import draw

MEMORY_AFTER = 150.0
LISTENERS = 4
LIMITED_ITEMS = 40


MISCOUNTED = """
    SELECT count(*) FROM stage_zones z
    JOIN value_streams v ON v.id = z.value_stream_id
    WHERE z.zone <> 'done' AND NOT (
        concat_ws('/', v.key, z.name, (
            SELECT count(*) FROM work_items i
            WHERE i.current_stage_id = z.stage_id AND i.cancelled_at IS NULL
        )) = ANY ($1::text[]))
"""
"""Stages before done whose number of items is not among these: stream, stage and number."""


@dataclass
class Meter:
    """What was answered since the last sample, and all errors; times in ms."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    all_times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: int = 0

    def taken(self) -> dict[str, list[float]]:
        """Return the times since the last sample, and begin anew."""
        taken, self.times = self.times, defaultdict(list)
        for kind, times in taken.items():
            self.all_times[kind].extend(times)
        return taken


@dataclass
class Soak:
    """One run: what is asked of which service."""

    asked: argparse.Namespace
    service: Service
    filled: Filled
    noted: Noted
    meter: Meter = field(default_factory=Meter)
    began: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Tell whether the time is up."""
        return time.monotonic() - self.began > 60 * float(self.asked.minutes)

    async def work(self) -> None:
        """Ask, think, and ask again, as one client."""
        chance, client = self.noted.chance, HttpClient(self.service.url)
        kinds, weights = list(KINDS), [kind.weight for kind in KINDS.values()]
        due = time.monotonic()
        while not self.is_over():
            if not self.asked.flat_out:
                due += chance.expovariate(self.asked.rate / self.asked.clients)
                due = max(due, time.monotonic() - 1)  # what was missed in a stall is not made up
                await asyncio.sleep(due - time.monotonic())
            [name] = chance.choices(kinds, weights)
            await self._ask(client, name)
        client.close()

    async def _ask(self, client: HttpClient, name: str) -> None:
        kind, began = KINDS[name], time.perf_counter()
        try:
            problem = await kind.ask(client, self.noted)
        except (OSError, EOFError, TimeoutError) as error:
            problem = type(error).__name__
        self.meter.times[name].append((time.perf_counter() - began) * 1000)
        if problem:
            is_expected = problem in kind.expected
            (self.meter.refused if is_expected else self.meter.errors)[name, problem] += 1
            if not is_expected:
                elapsed = time.monotonic() - self.began
                print(f"after {elapsed:.0f} s: {name} was told {problem}", flush=True)

    async def listen(self) -> None:
        """Watch moves as they happen, until cancelled."""
        client = HttpClient(self.service.url)
        reader = await client.listen("/api/v1/events")
        while line := await reader.readline():
            self.meter.events += line.startswith(b"event: ")
        client.close()

    async def sample(self) -> None:
        """Write a row every ten seconds."""
        connection = await asyncpg.connect(self.filled.dsn)
        with rows(self.asked.out / "soak.csv") as write:
            while not self.is_over():
                before = time.monotonic()
                await asyncio.sleep(self.asked.every)
                seconds, taken = time.monotonic() - before, self.meter.taken()
                size = await connection.fetchval("SELECT pg_database_size(current_database())")
                verdict_now = await connection.fetchval(CROWDED)
                if verdict_now:
                    self.meter.errors["limits", "crowded"] += 1
                row = {
                    "seconds": round(time.monotonic() - self.began),
                    "rss_mib": round(self.service.rss(), 1),
                    "database_mib": round(size / 2**20, 1),
                    "requests_per_second": round(sum(map(len, taken.values())) / seconds, 1),
                    "refused": self.meter.refused.total(),
                    "errors": self.meter.errors.total(),
                    "events_to_listeners": self.meter.events,
                }
                for kind in KINDS:
                    row |= {f"{kind}_{name}": ms for name, ms in quantiles(taken[kind]).items()}
                write(row)
        await connection.close()


@contextmanager
def rows(path: Path) -> Iterator[Any]:
    """Write rows to a file as they come."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[str] | None = None

        def write(row: dict[str, object]) -> None:
            nonlocal writer
            if writer is None:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
            writer.writerow(row)
            file.flush()

        yield write


def quantiles(times: list[float]) -> dict[str, float | str]:
    """Return three quantiles of some times; empty where there are none."""
    if not times:
        return {"p50": "", "p95": "", "p99": ""}
    ordered = sorted(times)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: round(ordered[int(len(ordered) * share)], 2) for name, share in at.items()}


async def set_up(service: Service, noted: Noted) -> None:
    """Add the stream with limits and its items."""
    client = HttpClient(service.url)
    kind = {"Content-Type": "application/json"}
    reply = await client.send("POST", "/api/v1/value-streams/apply", STREAMS, kind)
    assert not reply.problem, reply.body  # noqa: S101
    for _ in range(LIMITED_ITEMS):
        body = {"title": "In a stream with limits", "type": "feature", "stream": "limited"}
        noted.limited.append((await client.send("POST", ITEMS, body)).json()["id"])
    client.close()


async def soak(asked: argparse.Namespace, service: Service, filled: Filled) -> Soak:
    """Run all clients for the time, then let them finish what they began."""
    noted = Noted(filled.items)
    await set_up(service, noted)
    run = Soak(asked, service, filled, noted)
    listeners = [asyncio.create_task(run.listen()) for _ in range(LISTENERS)]
    sampler = asyncio.create_task(run.sample())
    await asyncio.gather(*(run.work() for _ in range(asked.clients)))
    await sampler
    for each in listeners:
        each.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*listeners)
    return run


async def check(run: Soak, moves_before: int) -> None:
    """Look for damage, and each acknowledged write up."""
    noted = run.noted
    connection = await asyncpg.connect(run.filled.dsn)
    await tell_damage(connection, {"stages beyond their enforced limit": CROWDED})
    await tell_lost(connection, "items", "work_items", noted.items.tolist())
    await tell_lost(connection, "moves", "stage_transitions", noted.moves.tolist())
    written = await connection.fetchval("SELECT count(*) FROM stage_transitions") - moves_before
    acknowledged = len(noted.moves) + noted.others + LIMITED_ITEMS
    verdict("moves in the log that were not acknowledged", written - acknowledged, 0)
    scraped = (await HttpClient(run.service.url).send("GET", "/metrics")).body.decode()
    wrong = await connection.fetchval(MISCOUNTED, in_progress(scraped))
    verdict("stages whose scraped number is not that of the items in them", wrong, 0)
    await connection.close()


def in_progress(scraped: str) -> list[str]:
    """Return stream, stage and number of items, as a scrape tells them."""
    told = re.findall(r"^vsm_work_in_progress\{(.*)\} (\S+)$", scraped, re.MULTILINE)
    labels = [(dict(re.findall(r'(\w+)="([^"]*)"', inside)), number) for inside, number in told]
    return [f"{each['stream']}/{each['stage']}/{float(number):.0f}" for each, number in labels]


def tell(run: Soak, seconds: float, at_start: float) -> None:
    """Print what was measured."""
    meter, requests = run.meter, 0
    print("| Kind | Requests | p50, ms | p95 | p99 | Longest |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        times = meter.all_times[kind]
        if times:
            requests += len(times)
            told = [f"{len(times):,}", *map(str, quantiles(times).values()), f"{max(times):.0f}"]
            print("|", " | ".join([kind, *told]), "|")
    print(
        f"{requests:,} requests, {requests / seconds:,.0f}/s; {meter.events:,} events to listeners"
    )
    print(f"refused as expected: {dict(meter.refused)}")
    print(f"errors: {dict(meter.errors)}")
    verdict("unexpected errors", meter.errors.total(), 0)
    with (run.asked.out / "soak.csv").open(encoding="utf-8") as file:
        memory = [float(row["rss_mib"]) for row in csv.DictReader(file)]
    halves = statistics.median(memory[len(memory) // 2 :]), statistics.median(memory[-6:])
    print(f"memory: {at_start:.0f} MiB at the start, {halves[0]:.0f} median of the second half")
    verdict("memory after the load, MiB", memory[-1], MEMORY_AFTER)


def run(url: str, asked: argparse.Namespace) -> None:
    """Fill a database, soak, draw, and look for damage."""
    filled = asyncio.run(fill(url, asked.items))
    asyncio.run(roll_up(filled))
    count = asyncio.run(written(filled))
    with served(filled.url) as service:
        at_start, began = service.rss(), time.monotonic()
        done = uvloop.run(soak(asked, service, filled))
        done.meter.taken()
        tell(done, time.monotonic() - began, at_start)
        asyncio.run(check(done, count))
    draw(asked.out / "soak.csv", asked.out / "soak.png")


async def written(filled: Filled) -> int:
    """Count the rows of the log."""
    connection = await asyncpg.connect(filled.dsn)
    found: int = await connection.fetchval("SELECT count(*) FROM stage_transitions")
    await connection.close()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=150, help="requests a second, of all clients")
    parser.add_argument("--flat-out", action="store_true", help="without time to think")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--items", type=int, default=20_000, help="that are there before")
    parser.add_argument("--every", type=float, default=10, help="seconds between samples")
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    with server() as running:
        run(running, arguments)
    sys.exit(0)
