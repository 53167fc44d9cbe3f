"""Where traces, metrics and logs go: by OTLP over HTTP, or to the console."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import structlog
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    ConsoleLogRecordExporter,
)
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

PROTOCOL = "http/protobuf"

log = structlog.get_logger()

Exporter = TypeVar("Exporter")


def span_processors(environ: Mapping[str, str]) -> list[SpanProcessor]:
    """Return what takes spans."""
    makers = {"otlp": OTLPSpanExporter, "console": ConsoleSpanExporter}
    return [BatchSpanProcessor(each) for each in _exporters(environ, "TRACES", makers)]


def metric_readers(environ: Mapping[str, str]) -> list[MetricReader]:
    """Return what takes metrics, every OTEL_METRIC_EXPORT_INTERVAL."""
    makers = {"otlp": OTLPMetricExporter, "console": ConsoleMetricExporter}
    return [PeriodicExportingMetricReader(each) for each in _exporters(environ, "METRICS", makers)]


def log_processors(environ: Mapping[str, str]) -> list[LogRecordProcessor]:
    """Return what takes log records."""
    makers = {"otlp": OTLPLogExporter, "console": ConsoleLogRecordExporter}
    return [BatchLogRecordProcessor(each) for each in _exporters(environ, "LOGS", makers)]


def _exporters(
    environ: Mapping[str, str], signal: str, makers: Mapping[str, Callable[[], Exporter]]
) -> Iterator[Exporter]:
    """Make the exporters that are named; what nobody here knows is warned of and left out."""
    names = environ.get(f"OTEL_{signal}_EXPORTER", "").strip() or "otlp"
    for name in (each.strip().lower() for each in names.split(",")):
        if name in makers:
            _check_protocol(environ, signal)
            yield makers[name]()
        elif name != "none":
            log.warning(
                "unknown exporter", variable=f"OTEL_{signal}_EXPORTER", value=name, known=[*makers]
            )


def _check_protocol(environ: Mapping[str, str], signal: str) -> None:
    names = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    said = next((environ[name].strip() for name in names if environ.get(name, "").strip()), None)
    if said not in (None, PROTOCOL):
        log.warning("unknown protocol", signal=signal.lower(), value=said, used=PROTOCOL)
