"""Measure every goal, and tell at the end which ones are met: `make bench [SIZE=quick|full|ten]`.

python bench/goals.py [quick | full | ten] [--only GOAL …]

quick takes about twenty minutes; full has a million items and a soak of an hour, and takes
some hours; ten has ten million items where the history's length is what counts, and needs 25 GB.
A benchmark prints "what: measured (goal: at most …, met)" for each of its figures; this collects
them. What a missing tool makes impossible is told as skipped.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.load_tools import machine

FIGURE = re.compile(r"^\s*(.*): (-?[\d.]+) \(goal: at (most|least) ([\d.]+), (met|MISSED)\)$")
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Benchmark:
    """One command, the goals that it measures, and its arguments by size."""

    goals: str
    program: str
    quick: str = ""
    full: str = ""
    ten: str | None = None
    shares: bool = False
    """Whether it only reads, from databases that others read too, or is the last one."""

    def command(self, size: str, databases: str) -> list[str]:
        """Return what to run; ten is full where the history does not count."""
        chosen = {"quick": self.quick, "full": self.full, "ten": self.ten or self.full}[size]
        shared = ["--keep", databases] if self.shares else []
        return [sys.executable, str(FOLDER / self.program), *chosen.split(), *shared]


_LONGER = {"quick": "130000 260000", "full": "130000 1000000", "ten": "1000000 10000000"}
"""The shorter history is longer than 90 days too, so that the windows hold the same."""


BENCHMARKS = (
    Benchmark("1, 2, 9", "bench_writes.py", "--seconds 3 --rounds 2", "--items 1000000"),
    Benchmark("3", "bench_history.py", "--seconds 3 --rounds 2", "--items 1000000"),
    Benchmark("8", "bench_scrape.py", **_LONGER, shares=True),
    Benchmark("6", "bench_analytics.py", **_LONGER, shares=True),
    Benchmark("4, 5", "bench_metrics.py", **_LONGER, shares=True),  # last: it also writes
    Benchmark("7", "bench_import.py", "50000 --rounds 2", "1000000 --rounds 3"),
    Benchmark("9", "soak.py", "--minutes 2", "--minutes 60 --rate 300"),
    Benchmark("10", "bench_start.py", "", "--rounds 3"),
    Benchmark("readers", "bench_import_readers.py", "--items 50000", "--items 1000000"),
    Benchmark("standby", "bench_standby.py", "--seconds 10", "--seconds 60 --items 1000000"),
    Benchmark("layout", "bench_vacuum.py", "--items 20000 --writes 60000", ""),
)


def figures(benchmark: Benchmark, size: str, databases: str) -> list[tuple[str, ...]]:
    """Run one benchmark and show what it says; returns its figures."""
    command = benchmark.command(size, databases)
    print(f"\n== goal {benchmark.goals}: {' '.join(command[1:])}", flush=True)
    found: list[tuple[str, ...]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if match := FIGURE.match(line):
                what, measured, way, goal, met = match.groups()
                found.append((benchmark.goals, what, measured, f"at {way} {goal}", met))
            elif line.startswith("skipped"):
                found.append((benchmark.goals, line.strip(), "–", "–", "skipped"))
    if process.returncode:
        failed = f"{benchmark.program} ended with {process.returncode}"
        found.append((benchmark.goals, failed, "–", "–", "FAILED"))
    return found


def main() -> int:
    """Run what is asked for; returns 1 when something failed, as opposed to being too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", nargs="?", default="quick", choices=("quick", "full", "ten"))
    parser.add_argument("--only", nargs="+", default=None, help="numbers or names of goals")
    asked = parser.parse_args()
    print(machine(), flush=True)
    all_figures: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="vsm-goals-") as databases:
        for each in BENCHMARKS:
            if asked.only is None or set(asked.only) & set(each.goals.split(", ")):
                all_figures += figures(each, asked.size, databases)
    print(f"\n{machine()}\n\n| Goal | What | Measured | Wanted | |\n|---|---|---|---|---|")
    for row in all_figures:
        print("|", " | ".join(row), "|")
    return any(row[-1] == "FAILED" for row in all_figures)


if __name__ == "__main__":
    sys.exit(main())
