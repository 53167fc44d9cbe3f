"""The use of the embedded database by this process, and what can be asked and done without it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from app.domain.errors import EmbeddedDatabaseError
from app.store.embedded.cluster import SUPERUSER, cluster_of, delete_cluster
from app.store.embedded.lock import Lock
from app.store.embedded.owner import ROOT, owner_of, prepare_data_dir
from app.store.embedded.programs import delete_copies
from app.store.embedded.server import DATABASE, Server, read_postmaster
from app.store.embedded.socket_folder import PORT

START_LOCK = "start.lock"
PATIENCE = 120.0
"""Seconds for another process that starts or stops the server; longer than either takes."""


class EmbeddedPostgres:
    """This process's use of the PostgreSQL server of a data folder.

    The server runs from the first user's `start` to the last user's `stop`, in whichever order
    processes come and go. A killed user counts no more, and the server that it may leave is found
    by the next one. With `durable=False` a server that this use starts may lose its data when the
    machine crashes: for tests that want speed.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.durable = durable
        self._url = ""
        self._use: Lock | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The database's address for SQLAlchemy with asyncpg; empty while it is not in use."""
        return self._url

    def start(self) -> str:
        """Have the server run, use it from now on, and return its URL."""
        if self._use is None:
            server = _server_of(self.data_dir)
            prepare_data_dir(self.data_dir, server.owner)
            with _only_here(server):
                use = _users_lock(server)
                use.share()  # succeeds: nobody has it alone but in here
                try:
                    folder = server.run(durable=self.durable)
                except EmbeddedDatabaseError:
                    use.close()  # it does not run, or it needs more time: let it recover
                    raise
                except BaseException:
                    _leave(server, use)
                    raise
            self._use = use
            host = quote(str(folder))
            self._url = f"postgresql+asyncpg://{SUPERUSER}@/{DATABASE}?host={host}&port={PORT}"
        return self._url

    def stop(self) -> None:
        """Use the server no more; the last user stops it. Calling this twice does no harm."""
        use, self._use, self._url = self._use, None, ""
        if use is None:
            return
        with use:
            if self.data_dir.is_dir():  # a server whose files were deleted ends by itself
                server = _server_of(self.data_dir)
                with _only_here(server):
                    _leave(server, use)


def default_data_dir() -> Path:
    """Return where the data are kept unless somebody says otherwise."""
    if os.geteuid() == ROOT:
        return Path("/var/lib/vsm")  # root's home is closed to the user that runs PostgreSQL
    return Path.home() / ".local" / "share" / "vsm"


def is_running(data_dir: Path) -> bool:
    """Say whether a server runs on this data folder; changes nothing."""
    postmaster = read_postmaster(data_dir.resolve())
    return postmaster is not None and postmaster.answers


def reset(data_dir: Path) -> None:
    """Delete the embedded database, unless a process uses it; its folder and locks remain."""
    server = _server_of(data_dir.resolve())
    if not (server.data_dir / START_LOCK).exists():
        return  # no database was ever made here
    with _only_here(server), _users_lock(server) as users:
        if not users.take():
            raise EmbeddedDatabaseError(
                f"the embedded database in {server.data_dir} is in use; stop the service that uses"
                f" it first (`fuser {users.path}` names the process)"
            )
        server.stop()
        delete_cluster(server.data_dir)
        delete_copies(server.data_dir)
        server.delete_traces()


def _server_of(data_dir: Path) -> Server:
    return Server(data_dir, owner_of(data_dir, cluster_of(data_dir)))


@contextlib.contextmanager
def _only_here(server: Server) -> Iterator[None]:
    """Let no other process start or stop the server meanwhile."""
    with Lock(server.data_dir / START_LOCK, server.owner) as lock:
        lock.wait(PATIENCE)
        yield


def _users_lock(server: Server) -> Lock:
    return Lock(server.data_dir / "users.lock", server.owner)


def _leave(server: Server, use: Lock) -> None:
    """Give up a use; stop the server if it was the last one."""
    with use:
        if use.take():
            server.stop()
