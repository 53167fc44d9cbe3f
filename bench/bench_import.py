"""Import of a CSV of moves, against COPY of the same rows into the same indexed tables.

python bench/bench_import.py [sizes …] [--rounds N] [--scattered]

Both sides run in turn, each in a new database of one server. Memory is the peak of the importing
process, which is started anew for each import, as `vsm import` is. The time of processors, of the
process and of PostgreSQL's sessions, is told as well: other work on the machine hardly touches it.
"""

import argparse
import asyncio
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import asyncpg
from sqlalchemy.engine import make_url

from app.store import schema
from bench.harness import at_least, dsn, server, verdict
from bench.load_tools import machine

TABLES = ("work_items", "stage_transitions")
STAGES = ("Backlog", "Analysis", "Development", "Testing", "Production")
"""The moves of one item: five, as in the goal."""

INSTANT = "%Y-%m-%dT%H:%M:%SZ"
GOAL = 0.35
GOAL_MB = 300

_IMPORT = r"""
import re, sys
from app.cli import main
sys.argv = ["vsm", "import", "csv", sys.argv[1], "--json"]
try:
    main()
finally:
    # not ru_maxrss, which begins with what the parent had
    print(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


def write_moves(path: Path, items: int, *, scattered: bool) -> None:
    """Write the moves of so many items: item by item, or all of them in order of time."""
    chance = random.Random(7)  # noqa: S311 - made-up work, the same each time
    start = datetime(2023, 1, 1, tzinfo=UTC)
    with path.open("w", encoding="utf-8") as file:
        file.write("key,title,type,to_stage,timestamp\n")
        moves = (
            f"SHOP-{item},Item number {item},{('Story', 'Bug', 'Task')[item % 3]},{stage},"
            f"{start + timedelta(seconds=item * 60 + chance.randrange(60), days=step):{INSTANT}}\n"
            for step, stage in enumerate(STAGES)
            for item in range(items)
        )
        if scattered:
            file.writelines(moves)
            return
        lines = list(moves)
        file.writelines(lines[item + step * items] for item in range(items) for step in range(5))


async def new_database(server_url: str, name: str) -> str:
    """Make a migrated database; returns its URL."""
    admin = await asyncpg.connect(dsn(server_url))
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.execute("CHECKPOINT")
    await admin.close()
    url = make_url(server_url).set(database=name)
    await asyncio.to_thread(schema.upgrade, url.render_as_string(hide_password=False))
    return url.render_as_string(hide_password=False)


def run_import(url: str, moves: Path) -> tuple[float, float]:
    """Import in a process of its own; returns its seconds and its peak of memory in MB."""
    parsed = make_url(url)
    environment = {
        "DATABASE_HOST": str(parsed.query.get("host", parsed.host)),
        "DATABASE_PORT": str(parsed.query.get("port", parsed.port or 5432)),
        "DATABASE_NAME": str(parsed.database),
        "DATABASE_USER": str(parsed.username),
        "DATABASE_PASSWORD": str(parsed.password or "none"),
    }
    started = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, str(moves)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    took = perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr)
    peak = re.findall(r"^(\d+)$", done.stderr, re.MULTILINE)[-1]
    return took, int(peak) / 1024


def process_seconds() -> float:
    """Return the time of processors that processes started here have taken, once they ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


async def session_seconds(server_url: str) -> float:
    """Return the time of processors of PostgreSQL's sessions that have ended."""
    connection = await asyncpg.connect(dsn(server_url))
    session = connection.get_server_pid()
    postmaster = int(stat_of(session)[1])
    await connection.close()
    await asyncio.sleep(0.5)  # until the postmaster has noticed
    user, system = stat_of(postmaster)[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def stat_of(process: int) -> list[str]:
    """Return what Linux tells of a process, from its state on."""
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


async def save_rows(url: str, folder: Path) -> int:
    """Write the imported rows to files, as COPY reads them; returns their number."""
    connection = await asyncpg.connect(dsn(url))
    rows = 0
    for table in TABLES:
        told = await connection.copy_from_table(table, output=folder / table)
        rows += int(told.split()[-1])
    await connection.close()
    return rows


async def copy_rows(url: str, folder: Path) -> float:
    """COPY the rows from their files, in one transaction; returns the seconds it took."""
    connection = await asyncpg.connect(dsn(url))
    started = perf_counter()
    async with connection.transaction():
        for table in TABLES:
            await connection.copy_to_table(table, source=folder / table)
    took = perf_counter() - started
    await connection.close()
    return took


async def compare(server_url: str, items: int, rounds: int, *, scattered: bool) -> None:
    """Import and COPY in turn; print the ratio and its parts."""
    with tempfile.TemporaryDirectory(prefix="vsm-import-") as name:
        folder = Path(name)
        moves = folder / "moves.csv"
        write_moves(moves, items, scattered=scattered)
        imports, copies, peaks, processors = [], [], [], []
        for _ in range(rounds):
            url = await new_database(server_url, "bench_import")
            began, sessions = process_seconds(), await session_seconds(server_url)
            took, peak = await asyncio.to_thread(run_import, url, moves)
            spent = process_seconds() - began, await session_seconds(server_url) - sessions
            imports.append(took)
            peaks.append(peak)
            rows = await save_rows(url, folder)
            url = await new_database(server_url, "bench_copy")
            sessions = await session_seconds(server_url)
            copies.append(await copy_rows(url, folder))
            processors.append((*spent, await session_seconds(server_url) - sessions))
        importing, copying = statistics.median(imports), statistics.median(copies)
        order = "in order of time" if scattered else "item by item"
        print(
            f"{items:,} items, {moves.stat().st_size / 1e6:,.0f} MB, {order}: "
            f"import {importing:.1f} s ({rows / importing:,.0f} rows/s), "
            f"COPY {copying:.1f} s ({rows / copying:,.0f} rows/s)"
        )
        ours, theirs, raw = (statistics.median(each) for each in zip(*processors, strict=True))
        print(
            f"  processors: import {ours + theirs:.1f} s ({ours:.1f} of Python, {theirs:.1f} of "
            f"PostgreSQL), COPY {raw:.1f} s: {raw / (ours + theirs):.2f}"
        )
        at_least("  COPY / import", copying / importing, GOAL)
        verdict("  peak memory, MB", max(peaks), GOAL_MB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scattered", action="store_true", help="rows in order of time")
    asked = parser.parse_args()
    print(machine())
    with server() as running:
        for size in asked.sizes:
            asyncio.run(compare(running, size, asked.rounds, scattered=asked.scattered))
