"""PostgreSQL servers that tests may freeze, kill and promote: a primary, and standbys of it.

They are made with the embedded database's programs, listen on loopback, and trust everybody there.
"""

import os
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.store.embedded.cluster import WAL_SEGMENT
from app.store.embedded.owner import Owner, owner_of
from app.store.embedded.programs import Programs, programs_for

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "replica",
    "hot_standby_feedback": "on",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "100ms",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "fsync": "off",
}


@dataclass
class Server:
    """One PostgreSQL server, in a folder of its own."""

    folder: Path
    owner: Owner
    programs: Programs
    port: int

    @property
    def environ(self) -> dict[str, str]:
        """The settings of a service that uses this server."""
        return {
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": "postgres",
            "DATABASE_USER": "postgres",
            "DATABASE_PASSWORD": "not-asked-for",
        }

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres:x@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        settings = SETTINGS | {"port": str(self.port)}
        options = shlex.join(f"-c{name}={value}" for name, value in settings.items())
        log = self.folder.with_suffix(".log")
        os.close(self.owner.open_file(log))
        self._run("pg_ctl", "start", "-w", "-D", self.folder, "-l", log, "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", self.folder)

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-w", "-D", self.folder)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the server, as to a machine that is frozen or lost."""
        for pid in self._pids():
            os.kill(pid, number)

    def kill(self) -> None:
        """End all of it at once, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        with suppress(ConnectionError):
            while True:
                socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
                time.sleep(0.01)

    def standby(self, folder: Path) -> "Server":
        """Return a standby of this server, not started yet."""
        self._run(
            *("pg_basebackup", "-D", folder, "-R", "-X", "stream", "--checkpoint=fast"),
            *("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"),
        )
        return Server(folder, self.owner, self.programs, free_port())

    def _run(self, program: str, *arguments: str | Path) -> None:
        answer = self.owner.run([self.programs / program, *arguments])
        assert answer.status == 0, answer.text

    def _postmaster(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().splitlines()[0])

    def _pids(self) -> list[int]:
        postmaster = self._postmaster()
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(postmaster)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [postmaster, *(int(pid) for pid in found.stdout.split())]


@contextmanager
def primary() -> Iterator[Server]:
    """Run a server in a new folder, whose parent others may be made in."""
    with tempfile.TemporaryDirectory(prefix="vsm-servers-") as name:
        base = Path(name)
        base.chmod(0o755)
        owner = owner_of(base, base / "none")
        owner.make_folder(base / "all")
        programs = programs_for(owner, base)
        server = Server(base / "all" / "primary", owner, programs, free_port())
        initdb = (
            "--username=postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            WAL_SEGMENT,
        )
        answer = owner.run([programs / "initdb", "-D", server.folder, *initdb])
        assert answer.status == 0, answer.text
        server.start()
        try:
            yield server
        finally:
            end(server)


def end(server: Server) -> None:
    """End a server, in whatever state it is; its data are of no use any more."""
    try:
        os.kill(server._postmaster(), 0)  # noqa: SLF001 - our own module's class
    except (OSError, IndexError, ValueError):
        return
    server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
