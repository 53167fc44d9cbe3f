"""Values that cannot be right are refused with the reason, and never with a server error."""

import json
from typing import Any

import httpx
import pytest

from tests.acceptance.helpers import ITEMS, METRICS, ahead, fields, problem

GOOD = {"title": "Pay by invoice", "type": "feature"}
MOVE = {"to_stage": "Analysis"}

INSTANTS = [
    pytest.param("2026-03-02T09:00:00", id="without-offset"),
    pytest.param("2026-03-02", id="a-day"),
    pytest.param("yesterday", id="a-word"),
    pytest.param(1_772_442_000, id="a-number"),
    pytest.param(True, id="a-truth"),
    pytest.param("2026-02-30T09:00:00Z", id="no-such-day"),
    pytest.param("2026-03-02T24:01:00Z", id="no-such-hour"),
    pytest.param("2026-03-02T09:00:00+25:00", id="no-such-offset"),
    pytest.param("0001-01-01T00:00:00+05:00", id="before-the-calendar"),
    pytest.param("9999-12-31T23:59:59-05:00", id="after-the-calendar"),
    pytest.param("1969-12-31T23:59:59Z", id="before-1970"),
    pytest.param("1970-01-01T00:59:59+01:00", id="before-1970-in-utc"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("title", "", id="title-empty"),
        pytest.param("title", "x" * 501, id="title-of-501"),
        pytest.param("title", "a\0b", id="title-with-nul"),
        pytest.param("title", "a\ud800b", id="title-with-lone-surrogate"),
        pytest.param("title", 7, id="title-a-number"),
        pytest.param("title", None, id="title-null"),
        pytest.param("title", ["a"], id="title-an-array"),
        pytest.param("type", "story", id="type-unknown"),
        pytest.param("type", "Feature", id="type-in-capitals"),
        pytest.param("type", "\ud800", id="type-a-lone-surrogate"),
        pytest.param("type", None, id="type-null"),
        pytest.param("stage", "Nowhere", id="stage-unknown"),
        pytest.param("stage", "", id="stage-empty"),
        pytest.param("stage", "a\0", id="stage-with-nul"),
        pytest.param("reason", "", id="reason-empty"),
        pytest.param("reason", "x" * 2001, id="reason-of-2001"),
        pytest.param("actor_kind", "robot", id="actor-kind-unknown"),
        pytest.param("external_key", "x" * 256, id="key-of-256"),
        pytest.param("external_key", "", id="key-empty"),
        pytest.param("id", 7, id="own-id"),
        pytest.param("priority", "high", id="no-such-field"),
        pytest.param("created_at", "2026-03-02T09:00:00Z", id="answered-but-not-asked"),
    ],
)
async def test_an_item_with_a_wrong_field_is_refused_by_that_fields_name(
    shared: httpx.AsyncClient, name: str, value: Any
) -> None:
    body = problem(await post(shared, ITEMS, GOOD | {name: value}), 422, _kind(name, value))
    assert fields(body) == [name]
    assert name in body["detail"]


def _kind(name: str, value: Any) -> str:
    return "invalid-value" if (name, value) == ("stage", "Nowhere") else "invalid-request"


async def test_a_field_name_that_is_no_text_is_refused(shared: httpx.AsyncClient) -> None:
    problem(await post(shared, ITEMS, GOOD | {"\ud800": 1}), 422, "invalid-request")


@pytest.mark.parametrize("missing", ["title", "type"])
async def test_an_item_without_a_required_field_is_refused(
    shared: httpx.AsyncClient, missing: str
) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    answer = problem(await post(shared, ITEMS, body), 422, "invalid-request")
    assert fields(answer) == [missing]


async def test_every_wrong_part_is_named_at_once(shared: httpx.AsyncClient) -> None:
    wrong = {"title": "", "type": "story", "colour": "red", "timestamp": "now"}
    body = problem(await post(shared, ITEMS, wrong), 422, "invalid-request")
    assert sorted(fields(body)) == ["colour", "timestamp", "title", "type"]


async def test_a_source_without_a_key_is_refused(shared: httpx.AsyncClient) -> None:
    body = problem(await post(shared, ITEMS, GOOD | {"source": "jira"}), 422, "invalid-value")
    assert fields(body) == ["external_key"]


@pytest.mark.parametrize("value", INSTANTS)
@pytest.mark.parametrize("path", [ITEMS, f"{ITEMS}/1/transition", f"{ITEMS}/1/cancel"])
async def test_an_instant_that_cannot_be_right_is_refused(
    shared: httpx.AsyncClient, path: str, value: Any
) -> None:
    method = "PUT" if path.endswith("transition") else "POST"
    body = {ITEMS: GOOD, f"{ITEMS}/1/cancel": {"reason": "no use"}}.get(path, MOVE)
    answer = await shared.request(method, path, json=body | {"timestamp": value})
    assert fields(problem(answer, 422, "invalid-request")) == ["timestamp"]


@pytest.mark.parametrize("path", [ITEMS, f"{ITEMS}/1/transition", f"{ITEMS}/1/cancel"])
async def test_an_instant_more_than_five_minutes_ahead_is_refused(
    shared: httpx.AsyncClient, path: str
) -> None:
    method = "PUT" if path.endswith("transition") else "POST"
    body = {ITEMS: GOOD, f"{ITEMS}/1/cancel": {"reason": "no use"}}.get(path, MOVE)
    answer = await shared.request(method, path, json=body | {"timestamp": ahead(minutes=5.5)})
    assert fields(problem(answer, 422, "invalid-value")) == ["timestamp"]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        pytest.param(b"{", "application/json", id="half-an-object"),
        pytest.param(b"", "application/json", id="nothing"),
        pytest.param(b"null", "application/json", id="null"),
        pytest.param(b"[]", "application/json", id="an-array"),
        pytest.param(b'"title"', "application/json", id="a-string"),
        pytest.param(b'{"title": "\xff", "type": "bug"}', "application/json", id="not-utf-8"),
        pytest.param(b"[" * 100_000, "application/json", id="too-deep"),
        pytest.param(b'{"title": ' + b"9" * 5000 + b"}", "application/json", id="too-long-number"),
        pytest.param(b'{"title": NaN, "type": "bug"}', "application/json", id="nan"),
        pytest.param(b'{"title": "a", "type": "bug"}', "text/plain", id="plain-text"),
        pytest.param(b"title=a&type=bug", "application/x-www-form-urlencoded", id="a-form"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused_with_the_reason(
    shared: httpx.AsyncClient, content: bytes, media_type: str
) -> None:
    answer = await shared.post(ITEMS, content=content, headers={"Content-Type": media_type})
    body = problem(answer, 422, "invalid-request")
    assert body["detail"] != body["title"]


@pytest.mark.parametrize("to_stage", ["Nowhere", " ", "Back log", "production\u200b"])
async def test_a_move_to_an_unknown_stage_is_answered_404_with_the_stages(
    shared: httpx.AsyncClient, to_stage: str
) -> None:
    answer = await shared.put(f"{ITEMS}/1/transition", json={"to_stage": to_stage})
    assert "Backlog, Analysis" in problem(answer, 404, "unknown-stage")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to_stage": ""},
        {"to_stage": None},
        {"to_stage": 3},
        {"to_stage": "a\0"},
        MOVE | {"from_stage": "Backlog"},
        MOVE | {"source_event_id": ""},
    ],
)
async def test_a_move_with_a_wrong_field_is_refused(
    shared: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await shared.put(f"{ITEMS}/1/transition", json=body)
    assert len(fields(problem(answer, 422, "invalid-request"))) == 1


@pytest.mark.parametrize("path", ["", "/history", "/transition", "/cancel", "/restore"])
async def test_an_unknown_item_is_answered_404(shared: httpx.AsyncClient, path: str) -> None:
    for item_id in (999_999, 2**63 - 1):
        answer = await _ask(shared, f"{ITEMS}/{item_id}{path}")
        assert str(item_id) in problem(answer, 404, "unknown-item")["detail"]


@pytest.mark.parametrize("item_id", ["0", "-1", str(2**63), "9" * 400, "1.5", "one", "%00", "1e3"])
@pytest.mark.parametrize("path", ["", "/history", "/transition", "/cancel", "/restore"])
async def test_an_id_that_no_item_can_have_is_refused(
    shared: httpx.AsyncClient, path: str, item_id: str
) -> None:
    answer = await _ask(shared, f"{ITEMS}/{item_id}{path}")
    assert fields(problem(answer, 422, "invalid-request")) == ["id"]


async def _ask(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """Send what this path of an item expects."""
    if path.endswith("/transition"):
        return await client.put(path, json=MOVE)
    if path.endswith(("/cancel", "/restore")):
        return await client.post(path, json={"reason": "no use"})
    return await client.get(path)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("days=0", "days"),
        ("days=91", "days"),
        ("days=-7", "days"),
        ("days=abc", "days"),
        ("days=7.5", "days"),
        ("days=", "days"),
        ("dayz=7", "dayz"),
        ("type=story", "type"),
        ("tz=Mars/Olympus", "tz"),
        ("tz=", "tz"),
        ("stream=", "stream"),
        ("start=2025-03-03T00:00:00&end=2025-03-04T00:00:00Z", "start"),
        ("start=2025-03-03T00:00:00Z&end=tomorrow", "end"),
        ("start=1969-12-31T00:00:00Z", "start"),
        ("as_of=noon", "as_of"),
        ("start=2025-03-03T00:00:00Z&end=2025-03-03T00:00:00Z", "end"),
        ("start=2025-03-04T00:00:00Z&end=2025-03-03T00:00:00Z", "end"),
        ("start=2025-03-04T00:00:00Z&end=2025-03-04T01:00:00%2B02:00", "end"),
        ("end=2025-03-04T00:00:00Z", "start"),
        ("days=7&start=2025-03-03T00:00:00Z&end=2025-03-04T00:00:00Z", "days"),
        ("as_of=2999-01-01T00:00:00Z", "as_of"),
        ("start=2999-01-01T00:00:00Z&end=2999-01-02T00:00:00Z", "start"),
    ],
)
async def test_metrics_of_a_window_that_cannot_be_right_are_refused(
    shared: httpx.AsyncClient, query: str, field: str
) -> None:
    answer = await shared.get(f"{METRICS}?{query}")
    kind = "invalid-value" if "invalid-value" in answer.text else "invalid-request"
    assert fields(problem(answer, 422, kind)) == [field]


@pytest.mark.parametrize("path", [METRICS, "/api/v1/stages", ITEMS])
async def test_an_unknown_stream_is_answered_404(shared: httpx.AsyncClient, path: str) -> None:
    answer = await shared.get(path, params={"stream": "elsewhere"})
    assert "elsewhere" in problem(answer, 404, "unknown-stream")["detail"]


@pytest.mark.parametrize("path", [METRICS, "/api/v1/stages", ITEMS, f"{ITEMS}/1/history"])
async def test_an_unknown_query_parameter_is_refused(shared: httpx.AsyncClient, path: str) -> None:
    answer = await shared.get(path, params={"colour": "red"})
    assert fields(problem(answer, 422, "invalid-request")) == ["colour"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{ITEMS}/batch"),
        ("PUT", f"{ITEMS}/1/transition"),
        ("PATCH", f"{ITEMS}/1"),
        ("POST", f"{ITEMS}/1/restore"),
        ("GET", f"{ITEMS}/1"),
    ],
)
async def test_a_query_where_none_is_taken_is_refused(
    shared: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await shared.request(method, path, params={"stream": "default"})
    assert fields(problem(answer, 422, "invalid-request")) == ["stream"]


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    """Send JSON with every character escaped, so that lone surrogates can travel."""
    content = json.dumps(body, ensure_ascii=True).encode()
    return await client.post(path, content=content, headers={"Content-Type": "application/json"})
