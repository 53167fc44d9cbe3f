"""`vsm backup` and `vsm restore`: the embedded database to a file and back."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.cli.console import err, fail
from app.cli.database import data_dir
from app.settings import Settings

File = Annotated[Path, typer.Argument(help="The archive, in PostgreSQL's custom format.")]


def backup(
    file: File,
    overwrite: Annotated[bool, typer.Option(help="Replace the file if it is there.")] = False,
) -> None:
    """Write all of the embedded database to a file, as it is at this moment; the service may run.

    The file can be read by `vsm restore` and by `pg_restore`. Servers named by DATABASE_* have
    backups of their own, such as CloudNativePG's.

    **Example**

        vsm backup vsm-2026-11-27.dump
    """
    settings = _embedded_only("backup")
    if file.exists() and not overwrite:
        fail(f"{file} is there already; name another file, or say --overwrite")
        raise typer.Exit(1)
    from app.store.embedded import EmbeddedPostgres, archives  # noqa: PLC0415 - imports much

    with EmbeddedPostgres(data_dir(settings)) as embedded:
        held = asyncio.run(archives.contents(embedded.url))
        if held.revision is None:
            fail(f"there is nothing to keep in {data_dir(settings)}")
            raise typer.Exit(1)
        with _told("Writing") as progress:
            archives.dump(embedded.url, file, progress)
    archives.objects(file)  # it can be read back
    size = file.stat().st_size / 1e6
    err.print(
        f"Wrote {file} ({size:.1f} MB) with {held.items:,} items and {held.moves:,} moves"
        f" at revision {held.revision}, and read its contents back."
    )


def restore(
    file: File,
    replace: Annotated[
        bool, typer.Option(help="Replace what is there; it is kept in a file.")
    ] = False,
) -> None:
    """Put a backup in place of the embedded database. The service must not be running.

    A database that holds anything is only replaced with `--replace`, and kept as a backup in the
    data folder. An archive of an older release is brought up to date; one of a newer release is
    refused. If it fails, nothing has changed.

    **Example**

        vsm restore vsm-2026-11-27.dump --replace
    """
    settings = _embedded_only("restore")
    from app.store import schema  # noqa: PLC0415 - Alembic takes long to import
    from app.store.embedded import EmbeddedPostgres, archives  # noqa: PLC0415

    archives.objects(file)
    with EmbeddedPostgres(data_dir(settings)) as embedded:
        url = embedded.url
        before = asyncio.run(archives.contents(url))
        if not before.is_empty:
            if not replace:
                fail(
                    f"the embedded database holds {before.items:,} items; say --replace to"
                    " replace it (it is kept as a backup)"
                )
                raise typer.Exit(1)
            kept = archives.safety_copy(embedded.data_dir, datetime.now(UTC))
            with _told("Keeping what is there") as progress:
                archives.dump(url, kept, progress)
            err.print(f"What was there is kept in {kept}.")
        with _told("Restoring") as progress:
            asyncio.run(archives.restore(url, file, progress))
        schema.upgrade(archives.restored_url(url))
        asyncio.run(archives.put_in_place(url))
        held = asyncio.run(archives.contents(url))
    err.print(f"Restored {held.items:,} items and {held.moves:,} moves from {file}.")


def _embedded_only(command: str) -> Settings:
    settings = Settings.read()
    if settings.database_url is not None:
        fail(
            f"`vsm {command}` is for the embedded database, but DATABASE_* name a server; use its"
            " own tools (docs/operations.md)"
        )
        raise typer.Exit(1)
    return settings


@contextmanager
def _told(what: str) -> Iterator[Callable[[int], None]]:
    """Show that something goes on, and how far it is."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as shown:
        task = shown.add_task(what)
        yield lambda done: shown.update(task, description=f"{what}: step {done:,}")
