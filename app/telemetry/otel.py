"""Traces, metrics and logs by OTLP. Imported only where the OTEL_* variables ask for it.

The SDK reads most of those variables itself: endpoints, headers, sampler, batch sizes, resource.
Names of attributes and metrics are those of OpenTelemetry's semantic conventions where it has some.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import CallbackOptions, Meter
from opentelemetry.metrics import Observation as Sample
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

from app import __version__
from app.telemetry.database import Statement
from app.telemetry.flow_series import SERIES, Observation, Series
from app.telemetry.otel_exporters import log_processors, metric_readers, span_processors

SCOPE = "vsm-service"
FRESH = 300.0
"""Seconds for which the flow is told as it was observed last."""

PATIENCE = 3.0
"""Seconds that what is waiting gets to be sent when the process ends."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
_NO_ATTRIBUTES = {"event", "level", "timestamp", "exc_info", "_record", "_from_structlog"}
_ITS_OWN = ("opentelemetry", "urllib3", "requests")
"""Loggers of those who send: to send what they say would give them more to say."""

log = structlog.get_logger()


class OpenTelemetry:
    """What the process tells, and to whom, as the variables say."""

    def __init__(self, signals: Iterable[str], environ: Mapping[str, str]) -> None:
        resource = _resource()
        chosen = set(signals)
        self.sends_metrics = "METRICS" in chosen
        self._shutdowns: list[Callable[[], object]] = []
        self._traces: trace.TracerProvider = trace.NoOpTracerProvider()
        if "TRACES" in chosen:
            traces = TracerProvider(resource=resource, shutdown_on_exit=False)
            for processor in span_processors(environ):
                traces.add_span_processor(processor)
            self._traces = traces
            self._shutdowns.append(traces.shutdown)
        self._tracer = self._traces.get_tracer(SCOPE, __version__)
        self._metrics: metrics.MeterProvider = metrics.NoOpMeterProvider()
        if self.sends_metrics:
            measures = MeterProvider(metric_readers(environ), resource, shutdown_on_exit=False)
            self._metrics = measures
            self._shutdowns.append(measures.shutdown)
        self._measure(self._metrics.get_meter(SCOPE, __version__))
        self._logger = None
        if "LOGS" in chosen:
            logs = LoggerProvider(resource, shutdown_on_exit=False)
            for each in log_processors(environ):
                logs.add_log_record_processor(each)
            self._logger = logs.get_logger(SCOPE, __version__)
            self._shutdowns.append(logs.shutdown)
        self._seen: tuple[float, Observation] | None = None

    def shutdown(self) -> None:
        """Send what is waiting, and end; whoever does not answer by then is not waited for."""
        ending = [threading.Thread(target=each, daemon=True) for each in self._shutdowns]
        for each in ending:
            each.start()
        deadline = time.monotonic() + PATIENCE
        for each in ending:
            each.join(max(0.0, deadline - time.monotonic()))

    def _measure(self, meter: Meter) -> None:
        self._statement_seconds = meter.create_histogram(
            "db.client.operation.duration",
            "s",
            "Duration of database client operations.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._connections = meter.create_up_down_counter(
            "db.client.connection.count", "{connection}", "Connections of the pool in use."
        )
        for series in SERIES:
            make = (
                meter.create_observable_counter
                if series.kind == "counter"
                else meter.create_observable_gauge
            )
            make(series.name, [partial(self._samples, series)], description=series.help)

    def _samples(self, series: Series, _: CallbackOptions) -> Iterator[Sample]:
        if self._seen is not None and time.monotonic() - self._seen[0] < FRESH:
            for labels, number in series.of(self._seen[1]).items():
                yield Sample(number, dict(zip(series.labels, labels, strict=True)))

    def tell_flow(self, seen: Observation) -> None:
        """Keep what the readers of metrics are told of the flow."""
        self._seen = (time.monotonic(), seen)

    def of_requests(self) -> dict[str, Any]:
        """Return FastAPI's settings: it tells of requests, and leaves logs and steps to us."""
        return {
            "tracer_provider": self._traces,
            "meter_provider": self._metrics,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        }

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, int | str]) -> Iterator[None]:
        """Make the block a span."""
        named = {f"vsm.{key}": value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(name, attributes=named):
            yield

    def ran(self, statement: Statement) -> None:
        """Tell of a statement; it has a span only within another one, and never its values."""
        attributes = {"db.system.name": "postgresql", "db.query.summary": statement.name}
        if statement.error is not None:
            attributes["error.type"] = statement.error
        self._statement_seconds.record(statement.seconds, attributes)
        if not trace.get_current_span().is_recording():
            return
        span = self._tracer.start_span(
            statement.name,
            kind=SpanKind.CLIENT,
            attributes={**attributes, "db.query.text": statement.text},
            start_time=statement.began_ns,
        )
        if statement.error is not None:
            span.set_status(Status(StatusCode.ERROR, statement.error))
        span.end(statement.ended_ns)

    def took(self, connections: int) -> None:
        """Count the pool's connections."""
        self._connections.add(connections, {"db.client.connection.state": "used"})

    def log(self, event: MutableMapping[str, Any]) -> None:
        """Add the present trace to a line, and send the line."""
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = trace.format_trace_id(context.trace_id)
            event["span_id"] = trace.format_span_id(context.span_id)
        record = event.get("_record")
        if self._logger is None or (record is not None and record.name.startswith(_ITS_OWN)):
            return
        level = str(event.get("level", "info"))
        self._logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_text=level.upper(),
                severity_number=_SEVERITIES.get(level, SeverityNumber.INFO),
                body=str(event.get("event", "")),
                attributes={
                    key: value if isinstance(value, str | int | float | bool) else str(value)
                    for key, value in event.items()
                    if key not in _NO_ATTRIBUTES
                },
                exception=_exception(event.get("exc_info")),
            )
        )


def _resource() -> Resource:
    """Return who tells: as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, else the service."""
    own = {
        "service.name": SCOPE,
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())


def _exception(told: object) -> BaseException | None:
    """Return the exception of a line: structlog takes it as itself or as `sys.exc_info()`."""
    if isinstance(told, tuple):
        told = told[1]
    return told if isinstance(told, BaseException) else None
