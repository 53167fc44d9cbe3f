"""OpenTelemetry costs nothing until a variable asks for it, and sends the flow as observed."""

import json
import logging
import subprocess
import sys

import pytest

from app.telemetry import SERIES
from app.telemetry.otel import OpenTelemetry
from app.telemetry.tracing import SIGNALS, wanted
from tests.observed import SEEN
from tests.otlp import plain, receiver

URL = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environ", "signals"),
    [
        ({}, ()),
        ({"OTEL_SERVICE_NAME": "shop"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": URL}, SIGNALS),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_SDK_DISABLED": "TRUE"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_SDK_DISABLED": "no"}, SIGNALS),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_LOGS_EXPORTER": "none"}, SIGNALS[:2]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": URL}, ("TRACES",)),
        ({"OTEL_METRICS_EXPORTER": "console"}, ("METRICS",)),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, ("METRICS",)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, ()),
    ],
)
def test_a_signal_is_sent_if_an_endpoint_or_an_exporter_is_named(
    environ: dict[str, str], signals: tuple[str, ...]
) -> None:
    assert wanted(environ) == signals


@pytest.mark.parametrize(
    ("variables", "imported"),
    [({}, set()), ({"OTEL_EXPORTER_OTLP_ENDPOINT": URL}, {"sdk", "exporter", "proto"})],
)
def test_of_opentelemetry_only_what_fastapi_needs_is_imported_unless_more_is_wanted(
    variables: dict[str, str], imported: set[str]
) -> None:
    script = """
import sys
from app.main import create_app
from app.settings import Settings
from app.telemetry import tracing
create_app(Settings.read({}), "postgresql+asyncpg://unused/unused")
with tracing.span("step", items=1):
    print(" ".join(sys.modules))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True
    )
    modules = {name.split(".")[1] for name in run.stdout.split() if "opentelemetry." in name}
    assert modules & {"sdk", "exporter", "proto"} == imported
    assert ("google.protobuf" in run.stdout) == bool(imported)


def test_the_flow_is_sent_under_the_names_and_labels_that_prometheus_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiver() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        telling = OpenTelemetry(["METRICS"], {})
        telling.tell_flow(SEEN)
        telling.shutdown()
    metrics = {metric.name: metric for metric in received.metrics}
    assert metrics.keys() >= {series.name for series in SERIES}
    for series in SERIES:
        sent = getattr(metrics[series.name], "sum" if series.kind == "counter" else "gauge")
        [point] = sent.data_points
        assert {tuple(plain(point.attributes).values()): 1} == dict.fromkeys(series.of(SEEN), 1)
        assert plain(point.attributes).keys() == set(series.labels)
        [number] = series.of(SEEN).values()
        assert (point.as_int or point.as_double) == number
    [wip] = metrics["vsm_work_in_progress"].gauge.data_points
    assert plain(wip.attributes) == {"stream": "shop", "stage": "Backlog", "zone": "todo"}


def test_a_line_is_sent_with_its_fields_and_its_exception_but_not_those_about_sending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiver() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        telling = OpenTelemetry(["LOGS"], {})
        for error in (ValueError("too far"), (ValueError, ValueError("too far"), None)):
            line = {"event": "internal error", "level": "error", "ms": 1.5, "exc_info": error}
            telling.log({**line, "timestamp": "2026-01-05T09:00:00Z"})
        own = logging.LogRecord("opentelemetry.exporter", 30, "", 0, "failed", None, None)
        telling.log({"event": "failed", "level": "warning", "_record": own})
        telling.shutdown()
    assert len(received.logs) == 2
    for record in received.logs:
        assert (record.body.string_value, record.severity_text) == ("internal error", "ERROR")
        told = plain(record.attributes)
        assert told.pop("exception.stacktrace")
        assert told == {"ms": 1.5, "exception.type": "ValueError", "exception.message": "too far"}


def test_an_exporter_and_a_protocol_that_nobody_knows_are_warned_of() -> None:
    script = """
from app.telemetry import configure_logs, tracing
configure_logs("json", "info")
tracing.start()
tracing.stop()
"""
    variables = {
        "OTEL_TRACES_EXPORTER": "zipkin",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    run = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True
    )
    said = [json.loads(line) for line in run.stderr.splitlines()]
    told = {(each["event"], each["level"], each["value"]) for each in said}
    assert told == {
        ("unknown exporter", "warning", "zipkin"),
        ("unknown protocol", "warning", "grpc"),
    }
