"""The one PostgreSQL server of a data folder: started, found again, stopped.

Whether it lives is not guessed from a process id, which may belong to another process by now.
Every PostgreSQL process inherits a lock on `server.lock` and so holds it for as long as it lives,
however it ends: while the lock is held something runs, and once it is free nothing does.
Only a process that holds `start.lock` may use this module's `Server`.
"""

import os
import shlex
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import EmbeddedDatabaseError
from app.store.embedded.cluster import SUPERUSER, check_version, cluster_of, make_cluster
from app.store.embedded.lock import Lock
from app.store.embedded.owner import Owner
from app.store.embedded.programs import packaged, programs_for
from app.store.embedded.socket_folder import (
    PORT,
    SOCKET_FOLDER,
    SOCKET_NAME,
    forget_socket_folder,
    socket_folder,
)

DATABASE = "vsm_db"
START_PATIENCE = 60.0
STOP_PATIENCE = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 15.0))
"""A fast shutdown, then an immediate one: the next start recovers from that. Never SIGKILL."""
PAUSE = 0.01
LOG = "postgresql.log"
OLDER_LOG = "postgresql.log.1"
LOG_LIMIT = 10_000_000
LOG_TAIL = 10
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
CREATE_DATABASE = r"""
    select format('create database %I', :'name')
    where not exists (select from pg_database where datname = :'name') \gexec
"""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What a server says about itself in `postmaster.pid`."""

    pid: int
    socket_folder: Path
    status: str

    @property
    def answers(self) -> bool:
        """Whether a server listens on the socket; only a live one does."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.socket_folder / SOCKET_NAME))
        except (BlockingIOError, TimeoutError):
            return True  # it listens, but is too busy to take one more
        except OSError:
            return False
        return True

    @property
    def is_ready(self) -> bool:
        """Whether it takes queries; starting, recovery and stopping have other words."""
        return self.status == "ready" and self.answers


def read_postmaster(data_dir: Path) -> Postmaster | None:
    """Read `postmaster.pid`; None while there is none, or it is not written to the end."""
    path = cluster_of(data_dir) / "postmaster.pid"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        pid, folder, status = int(lines[0]), lines[4].strip(), lines[7].strip()
    except (OSError, IndexError, ValueError):
        return None
    return Postmaster(pid, Path(folder), status) if pid > 1 and folder else None


@dataclass(frozen=True, slots=True)
class Server:
    """The server of one data folder."""

    data_dir: Path
    owner: Owner

    def run(self, *, durable: bool) -> Path:
        """Have the server run, however it was left, and return its socket's folder."""
        until = time.monotonic() + START_PATIENCE
        started = False
        while time.monotonic() < until:
            postmaster = read_postmaster(self.data_dir)
            if postmaster and postmaster.is_ready:
                self._create_database(postmaster)
                return postmaster.socket_folder
            with self._lock() as lock:
                if lock.take() and not (postmaster and postmaster.answers):
                    if started:
                        raise EmbeddedDatabaseError(
                            f"PostgreSQL does not start\n{self._log_tail()}"
                        )
                    self._start(lock, durable=durable)
                    started = True
            time.sleep(PAUSE)
        raise EmbeddedDatabaseError(
            f"PostgreSQL takes no connections after {START_PATIENCE:.0f} s; it may be recovering"
            f" from a crash, so try again later\n{self._log_tail()}"
        )

    def stop(self) -> None:
        """Stop the server and wait for the end of its last process."""
        for number, patience in STOP_PATIENCE:
            until = time.monotonic() + patience
            signalled = False
            while time.monotonic() < until:
                postmaster = read_postmaster(self.data_dir)
                answers = postmaster is not None and postmaster.answers
                with self._lock() as lock:
                    if lock.take() and not answers:
                        forget_socket_folder(self.data_dir, self.owner)
                        return
                if postmaster and answers and not signalled:
                    self.owner.signal(postmaster.pid, number)
                    signalled = True
                time.sleep(PAUSE)
        raise EmbeddedDatabaseError(f"PostgreSQL does not stop\n{self._log_tail()}")

    def delete_traces(self) -> None:
        """Delete the logs and the socket's folder of a server that is stopped."""
        for log in (LOG, OLDER_LOG):
            (self.data_dir / log).unlink(missing_ok=True)
        if (self.data_dir / SOCKET_FOLDER).is_dir():
            shutil.rmtree(self.data_dir / SOCKET_FOLDER)

    def _lock(self) -> Lock:
        return Lock(self.data_dir / "server.lock", self.owner)

    def _start(self, lock: Lock, *, durable: bool) -> None:
        """Start the server, which inherits the lock; nothing of an earlier one is left."""
        check_version(self.data_dir)
        programs = programs_for(self.owner, self.data_dir)
        cluster = cluster_of(self.data_dir)
        if not cluster.is_dir():
            make_cluster(self.data_dir, self.owner, programs, lock, sync=durable)
        # Stale for certain; PostgreSQL itself would be misled if its process id is in use again.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        log = self._prepare_log()
        settings = SETTINGS | ({} if durable else NOT_DURABLE)
        settings["unix_socket_directories"] = _quoted(socket_folder(self.data_dir, self.owner))
        options = shlex.join(f"-c{name}={value}" for name, value in settings.items())
        # pg_ctl gives the server a session of its own: Ctrl-C in the terminal does not reach it
        command: list[str | Path] = [programs / "pg_ctl", "start", "-W", "-D", cluster]
        answer = self.owner.run([*command, "-l", log, "-o", options], pass_fds=[lock.fd])
        if answer.status:
            raise EmbeddedDatabaseError(f"PostgreSQL does not start: {answer.text}")

    def _create_database(self, postmaster: Postmaster) -> None:
        command: list[str | Path] = [
            *(packaged() / "psql", "--no-psqlrc", "--quiet", "--no-password"),
            *("--set=ON_ERROR_STOP=1", f"--set=name={DATABASE}"),
            *(f"--username={SUPERUSER}", f"--port={PORT}"),
            *(f"--host={postmaster.socket_folder}", "postgres"),
        ]
        answer = Owner.me().run(command, stdin=CREATE_DATABASE)
        if answer.status:
            raise EmbeddedDatabaseError(f"the database {DATABASE} cannot be made: {answer.text}")

    def _prepare_log(self) -> Path:
        """Have a log that is the owner's; a long one steps aside, so that two bound the space."""
        log = self.data_dir / LOG
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(self.data_dir / OLDER_LOG)
        os.close(self.owner.open_file(log))
        return log

    def _log_tail(self) -> str:
        log = self.data_dir / LOG
        try:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        return "\n".join([f"The last lines of {log}:", *lines[-LOG_TAIL:]])


def _quoted(folder: Path) -> str:
    """Quote for a list of names: a comma or a space in the path separates nothing."""
    return '"' + str(folder).replace('"', '""') + '"'
