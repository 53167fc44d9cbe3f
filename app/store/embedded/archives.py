"""Backups of the embedded database: PostgreSQL's own archives, written and read by its programs.

An archive is complete or not there. A restore is made in a database of its own and put in place of
the other when it is complete, so a failure on the way changes nothing.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from app.domain.errors import EmbeddedDatabaseError
from app.store import schema
from app.store.embedded.cluster import SUPERUSER
from app.store.embedded.owner import ENVIRONMENT
from app.store.embedded.programs import packaged
from app.store.embedded.server import DATABASE

FRESH = f"{DATABASE}_restored"
OLD = f"{DATABASE}_replaced"
NEEDED = ("TABLE public work_items ", "TABLE DATA public alembic_version ")
"""What the table of contents of an archive of ours has."""

Progress = Callable[[int], None]
"""Called with the number of objects of the database that are done."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: its revision (None: nothing at all), and how many items and moves."""

    revision: str | None
    items: int = 0
    moves: int = 0
    definitions: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nobody has put anything there yet."""
        return not (self.items or self.moves or self.definitions)


async def contents(url: str, database: str = DATABASE) -> Contents:
    """Tell what a database of the server holds."""
    connection = await _connect(url, database)
    try:
        if not await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
            return Contents(None)
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        kept = "SELECT to_regclass('stream_versions') IS NOT NULL"  # since the second revision
        tables = ["work_items", "stage_transitions"]
        tables += ["stream_versions"] if await connection.fetchval(kept) else []
        counts = [await connection.fetchval(f"SELECT count(*) FROM {name}") for name in tables]  # noqa: S608
        return Contents(revision, *counts)
    finally:
        await connection.close()


def objects(archive: Path) -> int:
    """Return how many objects an archive has; EmbeddedDatabaseError if it is none of ours."""
    with _command("pg_restore", "--list", archive) as listed:
        lines = list(_lines(listed))
    if listed.returncode or not all(any(part in line for line in lines) for part in NEEDED):
        raise EmbeddedDatabaseError(f"{archive} is no backup of this service's, or is damaged")
    return sum(not line.startswith(";") for line in lines)


def dump(url: str, archive: Path, progress: Progress = lambda _done: None) -> None:
    """Write an archive of the database; it appears when it is complete, for its owner alone."""
    part = archive.with_name(f"{archive.name}.part")
    try:
        part.touch(mode=0o600)
        options = ("--format=custom", "--no-owner", "--no-privileges", "--verbose")
        _run("pg_dump", *options, f"--file={part}", *_server(url, DATABASE), progress=progress)
        part.rename(archive)
    except OSError as error:
        raise EmbeddedDatabaseError(f"{archive} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


async def restore(url: str, archive: Path, progress: Progress = lambda _done: None) -> str:
    """Put an archive in place of the database, brought up to date; returns the revision it had.

    Nobody else may be connected. Raises EmbeddedDatabaseError, and changes nothing, if it fails.
    """
    admin = await _connect(url, "postgres")
    try:
        await _refuse_others(admin)
        for left_behind in (FRESH, OLD):
            await admin.execute(f"DROP DATABASE IF EXISTS {left_behind}")
        await admin.execute(f"CREATE DATABASE {FRESH}")
        try:
            options = ("--exit-on-error", "--single-transaction", "--no-owner", "--verbose")
            _run("pg_restore", *options, *_server(url, FRESH), archive, progress=progress)
            revision = str((await contents(url, FRESH)).revision)
            _refuse_newer(archive, revision)
        except BaseException:
            await admin.execute(f"DROP DATABASE {FRESH}")
            raise
        return revision
    finally:
        await admin.close()


async def put_in_place(url: str) -> None:
    """Have the restored database take the place of the other, which is dropped."""
    fresh = await _connect(url, FRESH)
    await fresh.execute("ANALYZE")  # an archive holds rows, and not what the planner knows of them
    await fresh.close()
    admin = await _connect(url, "postgres")
    try:
        await _refuse_others(admin)
        await admin.execute(f"ALTER DATABASE {DATABASE} RENAME TO {OLD}")
        await admin.execute(f"ALTER DATABASE {FRESH} RENAME TO {DATABASE}")
        await admin.execute(f"DROP DATABASE {OLD}")
    finally:
        await admin.close()


def restored_url(url: str) -> str:
    """Return the URL of the restored database, before it is put in place."""
    return url.replace(f"/{DATABASE}?", f"/{FRESH}?")


def safety_copy(data_dir: Path, now: datetime) -> Path:
    """Return where a database is kept before it is replaced: never a file that is there.

    The one that is being restored may be a copy from the same second.
    """
    name = f"before-restore-{now:%Y%m%dT%H%M%S}"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    free = (data_dir / f"{each}.dump" for each in names)
    return next(each for each in free if not each.exists())


def _refuse_newer(archive: Path, revision: str) -> None:
    if not schema.knows(revision):
        raise EmbeddedDatabaseError(
            f"{archive} was made by a newer release: its revision is {revision}, and this one knows"
            f" {schema.head()} at most; restore it with that release"
        )


async def _refuse_others(admin: asyncpg.Connection) -> None:
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
    if await admin.fetchval(others, DATABASE):
        raise EmbeddedDatabaseError(
            "the embedded database is in use; stop the service that uses it, then restore"
        )


async def _connect(url: str, database: str) -> asyncpg.Connection:
    query = parse_qs(urlsplit(url).query)
    host, port = query["host"][0], int(query["port"][0])
    return await asyncpg.connect(host=host, port=port, user=SUPERUSER, database=database)


def _server(url: str, database: str) -> tuple[str, ...]:
    query = parse_qs(urlsplit(url).query)
    return (
        f"--host={query['host'][0]}",
        f"--port={query['port'][0]}",
        f"--username={SUPERUSER}",
        "--no-password",
        f"--dbname={database}",
    )


def _command(program: str, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        [packaged() / program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=ENVIRONMENT,
    )


def _run(program: str, *arguments: str | Path, progress: Progress) -> None:
    """Run a program that tells, line by line, what it is at; its last lines tell why it failed."""
    told: list[str] = []
    with _command(program, *arguments) as process:
        try:
            for line in _lines(process):
                told.append(line)
                progress(len(told))
        except BaseException:
            process.kill()  # interrupted: nothing of it may stay behind
            raise
    if process.returncode:
        raise EmbeddedDatabaseError(f"{program} failed: {' '.join(told[-3:])}")


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None, "it is a pipe"  # noqa: S101
    return (line.rstrip() for line in process.stdout)
