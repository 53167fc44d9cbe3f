"""Bring the database's schema up to date, and tell whether it is."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text

from app.domain.errors import DatabaseUnavailable
from app.store.database import Connection

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
"""Beside the package, in a checkout and in an installation alike."""


def configuration(url: str | None = None) -> Config:
    """Return Alembic's configuration; without a URL, the migrations read the settings."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up to `revision`. Safe to call from several processes at once.

    Raises DatabaseUnavailable when the server cannot be reached.
    """
    try:
        command.upgrade(configuration(url), revision)
    except CommandError as error:
        raise DatabaseUnavailable(str(error)) from error


def downgrade(url: str, revision: str) -> None:
    """Migrate down to `revision` (`base` removes everything)."""
    command.downgrade(configuration(url), revision)


@cache
def head() -> str:
    """Return the newest revision that this version of the service knows."""
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    assert newest is not None, "there is at least the first migration"  # noqa: S101 - packaging fault
    return newest


async def is_current(connection: Connection) -> bool:
    """Tell whether the database has every migration of this version.

    A revision that this version does not know comes from a newer one that is being rolled out.
    """
    found = await revision(connection)
    return found is not None and (found == head() or found not in _known())


def knows(revision: str) -> bool:
    """Tell whether this version can bring a database of that revision up to date."""
    return revision in _known()


@cache
def _known() -> frozenset[str]:
    scripts = ScriptDirectory.from_config(configuration())
    return frozenset(script.revision for script in scripts.walk_revisions())


async def revision(connection: Connection) -> str | None:
    """Return the database's revision, None for an empty database."""
    present = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not present:
        return None
    found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
