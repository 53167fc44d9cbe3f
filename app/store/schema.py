"""Bring the database's schema up to date, and tell whether it is.

Alembic is only there for those who migrate. A worker that serves asks but for the revision, and
keeps its memory.
"""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.domain.errors import DatabaseUnavailable
from app.store.database import Connection

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
"""Beside the package, in a checkout and in an installation alike."""

_REVISION = re.compile(r"^(revision|down_revision) = (?:\"(\w+)\"|None)$", re.MULTILINE)


def configuration(url: str | None = None) -> "Config":
    """Return Alembic's configuration; without a URL, the migrations read the settings."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up to `revision`. Safe to call from several processes at once.

    Raises DatabaseUnavailable when the server cannot be reached.
    """
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        command.upgrade(configuration(url), revision)
    except CommandError as error:
        raise DatabaseUnavailable(str(error)) from error


def downgrade(url: str, revision: str) -> None:
    """Migrate down to `revision` (`base` removes everything)."""
    from alembic import command  # noqa: PLC0415 - see above

    command.downgrade(configuration(url), revision)


@cache
def head() -> str:
    """Return the newest revision that this version of the service knows."""
    (newest,) = _revisions().keys() - set(_revisions().values())
    return newest


async def is_current(connection: Connection) -> bool:
    """Tell whether the database has every migration of this version.

    A revision that this version does not know comes from a newer one that is being rolled out.
    """
    found = await revision(connection)
    return found is not None and (found == head() or found not in _revisions())


def knows(revision: str) -> bool:
    """Tell whether this version can bring a database of that revision up to date."""
    return revision in _revisions()


@cache
def _revisions() -> dict[str, str]:
    """Return each revision with the one before it; the first has the empty one."""
    files = sorted((MIGRATIONS / "versions").glob("*.py"))
    named = [dict(_REVISION.findall(each.read_text(encoding="utf-8"))) for each in files]
    return {each["revision"]: each["down_revision"] for each in named}


async def revision(connection: Connection) -> str | None:
    """Return the database's revision, None for an empty database."""
    present = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not present:
        return None
    found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
