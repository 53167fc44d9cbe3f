"""What is told of the database as this process sees it."""

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


def opened(pool_size: int) -> None:
    """Tell how many connections the pool may hold."""
    POOL_SIZE.set(pool_size)


def seen(role: str, up: bool) -> None:
    """Tell whether a server is there."""
    DATABASE_UP.labels(role).set(up)


def ran(statement: Statement) -> None:
    """Count a statement."""
    STATEMENT_SECONDS.labels(statement.name).observe(statement.seconds)
    if statement.error is not None:
        STATEMENT_ERRORS.labels(statement.name).inc()
    tracing.ran(statement)


def took(connections: int) -> None:
    """Count connections that left the pool, negative ones that came back."""
    POOL_IN_USE.inc(connections)
    tracing.took(connections)
