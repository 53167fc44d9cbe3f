"""The data itself: `pg18/`, which is there as a whole or not at all."""

import os
import shutil
from pathlib import Path

from app.domain.errors import EmbeddedDatabaseError
from app.store.embedded.lock import Lock
from app.store.embedded.owner import Owner
from app.store.embedded.programs import MAJOR, Programs

SUPERUSER = "postgres"
WAL_SEGMENT = "--wal-segsize=4"
"""Megabytes. A new server makes the next file of its log when it needs it, and all commits wait."""
INITDB = (
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # sorts and folds alike on every system
    "--builtin-locale=C.UTF-8",
    "--auth-local=trust",  # the socket's folder is the owner's alone
    "--auth-host=reject",
    WAL_SEGMENT,
    "--no-instructions",
)


def cluster_of(data_dir: Path) -> Path:
    """Return where the data of this PostgreSQL version is, or will be."""
    return data_dir / f"pg{MAJOR}"


def check_version(data_dir: Path) -> None:
    """Refuse data of another PostgreSQL version: neither read it nor start beside it."""
    cluster = cluster_of(data_dir)
    if cluster.is_dir():
        found = _version(cluster)
        if found is None:
            raise EmbeddedDatabaseError(
                f"{cluster} is damaged: it has no PG_VERSION; restore it from a backup, or delete"
                " it to begin with an empty database"
            )
        others = [cluster] if found != str(MAJOR) else []
    else:
        folders = (data_dir, *sorted(data_dir.glob("pg[0-9][0-9]")))
        others = [folder for folder in folders if _version(folder) is not None]
    if others:
        raise EmbeddedDatabaseError(
            f"{others[0]} holds data of PostgreSQL {_version(others[0])}, but this release brings"
            f" PostgreSQL {MAJOR}; dump it with the release that made it and restore the dump here,"
            " or set VSM_DATA_DIR to another folder"
        )


def make_cluster(
    data_dir: Path, owner: Owner, programs: Programs, lock: Lock, *, sync: bool
) -> None:
    """Make an empty cluster aside, then move it into place: a killed run leaves no half of one.

    The programs inherit the lock, so that the next run waits for those that a killed one left.
    """
    fresh = data_dir / f"pg{MAJOR}.new"
    if fresh.exists():
        shutil.rmtree(fresh)
    owner.make_folder(fresh)
    options = INITDB if sync else (*INITDB, "--no-sync")
    answer = owner.run([programs / "initdb", "-D", fresh, *options], pass_fds=[lock.fd])
    if answer.status:
        raise EmbeddedDatabaseError(f"PostgreSQL cannot make its files: {answer.text}")
    fresh.rename(cluster_of(data_dir))
    if sync:
        _sync(data_dir)  # else a power failure could leave the first data under the name `.new`


def delete_cluster(data_dir: Path) -> None:
    """Delete the data and what killed runs left of it; the name goes first, at once."""
    doomed = data_dir / "deleted"
    if cluster_of(data_dir).is_dir():
        if doomed.exists():
            shutil.rmtree(doomed)
        cluster_of(data_dir).rename(doomed)
    for folder in (doomed, data_dir / f"pg{MAJOR}.new"):
        if folder.exists():
            shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _version(folder: Path) -> str | None:
    try:
        return (folder / "PG_VERSION").read_text(encoding="utf-8").strip()
    except OSError:
        return None
