"""What is told of the database as this process sees it."""

import functools
from typing import Protocol

from app.telemetry import tracing
from app.telemetry.process import (
    DATABASE_UP,
    POOL_IN_USE,
    POOL_SIZE,
    STATEMENT_ERRORS,
    STATEMENT_SECONDS,
)


class Statement(Protocol):
    """A statement that was run, as the store tells it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def began_ns(self) -> int: ...  # noqa: D102
    @property
    def ended_ns(self) -> int: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def error(self) -> str | None: ...  # noqa: D102


# looking it up by its label costs more than counting; statements have few names
_seconds_of = functools.cache(STATEMENT_SECONDS.labels)


def opened(pool_size: int) -> None:
    """Tell how many connections the pool may hold."""
    POOL_SIZE.set(pool_size)


def seen(role: str, up: bool) -> None:
    """Tell whether a server is there."""
    DATABASE_UP.labels(role).set(up)


def ran(statement: Statement) -> None:
    """Count a statement."""
    _seconds_of(statement.name).observe(statement.seconds)
    if statement.error is not None:
        STATEMENT_ERRORS.labels(statement.name).inc()
    tracing.ran(statement)


def took(connections: int) -> None:
    """Count connections that left the pool, negative ones that came back."""
    POOL_IN_USE.inc(connections)
    tracing.took(connections)
