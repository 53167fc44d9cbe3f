"""What a service writes to its log: little, in JSON, and with what leads to the request."""

from pathlib import Path

from sqlalchemy import text

from app.store.database import Database, transaction
from tests.acceptance.processes import serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


async def test_only_requests_that_fail_are_logged_unless_more_is_asked_for(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    with serving(database_url, tmp_path) as service:
        assert service.get("/api/v1/work-items").status_code == 200
        assert service.get("/api/v1/work-items/7").status_code == 404
        assert service.requests() == []
        async with transaction(database) as connection:
            await connection.execute(text("ALTER TABLE work_items RENAME TO gone"))
        sent = {"X-Request-ID": "deploy-42", "traceparent": TRACEPARENT}
        failed = service.get("/api/v1/work-items?q=secret", headers=sent)
        assert failed.status_code == 503
        assert failed.headers["x-request-id"] == "deploy-42"
        [line] = service.requests(number=1)
        assert line["timestamp"].endswith("Z")
        assert line.pop("ms") > 0
        del line["timestamp"]
        assert line == {
            "event": "request",
            "level": "error",
            "method": "GET",
            "path": "/api/v1/work-items",
            "status": 503,
            "request_id": "deploy-42",
            "trace_id": TRACE,
        }
        others = [each for each in service.lines() if each["event"] == "unavailable"]
        assert {each["request_id"] for each in others} <= {"deploy-42"}


def test_slow_requests_are_warned_of(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, VSM_LOG_SLOW="0") as service:
        service.get("/ready")
        [last] = service.requests("/ready", 1)
    assert (last["level"], last["path"], last["status"]) == ("warning", "/ready", 200)


def test_every_request_is_logged_where_it_is_asked_for(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, VSM_LOG_REQUESTS="true") as service:
        for malformed in ("00-0-0-00", f"00-{'0' * 32}-00f067aa0ba902b7-01"):
            service.get("/api/v1/work-items/7", headers={"traceparent": malformed})
        first, second = service.requests("/api/v1/work-items/7", 2)
    assert (first["level"], first["status"]) == ("info", 404)
    assert "trace_id" not in first.keys() | second.keys()
    assert first["request_id"] != second["request_id"]
