"""Whatever the bytes, a reader returns a reading; what it returns can be stored."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.connectors import jira, stage_dates, transitions_table
from app.connectors.detect import detect_format
from app.connectors.reading import Reading, ReadOptions
from app.domain.value_stream import DEFAULT_STREAM, ValueStream

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPTIONS = ReadOptions(now=NOW, tz=ZoneInfo("Europe/Berlin"), blocked_labels=("stuck",))
Reader = Callable[[bytes, str, ValueStream, ReadOptions], Reading]

CSV = (
    b"key,title,type,created,from,to,date,event_id,cancelled\n"
    b'A-1,"One, two",Story,2025-01-01,,Backlog,2025-01-01,e1,\n'
    b"A-1,,,,Backlog,Doing,2025-01-02T10:00:00.123+0100,e2,no\n"
    b"B-2,x,Bug,1/2/2025,,Rejected,1/31/2025 8:00 AM,e1,yes\n"
    b"C-3,x,Bug,,,Done,1735689600,,2025-02-01\n"
)
JSONL = (
    b'{"key": "A", "to": "Backlog", "timestamp": 1735689600, "title": null}\n'
    b'{"key": "A", "to": "Done", "timestamp": "2025-01-02 10:00"}\n'
)
DATES = (
    b"ID;Name;Type;Created Date;Backlog;Committed;Build;Testing;Done;Cancelled;State\n"
    b"A;x;Bug;2025-01-01;2025-01-01;2025-01-02;2025-01-02;;2025-01-03 10:00;;Done\n"
    b"B;y;Epic;2025-01-01;;;;;;2025-01-05;Removed\n"
)
JIRA = json.dumps(
    {
        "issues": [
            {
                "key": "A-1",
                "fields": {
                    "summary": "s",
                    "issuetype": {"name": "Story"},
                    "created": "2025-01-01T00:00:00.000+0000",
                    "status": {"name": "Odd", "statusCategory": {"key": "done"}},
                    "resolution": {"name": "Duplicate"},
                },
                "changelog": {
                    "total": 1,
                    "histories": [
                        {
                            "id": "1",
                            "created": "2025-01-02T00:00:00.000+0000",
                            "items": [
                                {"field": "status", "fromString": "New", "toString": "Odd"},
                                {"field": "Flagged", "toString": "Impediment"},
                                {"field": "labels", "fromString": "a stuck", "toString": "a"},
                            ],
                        }
                    ],
                },
            }
        ]
    }
).encode()

READERS: list[tuple[Reader, bytes]] = [
    (transitions_table.read_csv, CSV),
    (transitions_table.read_jsonl, JSONL),
    (stage_dates.read, DATES),
    (jira.read, JIRA),
]
cases = pytest.mark.parametrize(("reader", "valid"), READERS)

TOKENS = (
    *(
        b"",
        b",",
        b";",
        b'"',
        b"\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xff\xfe",
        b"null",
        b"-1",
        b"{",
        b"}",
    ),
    *(b"[", b"]", b"9999-01-01", b"0001-01-01", b"1e400", b"\\ud800", b"A-1", b"Done", b"true"),
    *(b"\xef\xbb\xbf", b"sep=;\n", b"{-84}", b"31/31/2025", b"2025-03-30 02:30", "ß€".encode()),
)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def storable(reading: Reading) -> None:
    """Check what the store's constraints will ask of every history."""
    for problem in reading.problems:
        assert problem.message.startswith("expected ")
        assert ", got " in problem.message
    for history in reading.histories:
        assert 1 <= len(history.title) <= 500
        texts = [
            history.title,
            history.key or "",
            history.cancel_reason or "",
            history.source or "",
        ]
        instants = [history.created_at]
        for move in history.transitions:
            DEFAULT_STREAM.stage(move.to_stage)
            texts += [move.source_event_id or "", move.from_stage or "", move.reason or ""]
            instants.append(move.timestamp)
        assert all("\x00" not in text for text in texts)
        assert all(text.encode() is not None for text in texts)
        assert all(instant.tzinfo is UTC for instant in instants)
        assert all(instant <= NOW + timedelta(minutes=5) for instant in instants)
        moved = [move.timestamp for move in history.transitions]
        assert moved == sorted(moved)
        ids = [move.source_event_id for move in history.transitions]
        assert None not in ids
        assert len(set(ids)) == len(ids)
        if history.cancelled_at is not None and not reading.problems:
            assert history.cancelled_at >= max(moved or instants)
    keys = [history.key for history in reading.histories]
    assert len(set(keys)) == len(keys)


@cases
def test_the_valid_files_are_valid(reader: Reader, valid: bytes) -> None:
    reading = reader(valid, "file", DEFAULT_STREAM, OPTIONS)
    assert reading.problems == []
    assert reading.histories
    storable(reading)


@cases
@settings(max_examples=100, deadline=None)
@given(
    data=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_are_read(reader: Reader, valid: bytes, data: bytes) -> None:
    del valid
    detect_format(data, "file")
    storable(reader(data, "file", DEFAULT_STREAM, OPTIONS))


@cases
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_valid_files_with_a_few_bytes_changed_are_read(
    reader: Reader, valid: bytes, data: st.DataObject
) -> None:
    mutated = valid
    for _ in range(data.draw(st.integers(1, 4), label="edits")):
        start = data.draw(st.integers(0, len(mutated)), label="start")
        end = data.draw(st.integers(start, min(len(mutated), start + 12)), label="end")
        mutated = mutated[:start] + data.draw(st.sampled_from(TOKENS), label="by") + mutated[end:]
    storable(reader(mutated, "file", DEFAULT_STREAM, OPTIONS))


def _json_values() -> st.SearchStrategy[object]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    keys = st.sampled_from(
        [
            *("issues", "key", "fields", "changelog", "histories", "items", "field", "created"),
            *("toString", "fromString", "status", "name", "id", "total", "summary", "resolution"),
        ]
    )
    return st.recursive(
        scalars | st.sampled_from(["status", "Done", "2025-01-01T00:00:00Z"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=30,
    )


@settings(max_examples=100, deadline=None)
@given(value=_json_values(), where=st.sampled_from(["issue", "fields", "changelog", "history"]))
def test_any_json_is_read(value: object, where: str) -> None:
    payload = json.loads(JIRA)
    issue = payload["issues"][0]
    if where == "issue":
        payload["issues"].append(value)
    elif where == "history":
        issue["changelog"]["histories"].append(value)
    else:
        issue[where] = value
    storable(jira.read(json.dumps(payload).encode(), "file", DEFAULT_STREAM, OPTIONS))
    storable(transitions_table.read_jsonl(json.dumps(value).encode(), "f", DEFAULT_STREAM, OPTIONS))


@cases
def test_reading_twice_gives_the_same(reader: Reader, valid: bytes) -> None:
    assert reader(valid, "file", DEFAULT_STREAM, OPTIONS) == reader(
        valid, "file", DEFAULT_STREAM, OPTIONS
    )
