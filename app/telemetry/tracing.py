"""OpenTelemetry where the OTEL_* variables ask for it. Where not, none of it is even imported."""

import os
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.telemetry.database import Statement
    from app.telemetry.flow_series import Observation
    from app.telemetry.otel import OpenTelemetry

SIGNALS = ("TRACES", "METRICS", "LOGS")

_NOTHING: AbstractContextManager[None] = nullcontext()
_active: "OpenTelemetry | None" = None


def wanted(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return which signals somebody wants: by an exporter or by an endpoint that is named.

    The specification would send all of them to localhost if nothing is said; here silence is no.
    """
    if _said(environ, "OTEL_SDK_DISABLED").lower() == "true":
        return ()
    return tuple(signal for signal in SIGNALS if _is_wanted(environ, signal))


def _is_wanted(environ: Mapping[str, str], signal: str) -> bool:
    exporter = _said(environ, f"OTEL_{signal}_EXPORTER")
    if exporter:
        return exporter.lower() != "none"
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(_said(environ, name) for name in names)


def _said(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def start(environ: Mapping[str, str] = os.environ) -> None:
    """Begin to tell, if somebody wants to know."""
    global _active  # noqa: PLW0603 - a process tells one story
    signals = wanted(environ)
    if signals:
        from app.telemetry.otel import OpenTelemetry  # noqa: PLC0415 - costs nothing where unused

        _active = OpenTelemetry(signals, environ)


def stop() -> None:
    """Send what has not been sent, and tell nothing any more."""
    global _active
    ended, _active = _active, None
    if ended is not None:
        ended.shutdown()


def of_requests() -> dict[str, Any]:
    """Return what FastAPI, which makes the spans and metrics of requests, is told of it."""
    # unsaid, it would look for who wants to know at each request
    silent = {"tracing": False, "metrics": False, "logs": False}
    return silent if _active is None else _active.of_requests()


def span(name: str, **attributes: int | str) -> AbstractContextManager[None]:
    """Return a block that is a step of its own in the trace."""
    return _NOTHING if _active is None else _active.span(name, attributes)


def ran(statement: "Statement") -> None:
    """Tell of a statement that was run."""
    if _active is not None:
        _active.ran(statement)


def took(connections: int) -> None:
    """Tell of connections that left the pool, negative ones that came back."""
    if _active is not None:
        _active.took(connections)


def wants_flow() -> bool:
    """Tell whether the flow's series are sent; whoever knows them then calls `tell_flow`."""
    return _active is not None and _active.sends_metrics


def tell_flow(seen: "Observation") -> None:
    """Give the flow's series, to be sent until newer ones are given."""
    if _active is not None:
        _active.tell_flow(seen)


def log(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the trace to a log line, and send it; one of structlog's processors."""
    if _active is not None:
        _active.log(event)
    return event
