"""The database a command works on: the server in DATABASE_*, else the embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from app.settings import Settings
from app.store.embedded import EmbeddedPostgres, default_data_dir


def data_dir(settings: Settings) -> Path:
    """Return the folder of the embedded database."""
    return settings.data_dir or default_data_dir()


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """Yield the database's URL, migrated if it is the embedded one, running for the block's time.

    While the service runs, the embedded server is shared with it. A server of one's own is never
    migrated behind one's back: that is `vsm migrate`.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    from app.store import schema  # noqa: PLC0415 - Alembic takes long to import

    with EmbeddedPostgres(data_dir(settings)) as embedded:
        schema.upgrade(embedded.url)
        yield embedded.url


def tell_workers(url: str) -> None:
    """Let worker processes of this one find the embedded database: by DATABASE_*, as any server."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    os.environ |= {
        "DATABASE_HOST": query["host"][0],
        "DATABASE_PORT": query["port"][0],
        "DATABASE_USER": parts.username or "",
        "DATABASE_PASSWORD": "not-asked-for",  # the folder is closed to other users
        "DATABASE_NAME": parts.path.lstrip("/"),
    }
