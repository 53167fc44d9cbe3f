"""`vsm serve`: the API and the dashboard, with a database of its own unless told otherwise."""

import os
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import replace
from types import FrameType
from typing import Annotated, NoReturn

import typer

from app.cli.console import err, fail
from app.cli.database import data_dir, database_url, tell_workers
from app.settings import Settings

GRACE = 15
"""Seconds that requests in flight get when the service is stopped."""


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
    for number in (signal.SIGTERM, signal.SIGHUP):
        # uvicorn ends by raising the signal again; as an exception it stops the database, too
        signal.signal(number, _exit)
    if settings.database_url is None:
        err.print(f"Embedded PostgreSQL 18 in [bold]{data_dir(settings)}[/] (no DATABASE_* is set)")
    try:
        with database_url(settings) as url:
            if settings.database_url is None:
                tell_workers(url)
            address = f"http://{settings.host}:{settings.port}"
            err.print(f"VSM Service on [bold]{address}[/] (Ctrl-C stops it)")
            _run(settings, workers)
    except KeyboardInterrupt:
        pass  # Ctrl-C is how one stops it


def _run(settings: Settings, workers: int) -> None:
    """Run uvicorn until a signal comes."""
    from app.cli import draining  # noqa: PLC0415 - uvicorn: only this command needs it

    counts = _share_counts() if workers > 1 else None
    try:
        draining.run(
            "app.main:create_app",
            host=settings.host,
            port=settings.port,
            workers=workers,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE,
            server_header=False,
        )
    finally:
        if counts:
            shutil.rmtree(counts, ignore_errors=True)


def _share_counts() -> str:
    """Give the workers a folder for the request counts that they share."""
    folder = tempfile.mkdtemp(prefix="vsm-counts-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    return folder


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


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0 if number == signal.SIGTERM else 128 + number)
