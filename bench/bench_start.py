"""`make run` from a fresh clone to the first answered request: with empty package caches, and warm.

python bench/bench_start.py [--rounds N]

Cold, HOME and all caches are empty folders, so every package comes over the network, whose speed is
part of the figure. Warm, the same clone is started again, with its database.
"""

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.harness import verdict
from bench.load_tools import free_port, machine

COLD, WARM = 60, 5
PATIENCE = 600
PARTS = {
    "uv": ".tools/uv/bin/uv",
    "packages": ".venv/.run",
    "page": "app/web/index.html",
}
"""What is there after each part of the first start; the rest is the database and the service."""


def environment(home: Path, port: int) -> dict[str, str]:
    """Return the settings of a machine that has nothing yet."""
    left = {name: value for name, value in os.environ.items() if not _is_cache(name)}
    caches = {"HOME": home, "XDG_CACHE_HOME": home / "cache", "UV_CACHE_DIR": home / "uv"}
    caches |= {"PIP_CACHE_DIR": home / "pip", "npm_config_cache": home / "npm"}
    told = {name: str(path) for name, path in caches.items()}
    return left | told | {"PORT": str(port), "VSM_DATA_DIR": str(home.parent / "data")}


def _is_cache(name: str) -> bool:
    return name.startswith(("DATABASE_", "VSM_", "VIRTUAL_ENV", "PYTHONPATH", "MAKE"))


@contextmanager
def running(clone: Path, told: dict[str, str]) -> Iterator[None]:
    """Run `make run` during the block."""
    with (clone.parent / "make.log").open("ab") as log:
        process = subprocess.Popen(
            ["make", "run"], cwd=clone, env=told, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the session that was started here
        process.wait(60)


def first_answer(clone: Path, told: dict[str, str]) -> tuple[float, dict[str, float]]:
    """Start, and wait for an answer; returns the seconds, and when each part was there."""
    began, parts = time.monotonic(), {}
    with running(clone, told):
        while True:
            now = time.monotonic() - began
            for part, path in PARTS.items():
                if part not in parts and (clone / path).exists():
                    parts[part] = now
            try:
                with urlopen(f"http://127.0.0.1:{told['PORT']}/api/v1/stages", timeout=5):
                    return time.monotonic() - began, parts
            except (URLError, OSError):
                if now > PATIENCE:
                    raise
                time.sleep(0.02)


def measure(rounds: int) -> None:
    """Start a clone cold, then warm, as often as asked."""
    root = Path(__file__).parents[1]
    colds, warms = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="vsm-start-", ignore_cleanup_errors=True) as name:
            base = Path(name)
            base.chmod(0o755)  # the database's own user goes through it
            clone, home = base / "clone", base / "home"
            home.mkdir()
            subprocess.run(
                ["git", "clone", "--quiet", "--depth=1", f"file://{root}", clone], check=True
            )
            told = environment(home, free_port())
            took, parts = first_answer(clone, told)
            colds.append(took)
            ends = [0.0, *parts.values(), took]
            steps = [end - start for start, end in pairwise(ends)]
            named = zip([*parts, "database and service"], steps, strict=True)
            print("  cold:", ", ".join(f"{part} {seconds:.1f} s" for part, seconds in named))
            warms += [first_answer(clone, told)[0] for _ in range(3)]
    verdict("make run, cold, s", statistics.median(colds), COLD)
    verdict("make run, warm, s", statistics.median(warms), WARM)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    print(machine())
    measure(parser.parse_args().rounds)
