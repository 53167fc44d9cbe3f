"""Who runs the embedded server: the one operating-system user that owns all of its files.

An ordinary user runs it himself. PostgreSQL refuses to run as root, so root runs it as the owner of
the data that are there already, else as `postgres`, else as `nobody`. No user is ever created, and
the permissions of a folder that somebody else made are never changed: what the owner cannot reach
is reported, not opened. Commands and signals run as the owner, so that nothing he writes, such as a
forged process id, can make root act for him.
"""

import contextlib
import os
import pwd
import signal
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from app.domain.errors import EmbeddedDatabaseError

ROOT = 0
UNPRIVILEGED = ("postgres", "nobody")
SHELL = "/bin/sh"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
"""All that PostgreSQL's programs see: no PG* variable of the caller can redirect them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended: its exit status, and all that it wrote."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Owner:
    """An operating-system user; everything that belongs to the server belongs to him."""

    uid: int
    gid: int

    @classmethod
    def me(cls) -> Self:
        """Return the user that this process runs as."""
        return cls(os.geteuid(), os.getegid())

    @property
    def is_me(self) -> bool:
        """Whether this process already runs as the owner."""
        return self.uid == os.geteuid()

    @property
    def name(self) -> str:
        """The user's name, or the number where the system has no name for it."""
        return user_name(self.uid)

    def run(
        self, command: Sequence[str | Path], *, pass_fds: Sequence[int] = (), stdin: str = ""
    ) -> Answer:
        """Run a command as the owner, with nothing of the caller's environment or groups."""
        identity: dict[str, Any] = (
            {} if self.is_me else {"user": self.uid, "group": self.gid, "extra_groups": []}
        )
        with subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",  # the caller's working folder may be closed to the owner
            env=ENVIRONMENT,
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C in the terminal is not meant for PostgreSQL
            **identity,
        ) as process:
            try:
                output, _ = process.communicate(stdin)
            except BaseException:  # interrupted: nothing of it may stay behind
                process.kill()
                process.wait()
                raise
        return Answer(process.returncode, output.strip())

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal as the owner: a forged pid file cannot make root hit another's process."""
        if self.is_me:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        else:
            self.run([SHELL, "-c", 'kill -s "$1" "$2"', "sh", number.name[3:], str(pid)])

    def make_folder(self, path: Path) -> None:
        """Make a folder that is the owner's alone (0700), unless it is there already.

        It appears complete or not at all: two processes may do this at the same time.
        """
        if path.is_dir():
            return
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=path.parent))
        try:
            self.take(fresh)
            fresh.rename(path)
        except OSError:
            fresh.rmdir()
            if not path.is_dir():
                raise

    def open_file(self, path: Path) -> int:
        """Open a file for reading and writing, made if missing; it never follows a link."""
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(path, flags)
        self.take(fd)
        return fd

    def take(self, made: Path | int) -> None:
        """Give the owner what root has just made for him."""
        if self.is_me:
            return
        if isinstance(made, int):
            os.fchown(made, self.uid, self.gid)
        else:
            os.chown(made, self.uid, self.gid, follow_symlinks=False)

    def first_closed(self, folder: Path) -> Path | None:
        """Return the first folder on the way to this one that the owner cannot enter.

        The owner is asked himself: access lists and mount options count, not only mode bits.
        """
        way = [path for path in reversed((folder, *folder.parents)) if path.exists()]
        ask = 'for folder; do [ -x "$folder" ] || { printf %s "$folder"; exit 1; }; done'
        answer = self.run([SHELL, "-c", ask, "sh", *way])
        return Path(answer.text) if answer.status else None


def owner_of(data_dir: Path, cluster: Path) -> Owner:
    """Return the user that runs the server for this data folder, which may not exist yet."""
    if os.geteuid() != ROOT:
        _require_mine(data_dir, cluster)
        return Owner.me()
    for path in (cluster, data_dir):
        found = _stat(path)
        if found and found.st_uid != ROOT:
            return Owner(found.st_uid, _group_of(found))
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return Owner(user.pw_uid, user.pw_gid)
    raise EmbeddedDatabaseError(
        "PostgreSQL refuses to run as root, and this system has neither a user 'postgres' nor"
        " 'nobody' to run it as; start as an ordinary user"
    )


def prepare_data_dir(data_dir: Path, owner: Owner) -> None:
    """Make the data folder and its missing parents; refuse when the owner could not reach it."""
    closed = None if owner.is_me else owner.first_closed(data_dir)
    if closed:
        raise EmbeddedDatabaseError(
            f"{closed} is closed to the user {owner.name!r}, who runs the database because"
            f" PostgreSQL refuses to run as root; set VSM_DATA_DIR to a folder that he can reach,"
            f" such as /var/lib/vsm"
        )
    try:
        missing = [path for path in reversed(data_dir.parents) if not path.exists()]
        for parent in missing:
            parent.mkdir(exist_ok=True)
            if not owner.is_me:
                parent.chmod(0o755)  # made by us, just now: whatever root's umask says
        owner.make_folder(data_dir)
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"{data_dir} cannot be made ({error}); set VSM_DATA_DIR to a folder that you may write"
        ) from error


def user_name(uid: int) -> str:
    """Return a user's name, or his number where the system has no name for him."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _require_mine(data_dir: Path, cluster: Path) -> None:
    found = _stat(data_dir)
    if found is None:
        return
    usable = stat.S_ISDIR(found.st_mode) and os.access(data_dir, os.W_OK | os.X_OK)
    inside = _stat(cluster) if usable else None
    if not usable or (inside and inside.st_uid != os.geteuid()):
        other = user_name((inside or found).st_uid)
        raise EmbeddedDatabaseError(
            f"{data_dir} belongs to the user {other!r}; start as that user, or set VSM_DATA_DIR to"
            " a folder of your own"
        )


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def _group_of(found: os.stat_result) -> int:
    try:
        return pwd.getpwuid(found.st_uid).pw_gid
    except KeyError:
        return found.st_gid
