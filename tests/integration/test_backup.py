"""The embedded database to a file and back, as a user does it."""

import asyncio
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from app.cli.commands import application
from app.domain.errors import EmbeddedDatabaseError
from app.store import schema
from app.store.embedded import EmbeddedPostgres
from app.store.embedded.archives import safety_copy

NAMES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
DIGEST = "SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {} t"
MINE = "UPDATE work_items SET title = 'Mine'"
REVISION = "UPDATE alembic_version SET version_num = '{}'"


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vsm-backup-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def filled(base: Path) -> Path:
    """A data folder with items and moves."""
    assert vsm(base / "filled", "demo", "--days", "30").exit_code == 0
    return base / "filled"


@pytest.fixture(scope="module")
def archive(filled: Path, base: Path) -> Path:
    file = base / "kept.dump"
    written = vsm(filled, "backup", str(file))
    assert written.exit_code == 0, written.output
    assert "items and" in written.output
    return file


def vsm(data_dir: Path, *arguments: str, **environ: str) -> Result:
    """Run a command in this process."""
    variables = {"VSM_DATA_DIR": str(data_dir), "COLUMNS": "300", **environ}
    return CliRunner().invoke(application, arguments, env=variables)


def rows(data_dir: Path, *before: str) -> dict[str, object]:
    """Return a digest of every table, after some statements."""

    async def ask(url: str) -> dict[str, object]:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            for statement in before:
                await connection.execute(statement)
            names = [row[0] for row in await connection.fetch(NAMES)]
            found = {name: await connection.fetchrow(DIGEST.format(name)) for name in names}
        finally:
            await connection.close()
        return {name: tuple(row) for name, row in found.items()}

    with EmbeddedPostgres(data_dir) as embedded:
        return asyncio.run(ask(embedded.url))


def test_a_copy_never_takes_the_place_of_another_one(base: Path) -> None:
    now = datetime.now(UTC)
    first = safety_copy(base, now)
    first.touch()
    second = safety_copy(base, now)
    second.touch()
    assert len({first, second, safety_copy(base, now)}) == 3
    first.unlink()
    second.unlink()


def test_what_was_restored_is_what_was_kept_row_by_row(
    filled: Path, archive: Path, base: Path
) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    restored = vsm(base / "other", "restore", str(archive))
    assert restored.exit_code == 0, restored.output
    assert rows(base / "other") == rows(filled)


def test_what_is_there_is_replaced_only_when_told_so_and_is_kept(archive: Path, base: Path) -> None:
    own = base / "own"
    assert vsm(own, "restore", str(archive)).exit_code == 0
    kept_rows = rows(own)
    mine = rows(own, MINE)
    refused = vsm(own, "restore", str(archive))
    assert (refused.exit_code, "--replace" in refused.output) == (1, True)
    assert rows(own) == mine

    assert vsm(own, "restore", str(archive), "--replace").exit_code == 0
    assert rows(own) == kept_rows
    [kept] = own.glob("before-restore-*.dump")
    assert vsm(own, "restore", str(kept), "--replace").exit_code == 0
    assert rows(own) == mine


def test_a_file_that_is_no_backup_or_a_damaged_one_changes_nothing(
    filled: Path, archive: Path
) -> None:
    before = rows(filled)
    damaged = archive.with_name("damaged.dump")
    damaged.write_bytes(archive.read_bytes()[:-2000])
    for file, said in ((Path(__file__), "is no backup"), (damaged, "pg_restore failed")):
        refused = vsm(filled, "restore", str(file), "--replace")
        assert isinstance(refused.exception, EmbeddedDatabaseError)
        assert said in refused.exception.detail
    assert rows(filled) == before


def test_a_backup_of_a_newer_release_is_refused(filled: Path, base: Path) -> None:
    newer = base / "newer.dump"
    rows(filled, REVISION.format(9999))
    assert vsm(filled, "backup", str(newer)).exit_code == 0
    rows(filled, REVISION.format(schema.head()))
    refused = vsm(filled, "restore", str(newer), "--replace")
    assert isinstance(refused.exception, EmbeddedDatabaseError)
    assert "newer release" in refused.exception.detail


def test_a_database_in_use_is_not_replaced_and_a_file_is_not_overwritten(
    filled: Path, archive: Path
) -> None:
    async def while_connected(url: str) -> Result:
        user = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return await asyncio.to_thread(vsm, filled, "restore", str(archive), "--replace")
        finally:
            await user.close()

    with EmbeddedPostgres(filled) as embedded:
        refused = asyncio.run(while_connected(embedded.url))
    assert isinstance(refused.exception, EmbeddedDatabaseError)
    assert "in use" in refused.exception.detail
    refused = vsm(filled, "backup", str(archive))
    assert (refused.exit_code, "--overwrite" in refused.output) == (1, True)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_server_of_ones_own_is_left_alone(base: Path, command: str) -> None:
    file = str(base / "none.dump")
    refused = vsm(base / "none", command, file, DATABASE_PASSWORD="x")  # noqa: S106 - of nothing
    assert (refused.exit_code, "for the embedded" in refused.output) == (1, True)
    assert not (base / "none").exists()
