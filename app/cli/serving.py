"""The process that serves: `vsm serve` becomes it, and worker processes begin with it.

It holds what serving needs and nothing else: neither the commands nor what reads a command line.
"""

import os
import shutil
import signal
import sys
import tempfile
from types import FrameType
from typing import NoReturn

from app.cli.unloaded import leave_out

leave_out()  # before anything is imported that would load it

from app.cli import draining  # noqa: E402
from app.cli.database import database_url, tell_workers  # noqa: E402
from app.domain.errors import VsmError  # noqa: E402
from app.settings import SettingError, Settings  # noqa: E402

GRACE = 15
"""Seconds that requests in flight get when the service is stopped."""


def serve(workers: int) -> None:
    """Serve until a signal comes, with the embedded database unless there is another."""
    settings = Settings.read()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # uvicorn ends by raising the signal again; as an exception it stops the database, too
        signal.signal(number, _exit)
    try:
        with database_url(settings) as url:
            if settings.database_url is None:
                tell_workers(url)
            _say(f"VSM Service on http://{settings.host}:{settings.port} (Ctrl-C stops it)")
            _run(settings, workers)
    except KeyboardInterrupt:
        pass  # Ctrl-C is how one stops it
    except (VsmError, SettingError) as error:
        _say(f"Error: {error}")
        sys.exit(1)


def _run(settings: Settings, workers: int) -> None:
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


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0 if number == signal.SIGTERM else 128 + number)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
