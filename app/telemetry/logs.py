"""How the logs look: JSON lines for machines, colours for a terminal."""

import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

import structlog
from structlog.typing import EventDict

from app.telemetry import tracing

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    # local variables hold bodies and passwords; they do not belong into logs
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


OF_REQUEST: ContextVar[Mapping[str, str]] = ContextVar("of_request", default=MappingProxyType({}))
"""What every log line of the request under way says of it."""


def _tell_request(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add what is said of the request, unless the line says it itself; a structlog processor."""
    return {**OF_REQUEST.get(), **event}


def configure_logs(style: str, level: str) -> None:
    """Log to standard error: JSON lines for machines, colours for a terminal."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        _tell_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
        tracing.log,
    ]
    render: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [_TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # libraries log through the standard library; give their lines the same shape
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
