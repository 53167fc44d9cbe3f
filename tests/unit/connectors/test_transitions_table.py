"""A row for each move: columns, rows, item facts, cancellations, ids that stay."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.connectors.reading import Reading, ReadOptions
from app.connectors.transitions_table import read_csv, read_jsonl
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType

OPTIONS = ReadOptions(now=datetime(2026, 1, 1, tzinfo=UTC))


def csv(text: str | bytes, **changes: object) -> Reading:
    data = text if isinstance(text, bytes) else text.encode()
    return read_csv(data, "moves.csv", DEFAULT_STREAM, replace(OPTIONS, **changes))  # type: ignore[arg-type]


def jsonl(text: str) -> Reading:
    return read_jsonl(text.encode(), "moves.jsonl", DEFAULT_STREAM, OPTIONS)


def problems(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]


def moves(history: ItemHistory) -> list[tuple[str, str]]:
    return [(move.to_stage, f"{move.timestamp:%m-%d %H:%M}") for move in history.transitions]


def only(reading: Reading) -> ItemHistory:
    assert problems(reading) == []
    (history,) = reading.histories
    return history


def test_a_plain_table_becomes_histories_in_the_order_of_their_first_rows() -> None:
    reading = csv(
        "key,title,type,created,to_stage,timestamp\n"
        "B-2,Second,Bug,2025-03-01,Backlog,2025-03-02\n"
        "A-1,First,Story,2025-03-01,Backlog,2025-03-01T08:00:00Z\n"
        "B-2,Second,Bug,,Development,2025-03-03\n"
    )
    assert problems(reading) == []
    second, first = reading.histories
    assert (second.key, second.title, second.type) == ("B-2", "Second", WorkItemType.BUG)
    assert (second.source, first.source) == ("csv", "csv")
    assert first.type is WorkItemType.FEATURE
    assert second.created_at == datetime(2025, 3, 1, tzinfo=UTC)
    assert moves(second) == [("Backlog", "03-02 00:00"), ("Development", "03-03 00:00")]
    assert reading.mapping == {"Backlog": "Backlog", "Development": "Development"}
    assert reading.columns["to_stage"] == "to_stage"


@pytest.mark.parametrize(
    "header",
    [
        *("Issue Key,Status,Changed At", "issue_id,to,timestamp", "ID,New Status,Date"),
        *("item,stage,entered_at", "ticket,To State,moved-at", "issue_id,original_to_value,time"),
    ],
)
def test_columns_are_known_by_their_usual_headers(header: str) -> None:
    assert moves(only(csv(f"{header}\nA-1,Testing,2025-03-01\n"))) == [("Testing", "03-01 00:00")]


def test_columns_can_be_stated_and_then_serve_whatever_their_headers() -> None:
    stated = {"to_stage": "Zustand", "timestamp": "Wann", "key": "Nr"}
    reading = csv("Nr;Zustand;Wann\n1;Done;7.6.2025\n", columns=stated)
    assert only(reading).key == "1"
    assert reading.columns == stated
    assert "fields are delimited by a semicolon, detected in the header" in reading.notes


def test_a_stated_column_that_is_not_there_and_a_field_there_is_not_are_told() -> None:
    reading = csv("key,to,date\nA,Done,2025-01-01\n", columns={"title": "Nme", "colour": "to"})
    assert problems(reading) == [
        "moves.csv:1: expected a column 'Nme' for title, got the columns 'key', 'to', 'date'",
        (
            "moves.csv:1: expected a field for --column (key, title, type, to_stage, timestamp, "
            "created, from_stage, event_id, reason, cancelled, field_name), got 'colour'"
        ),
    ]


def test_each_missing_column_is_named_with_the_way_to_state_it() -> None:
    reading = csv("name,colour\nA,red\n")
    assert [text.split(" (such as")[0] for text in problems(reading)] == [
        "moves.csv:1: expected a column for key",
        "moves.csv:1: expected a column for to_stage",
        "moves.csv:1: expected a column for timestamp",
    ]
    assert problems(reading)[0].endswith("state it with --column key=HEADER")


def test_two_columns_of_one_name_are_told_where_they_matter() -> None:
    reading = csv("key,status,status,date\nA,Done,Done,2025-01-01\n")
    assert problems(reading) == [
        "moves.csv:1: expected one column 'status' for to_stage, got 2 of that name"
    ]


def test_an_item_s_state_beside_its_creation_is_no_move() -> None:
    reading = csv("ID,State,Created Date\nA,Done,2025-01-01\n")
    assert len(reading.problems) == 1
    assert "expected a column for timestamp" in problems(reading)[0]


def test_of_a_changelog_only_the_changes_of_status_count() -> None:
    reading = csv(
        "id,issue_id,author_id,field_name,original_from_value,original_to_value,created_date\n"
        "c1,i1,u1,status,Open,In Progress,2023-01-01 10:00:00+00:00\n"
        "c2,i1,u2,assignee,u1,u2,2023-01-02 10:00:00+00:00\n"
        "c3,i1,u2,,u1,u2,2023-01-02 10:00:00+00:00\n"
    )
    (move,) = only(reading).transitions
    assert (move.from_stage, move.to_stage) == ("Backlog", "Development")
    assert move.source_event_id == "c1"
    assert [row.reason for row in reading.skipped] == [
        "changes 'assignee', not the status",
        "changes no named field, not the status",
    ]
    assert str(reading.skipped[0].place) == "moves.csv:3:4 (field_name)"


def test_problems_stand_at_the_physical_line_and_the_number_of_the_field() -> None:
    reading = csv(
        "key,title,to,date\n"
        'A-1,"a title\nof two lines",Done,2025-01-01\n'
        "A-2,x,Done,soon\n"
        ",y,Done,2025-01-01\n"
        "A-4,z,,\n"
    )
    assert problems(reading) == [
        "moves.csv:4:4 (date): expected a date and time such as 2025-06-07T14:59:28Z, got 'soon'",
        "moves.csv:5:1 (key): expected an item key, got an empty cell",
        "moves.csv:6:3 (to): expected the stage moved to, got an empty cell",
        (
            "moves.csv:6:4 (date): expected a date and time such as 2025-06-07T14:59:28Z, "
            "got an empty cell"
        ),
    ]


def test_a_row_with_too_few_or_too_many_fields_is_told_by_its_first_wrong_field() -> None:
    reading = csv("key,to,date\nA,Done\nB,Done,2025-01-01,more\nC,Done,2025-01-01,,\n")
    assert problems(reading) == [
        "moves.csv:2:3 (date): expected 3 fields as in the header, got 2",
        "moves.csv:3:4: expected 3 fields as in the header, got 4",
    ]
    assert [history.key for history in reading.histories] == ["C"]


def test_a_quote_that_does_not_close_is_told_where_its_record_starts() -> None:
    reading = csv('key,to,date\nA,Done,2025-01-01\nB,"Done,2025-01-01\nC,Done,2025-01-01\n')
    assert problems(reading)[0].startswith("moves.csv:3: expected fields whose quotes close")
    reading = csv('key,to,date\nA,"Do"ne,2025-01-01\n')
    assert problems(reading)[0].startswith("moves.csv:2: expected fields whose quotes close")


@pytest.mark.parametrize("empty", ["", "NULL", "null", "N/A", "-", "None", "  "])
def test_cells_that_say_nothing_are_empty(empty: str) -> None:
    reading = csv(f"key,title,created,to,date\nA,{empty},{empty},Done,2025-01-01\n")
    assert only(reading).title == "A"
    assert only(reading).created_at == datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiters_encodings_and_line_ends_are_recognised(
    encoding: str, delimiter: str, line_end: str
) -> None:
    rows = ["key,title,to,date", "A,Größe,Done,2025-01-01", "", "B,Maß,Done,x"]
    text = line_end.join(rows).replace(",", delimiter)
    reading = csv(text.encode(encoding))
    assert [history.title for history in reading.histories] == ["Größe"]
    assert [problem.place.line for problem in reading.problems] == [4]
    assert any("Windows-1252" in note for note in reading.notes) == (encoding == "cp1252")


def test_a_delimiter_can_be_stated_or_told_as_excel_does() -> None:
    assert only(csv("key~to~date\nA~Done~2025-01-01\n", delimiter="~")).key == "A"
    reading = csv("sep=;\r\nkey;to;date\r\nA;Done;2025-01-01\r\nB;Done;x\r\n")
    assert reading.histories[0].key == "A"
    assert reading.problems[0].place.line == 4
    assert "expected one character to delimit" in problems(csv("key,to,date\n", delimiter="::"))[0]


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b"PK\x03\x04rest", "a ZIP archive or an Excel workbook"),
        (b"\x1f\x8b\x08rest", "a gzip archive"),
        (b"", "an empty file"),
        (b" \n\n", "an empty file"),
        (b"Just a sentence\nand another one\n", "'Just a sentence'"),
    ],
)
def test_files_without_a_table_are_told_for_what_they_are(data: bytes, got: str) -> None:
    (text,) = problems(csv(data))
    assert f"got {got}" in text


def test_a_header_without_rows_is_no_error() -> None:
    reading = csv("key,to,date\n")
    assert (reading.histories, reading.problems) == ([], [])
    assert reading.notes == ["the file has a header and no rows"]


def test_the_same_row_again_is_skipped() -> None:
    reading = csv("key,to,date\nA,Done,2025-01-01\nA,done,2025-01-01T00:00Z\nB,Done,2025-01-01\n")
    assert [len(history.transitions) for history in reading.histories] == [1, 1]
    assert [(row.place.line, row.reason) for row in reading.skipped] == [
        (3, "same item, stage and time as an earlier row")
    ]


def test_an_event_id_belongs_to_one_move_of_its_item() -> None:
    reading = csv(
        "key,event_id,to,date\nA,e1,Backlog,2025-01-01\nA,e1,Done,2025-01-02\nB,e1,Done,2025-01-02\n"
    )
    assert problems(reading) == [
        "moves.csv:3:2 (event_id): expected an event id of its own, got that of line 2"
    ]


def test_event_ids_stay_when_the_file_is_read_again_with_more_rows() -> None:
    text = "key,to,date\nA,Backlog,2025-01-02\nA,Done,2025-01-03\n"
    early = only(csv(text)).transitions
    late = only(csv("key,to,date\nA,Analysis,2025-01-01\n" + text.split("\n", 1)[1])).transitions
    assert {move.source_event_id for move in early} < {move.source_event_id for move in late}
    assert len({move.source_event_id for move in late}) == 3


def test_moves_are_ordered_by_time_and_at_one_time_by_row() -> None:
    reading = csv(
        "key,to,date\nA,Testing,2025-01-02\nA,Backlog,2025-01-01\nA,Analysis,2025-01-01\n"
        "A,Deployment,2025-01-03\n"
    )
    assert [move.to_stage for move in only(reading).transitions] == [
        *("Backlog", "Analysis", "Testing", "Deployment"),
    ]


def test_in_a_file_with_the_newest_row_first_rows_of_one_time_are_read_upward() -> None:
    reading = csv(
        "key,to,date\nA,Done,2025-01-03\nA,Testing,2025-01-03\nA,Analysis,2025-01-02\n"
        "A,Backlog,2025-01-01\n"
    )
    assert [move.to_stage for move in only(reading).transitions] == [
        *("Backlog", "Analysis", "Testing", "Production"),
    ]


def test_an_item_has_one_creation() -> None:
    reading = csv(
        "key,created,to,date\nA,2025-01-01,Backlog,2025-01-01\nA,2025-01-02,Done,2025-01-03\n"
    )
    assert problems(reading) == [
        (
            "moves.csv:3:2 (created): expected the item's one creation (2025-01-01T00:00:00Z, "
            "line 2), got '2025-01-02'"
        )
    ]


def test_each_unknown_status_is_one_problem_that_shows_the_option_to_add() -> None:
    reading = csv(
        'key,to,date\nA,In Limbo,2025-01-01\nB,In Limbo,2025-01-01\nB,Say "no",2025-01-02\n'
    )
    first, second = problems(reading)
    assert first.startswith(
        "moves.csv:2:2 (to): expected a status that means a stage, got 'In Limbo' (2 times): "
        'add --map "In Limbo=Testing", or the same under `stages` in a mapping file'
    )
    assert "one of Backlog, Analysis, Development, Testing, Deployment, Production" in first
    assert "add --map 'Say \"no\"=Testing'" in second


def test_a_mapping_decides_and_its_mistakes_are_told() -> None:
    text = "key,to,date\nA,In Limbo,2025-01-01\nA,Meeting,2025-01-02\n"
    reading = csv(text, mapping={"in limbo": "testing", "Meeting": "ignore"})
    assert moves(only(reading)) == [("Testing", "01-01 00:00")]
    assert reading.mapping == {"In Limbo": "Testing", "Meeting": "ignore"}
    reading = csv(text, mapping={"In Limbo": "Tsting"}, types={"Bug": "insect"})
    assert problems(reading) == [
        (
            "moves.csv (map In Limbo): expected a stage (Backlog, Analysis, Development, Testing, "
            "Deployment, Production), cancelled or ignore, got 'Tsting'"
        ),
        "moves.csv (type Bug): expected one of feature, bug, task, epic, got 'insect'",
    ]


def test_an_item_that_ends_in_a_cancelled_status_was_cancelled_then() -> None:
    reading = csv(
        "key,to,date,reason\nA,Analysis,2025-01-01,\nA,Rejected,2025-01-02,too dear\n"
        "A,Obsolete,2025-01-03,\n"
    )
    history = only(reading)
    assert moves(history) == [("Analysis", "01-01 00:00")]
    assert history.cancelled_at == datetime(2025, 1, 2, tzinfo=UTC)
    assert history.cancel_reason == "status: Obsolete"


def test_a_cancelled_status_that_was_left_again_is_not_kept() -> None:
    reading = csv(
        "key,to,date\nA,Analysis,2025-01-01\nA,Rejected,2025-01-02\nA,Testing,2025-01-03\n"
    )
    history = only(reading)
    assert moves(history) == [("Analysis", "01-01 00:00"), ("Testing", "01-03 00:00")]
    assert history.cancelled_at is None
    assert any("left again were not kept (once: A)" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("to", "kept"), [("Done", ["Analysis"]), ("Testing", ["Analysis", "Testing"])]
)
def test_an_item_marked_as_cancelled_was_cancelled_by_its_last_row(
    to: str, kept: list[str]
) -> None:
    history = only(csv(f"key,to,date,cancelled\nA,Analysis,2025-01-01,no\nA,{to},2025-01-02,yes\n"))
    assert [move.to_stage for move in history.transitions] == kept
    assert history.cancelled_at == datetime(2025, 1, 2, tzinfo=UTC)
    assert history.cancel_reason == "marked as cancelled"


def test_a_date_of_cancellation_is_taken_as_it_is_and_ends_the_moves() -> None:
    rows = "key,to,date,cancelled_at\nA,Analysis,2025-01-01,2025-01-05\n"
    assert only(csv(rows)).cancelled_at == datetime(2025, 1, 5, tzinfo=UTC)
    reading = csv(rows + "A,Testing,2025-01-06,\n")
    assert problems(reading) == [
        (
            "moves.csv:3:3 (date): expected no move after the item's cancellation "
            "(2025-01-05T00:00:00Z), got '2025-01-06'"
        )
    ]
    reading = csv(rows + "A,Testing,2025-01-02,2025-01-06\n")
    assert "expected the item's one cancellation" in problems(reading)[0]


def test_titles_and_keys_are_made_fit_to_be_stored() -> None:
    reading = csv(f"key,title,to,date\nA,a\0b\tc,Done,2025-01-01\nB,{'x' * 600},Done,2025-01-01\n")
    first, second = reading.histories
    assert first.title == "a b c"
    assert len(second.title) == 500
    assert second.title.endswith("x…")
    assert any("longer than 500 characters were cut (once: B)" in note for note in reading.notes)
    reading = csv(f"key,to,date\n{'k' * 201},Done,2025-01-01\n")
    assert "expected an item key of at most 200 characters, got 201" in problems(reading)[0]


def test_unknown_types_are_tasks_with_a_note_unless_stated() -> None:
    text = "key,type,to,date\nA,Gadget,Done,2025-01-01\n"
    reading = csv(text)
    assert only(reading).type is WorkItemType.TASK
    assert "type 'Gadget' is not known and was taken as task (once: A)" in reading.notes
    assert only(csv(text, types={"gadget": "Feature"})).type is WorkItemType.FEATURE


def test_the_order_of_day_and_month_is_one_for_the_file() -> None:
    reading = csv("key,created,to,date\nA,3/4/2025,Done,3/31/2025\n")
    assert only(reading).created_at == datetime(2025, 3, 4, tzinfo=UTC)
    reading = csv("key,to,date\nA,Done,3/31/2025\nB,Done,31/3/2025\n")
    assert problems(reading) == [
        (
            "moves.csv:3:3 (date): expected a date and time such as 2025-06-07T14:59:28Z "
            "or 6/7/2025 (month first), got '31/3/2025'"
        )
    ]


def test_a_date_format_and_a_zone_can_be_stated() -> None:
    text = "key,to,date\nA,Done,07-06-25\n"
    zone = ZoneInfo("Europe/Berlin")
    assert moves(only(csv(text, date_format="%d-%m-%y", tz=zone))) == [
        ("Production", "06-06 22:00")
    ]
    assert "expected a date format" in problems(csv(text, date_format="%Q"))[0]


def test_the_source_can_be_named() -> None:
    assert only(csv("key,to,date\nA,Done,2025-01-01\n", source="trello")).source == "trello"


def test_json_lines_are_read_as_rows_with_the_same_fields() -> None:
    reading = jsonl(
        '{"key": "A", "to": "Backlog", "timestamp": 1735689600, "title": "Say \\u00fc"}\n\n'
        '{"key": 7, "to": "Done", "timestamp": "2025-01-02T00:00:00Z", "cancelled": false}\n'
    )
    assert problems(reading) == []
    first, second = reading.histories
    assert (first.source, first.key, first.title) == ("jsonl", "A", "Say ü")
    assert (second.key, second.cancelled_at) == ("7", None)
    assert moves(first) == [("Backlog", "01-01 00:00")]


def test_problems_of_json_lines_have_the_line_and_the_character() -> None:
    reading = jsonl(
        '{"key": "A", "to": "Done", "timestamp": "x"}\n'
        '{"key": "B", "to": "Done" "timestamp": 1}\n'
        "[1]\n"
        '{"key": {"a": 1}, "to": "Done", "timestamp": 1735689600}\n'
    )
    assert problems(reading) == [
        "moves.jsonl:1 (timestamp): expected a date and time such as 2025-06-07T14:59:28Z, got 'x'",
        "moves.jsonl:2:27: expected JSON, got '\"timestamp' where it cannot stand",
        "moves.jsonl:3: expected a JSON object, got '[1]'",
        "moves.jsonl:4 (key): expected a text or a number, got an object",
    ]


def test_a_json_array_and_endless_keys_are_told() -> None:
    assert "one JSON object per line, got an array" in problems(jsonl('[{"key": "A"}]'))[0]
    many = json.dumps({f"k{n}": 1 for n in range(1001)})
    assert "got more than 1000 different" in problems(jsonl(many))[0]


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    reading = jsonl('{"key":"A","title":"x\\ud800y","to":"Done","timestamp":"2025-01-01"}')
    assert only(reading).title == "x\ufffdy"
