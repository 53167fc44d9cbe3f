"""A served process, a client that is not the bottleneck (wrk), and PostgreSQL without us (pgbench).

Both reach the database in the same way: over TCP, unless the database's URL says otherwise.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from sqlalchemy.engine import make_url

from app.store.embedded.programs import packaged

FOLDER = Path(__file__).parent / "load"
PATIENCE = 60


@dataclass(frozen=True)
class Load:
    """What came of some seconds of requests; latencies in ms."""

    requests: int
    per_second: float
    errors: int
    p50: float
    p99: float
    slowest: float


@dataclass(frozen=True)
class Service:
    """A running service."""

    url: str
    pid: int

    def rss(self) -> float:
        """Return the memory that the process holds, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024

    def load(self, kind: str, clients: int, seconds: int, items: int) -> Load:
        """Send requests of a kind, about items 1 to `items`, from so many clients."""
        script = str(FOLDER / "requests.lua")
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "20s", "-s", script]
        said = _output([*command, self.url, "--", kind, str(items)])
        [result] = re.findall(r"^RESULT (.*)$", said, re.MULTILINE)
        requests, taken, errors, *latencies = result.split()
        return Load(
            int(requests),
            int(requests) / (int(taken) / 1e6),
            int(errors),
            *(float(each) / 1000 for each in latencies),
        )


@contextmanager
def served(database_url: str, more: Mapping[str, str] | None = None) -> Iterator[Service]:
    """Run `vsm serve` with one worker, as a deployment would, with more settings if wanted."""
    port = free_port()
    environment = os.environ | _variables(database_url) | {"PORT": str(port)}
    environment |= {"VSM_LOG_LEVEL": "warning", **(more or {})}
    process = subprocess.Popen([str(Path(sys.executable).parent / "vsm"), "serve"], env=environment)
    try:
        _until_ready(f"http://127.0.0.1:{port}/ready")
        yield Service(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pgbench(database_url: str, kind: str, clients: int, seconds: int, items: int) -> float:
    """Return how many prepared statements per second so many clients get through."""
    variables = _variables(database_url)
    command = [str(packaged() / "pgbench"), "-n", "-M", "prepared", "-j", "1"]
    command += ["-c", str(clients), "-T", str(seconds), "-D", f"items={items}"]
    command += ["-f", str(FOLDER / f"{kind}.sql"), "-h", variables["DATABASE_HOST"]]
    command += ["-p", variables["DATABASE_PORT"], "-U", variables["DATABASE_USER"]]
    said = _output([*command, variables["DATABASE_NAME"]])
    return float(re.findall(r"^tps = ([\d.]+)", said, re.MULTILINE)[0])


def missing_tools() -> str | None:
    """Tell what is not there that is needed; None when all is."""
    if shutil.which("wrk") is None:
        return "skipped: wrk is not installed (Debian: apt-get install wrk)"
    if not (packaged() / "pgbench").is_file():
        return "skipped: the embedded PostgreSQL has no pgbench"
    return None


def machine() -> str:
    """Describe what this was measured on."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    python = sys.version.split()[0]
    return f"{os.cpu_count()} x {models[0] if models else 'CPU'}, Python {python}, load {load}"


def _variables(database_url: str) -> dict[str, str]:
    url = make_url(database_url)
    return {
        "DATABASE_HOST": str(url.query.get("host", url.host)),
        "DATABASE_PORT": str(url.query.get("port", url.port or 5432)),
        "DATABASE_NAME": url.database or "",
        "DATABASE_USER": url.username or "",
        "DATABASE_PASSWORD": url.password or "not asked for",
    }


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _until_ready(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
