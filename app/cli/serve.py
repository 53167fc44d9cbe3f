"""`vsm serve`: the API and the dashboard, with a database of its own unless told otherwise."""

import os
import socket
import sys
from dataclasses import replace
from typing import Annotated, NoReturn

import typer

from app.cli.console import err, fail
from app.cli.database import data_dir
from app.settings import Settings

TRIM_BYTES = 2**20
"""The C library gives the end of its memory back where more than this is free."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [PORT].")] = None,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 1,
) -> None:
    """Serve the API and the dashboard until Ctrl-C or SIGTERM.

    Without DATABASE_* variables an embedded PostgreSQL 18 is started, migrated and stopped again
    at the end; its data stay (`vsm data path`). With them, that server is used as it is: migrate
    it with `vsm migrate` or `alembic upgrade head`.

    **Examples**

        vsm serve
        PORT=9000 VSM_DATA_DIR=/srv/vsm vsm serve
        DATABASE_HOST=db DATABASE_PASSWORD=… vsm serve --workers 2
    """
    settings = Settings.read()
    settings = replace(
        settings, host=host or settings.host, port=settings.port if port is None else port
    )
    _refuse_a_taken_port(settings)
    if settings.database_url is None:
        err.print(f"Embedded PostgreSQL 18 in [bold]{data_dir(settings)}[/] (no DATABASE_* is set)")
    _become_a_server(settings, workers)


def _become_a_server(settings: Settings, workers: int) -> NoReturn:
    """Put `app.cli.serving` in this process's place: it needs nothing of what is loaded here."""
    os.environ |= {"HOST": settings.host, "PORT": str(settings.port)}
    # the C library would set memory aside for each of the threads, which have little to do
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    # nor keep what large answers took: told a threshold, it raises none of them by itself
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(TRIM_BYTES))
    # -P: nothing is imported from the current folder
    options = ["-P", "-m", "app.cli.serving", str(workers)]
    os.execv(sys.executable, [sys.executable, *options])  # noqa: S606 - no shell is wanted


def _refuse_a_taken_port(settings: Settings) -> None:
    """Fail before the database starts, with the remedy."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            fail(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}). "
                "Choose another port, for example: PORT=8001 make run"
            )
            raise typer.Exit(1) from None
