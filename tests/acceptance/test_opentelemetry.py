"""What a service sends by OTLP when the OTEL_* variables are set: spans, metrics and logs."""

from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.acceptance.processes import serving
from tests.otlp import Received, plain, receiver

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
BATCH = "/api/v1/work-items/batch"
ITEM = {
    "title": "Pay by invoice",
    "type": "bug",
    "transitions": [{"to_stage": "Testing", "timestamp": "2026-01-05T09:00:00Z"}],
}


@pytest.fixture
def received(database_url: str, tmp_path: Path) -> Received:
    """What arrived from a service that was used and then stopped."""
    with receiver() as found:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": found.url,
            "OTEL_SERVICE_NAME": "shop-flow",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
            "VSM_LOG_REQUESTS": "true",
        }
        with serving(database_url, tmp_path, **variables) as service:
            sent = httpx.post(f"{service.url}{BATCH}", json={"items": [ITEM]}, headers=CALLER)
            assert sent.status_code == 201
            assert service.get("/api/v1/work-items/7", CALLER).status_code == 404
            assert service.get("/api/v1/metrics").status_code == 200
            [line] = service.requests(BATCH, 1)
    assert (line["trace_id"], len(line["span_id"])) == (TRACE, 16)
    return found


def named(received: Received, name: str) -> Span:
    """Return a span by its name."""
    return next(span for span in received.spans if span.name == name)


def test_what_happens_is_told_as_spans_metrics_and_logs(received: Received) -> None:
    assert received.resource["service.name"] == "shop-flow"
    assert received.resource["deployment.environment.name"] == "test"
    assert received.resource["service.version"]
    assert received.resource["service.instance.id"]

    request = named(received, f"POST {BATCH}")
    assert request.kind == Span.SPAN_KIND_SERVER
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    told = plain(request.attributes)
    assert told["http.route"] == told["url.path"] == BATCH
    assert (told["http.request.method"], told["http.response.status_code"]) == ("POST", 201)
    of_one = plain(named(received, "GET /api/v1/work-items/{id}").attributes)
    assert (of_one["url.path"], of_one["http.response.status_code"]) == (
        "/api/v1/work-items/7",
        404,
    )

    batch = named(received, "batch")
    assert (batch.trace_id, batch.parent_span_id) == (request.trace_id, request.span_id)
    assert plain(batch.attributes) == {"vsm.items": 1, "vsm.stream": "default"}
    inside = [span for span in received.spans if span.parent_span_id == batch.span_id]
    statement = next(span for span in inside if span.name == "UPDATE work_items")
    assert statement.kind == Span.SPAN_KIND_CLIENT
    assert plain(statement.attributes)["db.system.name"] == "postgresql"
    assert batch.start_time_unix_nano <= statement.start_time_unix_nano
    assert statement.end_time_unix_nano <= batch.end_time_unix_nano
    assert not any("Pay by invoice" in str(span) for span in received.spans)

    own = next(span for span in received.spans if span.name == "GET /api/v1/metrics")
    assert own.trace_id.hex() != TRACE
    assert own.parent_span_id == b""
    # a statement of a file has the file's name
    assert "part_moves" in {span.name for span in received.spans if span.trace_id == own.trace_id}

    metrics = {metric.name: metric for metric in received.metrics}
    points = metrics["http.server.request.duration"].histogram.data_points
    routes = {plain(point.attributes).get("http.route"): point.count for point in points}
    assert routes[BATCH] == 1
    statements = metrics["db.client.operation.duration"].histogram.data_points
    assert "part_moves" in {plain(p.attributes)["db.query.summary"] for p in statements}

    [logged] = [
        record
        for record in received.logs
        if record.body.string_value == "request" and plain(record.attributes)["path"] == BATCH
    ]
    assert (logged.trace_id, logged.span_id) == (request.trace_id, request.span_id)
    assert (logged.severity_text, plain(logged.attributes)["status"]) == ("INFO", 201)


def test_the_sampler_and_single_signals_are_chosen_by_the_variables(
    database_url: str, tmp_path: Path
) -> None:
    with receiver() as found:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": found.url,
            "OTEL_TRACES_SAMPLER": "parentbased_always_off",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        with serving(database_url, tmp_path, **variables) as service:
            service.get("/api/v1/metrics")
            service.get("/api/v1/stages", CALLER)  # the caller's trace is sampled
    assert "GET /api/v1/stages" in {span.name for span in found.spans}
    assert {span.trace_id.hex() for span in found.spans} == {TRACE}
    assert (found.metrics, found.logs) == ([], [])
