"""The service as a process of its own, whose logs can be read."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.engine import make_url

from tests.integration.stored import environment

VSM = Path(sys.executable).with_name("vsm")
PATIENCE = 60


@dataclass(frozen=True)
class Service:
    """A running service; `log` is the file that its standard error goes to."""

    url: str
    log: Path

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Ask for a path."""
        return httpx.get(f"{self.url}{path}", headers=headers)

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged so far; every line after the greeting has to be JSON."""
        _, _, logged = self.log.read_text().partition("(Ctrl-C stops it)\n")
        whole, _, _ = logged.rpartition("\n")  # the last line may be half written
        return [json.loads(line) for line in whole.splitlines()]

    def requests(self, path: str = "", number: int = 0) -> list[dict[str, Any]]:
        """Return the lines about requests of a path, or of any, once there are so many.

        A line is written when the answer has left.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = [line for line in self.lines() if line["event"] == "request"]
            found = [line for line in lines if path in ("", line["path"])]
            if len(found) >= number or time.monotonic() > deadline:
                return found
            time.sleep(0.05)


@contextmanager
def serving(database_url: str, folder: Path, **environ: str) -> Iterator[Service]:
    """Run `vsm serve` on a database for the block's time, with these variables set."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "stderr.log"
    own = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "VSM_LOG"))}
    given = {**own, **environment(make_url(database_url)), "PORT": str(port), **environ}
    with (
        log.open("w") as errors,
        subprocess.Popen([VSM, "serve"], env=given, stderr=errors) as process,
    ):
        try:
            service = Service(f"http://127.0.0.1:{port}", log)
            _await_ready(service, process)
            yield service
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _await_ready(service: Service, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, service.log.read_text()
        try:
            service.get("/api/v1/health")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the service did not come up")
