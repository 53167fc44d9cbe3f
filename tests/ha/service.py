"""The service's replicas as processes of their own, and a small proxy in front of them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port

VSM = Path(sys.executable).with_name("vsm")


@dataclass
class Replica:
    """One process of the service."""

    environ: dict[str, str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [VSM, "serve"],
                env={**os.environ, **self.environ, "PORT": str(self.port)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not is_ready(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"a replica does not start; see {self.log}")
            time.sleep(0.1)

    def end(self, number: signal.Signals) -> None:
        """Send a signal, and wait for the end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Proxy:
    """Passes each connection on to a ready replica, in turn."""

    def __init__(self, replicas: list[Replica]) -> None:
        self.port = free_port()
        self._ready = {replica.port: True for replica in replicas}
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Yield the URL of the service behind it."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        checks = [asyncio.create_task(self._check(port)) for port in self._ready]
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            server.close()
            for task in [*checks, *self._tasks]:
                task.cancel()
            await asyncio.gather(*checks, *self._tasks, return_exceptions=True)

    async def _check(self, port: int) -> None:
        while True:
            self._ready[port] = await asyncio.to_thread(is_ready, port)
            await asyncio.sleep(0.3)

    def _order(self) -> list[int]:
        """Return the replicas' ports, the next one first and those that are not ready last."""
        self._turn += 1
        ports = list(self._ready)
        turned = ports[self._turn % len(ports) :] + ports[: self._turn % len(ports)]
        return sorted(turned, key=lambda port: not self._ready[port])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in self._order():
            with contextlib.suppress(OSError):
                up, down = await asyncio.open_connection("127.0.0.1", port)
                break
        else:
            writer.close()
            return
        for source, sink in ((reader, down), (up, writer)):
            task = asyncio.create_task(_pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
