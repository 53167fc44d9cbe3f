"""A row for each item: columns that date stages, or start and finish alone."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.connectors.reading import Reading, ReadOptions
from app.connectors.stage_dates import read
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream
from app.domain.work_item import ItemHistory, WorkItemType

OPTIONS = ReadOptions(now=datetime(2026, 1, 1, tzinfo=UTC))


def dates(text: str, stream: ValueStream = DEFAULT_STREAM, **changes: object) -> Reading:
    return read(text.encode(), "items.csv", stream, replace(OPTIONS, **changes))  # type: ignore[arg-type]


def problems(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]


def only(reading: Reading) -> ItemHistory:
    assert problems(reading) == []
    (history,) = reading.histories
    return history


def moves(history: ItemHistory) -> list[tuple[str, str]]:
    return [(move.to_stage, f"{move.timestamp:%m-%d %H:%M}") for move in history.transitions]


def test_each_column_that_is_a_stage_dates_it_and_blanks_are_skipped_stages() -> None:
    reading = dates(
        "ID,Name,Type,Backlog,Analysis,Development,Testing,Deployment,Production\n"
        "A,First,Bug,2025-01-01,2025-01-02,,2025-01-04,2025-01-04,2025-01-04 10:00\n"
    )
    history = only(reading)
    assert (history.key, history.title, history.type) == ("A", "First", WorkItemType.BUG)
    assert history.created_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert moves(history) == [
        ("Backlog", "01-01 00:00"),
        ("Analysis", "01-02 00:00"),
        ("Testing", "01-04 00:00"),
        ("Deployment", "01-04 00:00"),
        ("Production", "01-04 10:00"),
    ]
    assert reading.mapping["Testing"] == "Testing"
    assert reading.columns["key"] == "ID"


def test_start_and_finish_alone_enter_the_first_active_and_the_first_done_stage() -> None:
    reading = dates(
        "Closed Date;Activated Date;ID;Story Points\n"
        "5/31/2023 8:04:10 AM;5/15/2023 10:29:09 AM;136197;5\n"
        ";5/16/2023 10:29:09 PM;136198;3\n"
    )
    done, still_open = reading.histories
    assert moves(done) == [("Analysis", "05-15 10:29"), ("Production", "05-31 08:04")]
    assert done.created_at == done.transitions[0].timestamp
    assert moves(still_open) == [("Analysis", "05-16 22:29")]
    assert "columns not used: 'Story Points'" in reading.notes


def test_creation_enters_the_first_stage() -> None:
    reading = dates(
        "ID,Created Date,Started Date,Closed Date\nA,2025-01-01,2025-01-03,\nB,2025-01-02,,\n"
    )
    first, second = reading.histories
    assert moves(first) == [("Backlog", "01-01 00:00"), ("Analysis", "01-03 00:00")]
    assert moves(second) == [("Backlog", "01-02 00:00")]


def test_creation_beside_a_column_of_the_first_stage_is_only_the_creation() -> None:
    reading = dates("ID,Created,Backlog,Start,Done\nA,2025-01-01,2025-01-02,2025-01-03,\n")
    history = only(reading)
    assert history.created_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert moves(history)[0] == ("Backlog", "01-02 00:00")


def test_headers_are_taken_for_stages_by_mapping_name_and_usual_meaning() -> None:
    text = "ID,Backlog,Committed,Build,Entered Testing,Done\nA,2025-01-01,2025-01-02,2025-01-03,,\n"
    reading = dates(text, mapping={"committed": "Analysis"})
    assert moves(only(reading)) == [
        ("Backlog", "01-01 00:00"),
        ("Analysis", "01-02 00:00"),
        ("Development", "01-03 00:00"),
    ]
    assert reading.mapping == {
        "Committed": "Analysis",
        "Backlog": "Backlog",
        "Build": "Development",
        "Entered Testing": "Testing",
    }


def test_two_columns_of_one_stage_give_the_earlier_date_with_a_note() -> None:
    reading = dates("ID,Backlog,Committed,Build,Done\nA,2025-01-03,2025-01-02,2025-01-04,\n")
    assert moves(only(reading))[0] == ("Backlog", "01-02 00:00")
    assert (
        "columns 'Backlog' and 'Committed' date Backlog: the earliest date counts" in reading.notes
    )


def test_a_column_that_only_sounds_like_a_stage_needs_dates() -> None:
    reading = dates("ID,Start,Release,Done\nA,2025-01-02,2.4.1-beta,2025-01-03\n")
    assert [stage for stage, _ in moves(only(reading))] == ["Analysis", "Production"]
    assert "columns not used: 'Release'" in reading.notes


def test_a_stage_column_can_be_stated_and_others_ignored() -> None:
    reading = dates(
        "Nr,QA from,Analysis,Live\nA,2025-01-02,2025-01-09,2025-01-03\n",
        columns={"key": "Nr", "testing": "QA from"},
        mapping={"Analysis": "ignore"},
    )
    assert moves(only(reading)) == [("Testing", "01-02 00:00"), ("Production", "01-03 00:00")]
    reading = dates("ID,Start,Done\nA,2025-01-02,\n", columns={"lunch": "Start"})
    assert "expected a field for --column (key, title" in problems(reading)[0]
    assert "Production), got 'lunch'" in problems(reading)[0]


def test_what_no_column_tells_is_named() -> None:
    reading = dates(
        "ID,Name,State,Type,ClosedDate,CreatedDate\nA,x,Done,Bug,2025-01-02,2025-01-01\n"
    )
    assert problems(reading) == [
        (
            "items.csv:1: expected a column for started (such as started date, activated date, "
            "start, started), got the columns 'ID', 'Name', 'State', 'Type', 'ClosedDate', "
            "'CreatedDate'; state it with --column started=HEADER"
        )
    ]
    reading = dates("FirstName,LastName,Age\nAda,Lovelace,36\n")
    assert [text.split(" (such as")[0] for text in problems(reading)] == [
        "items.csv:1: expected a column for key",
        "items.csv:1: expected a column for started",
        "items.csv:1: expected a column for finished",
    ]


def test_finished_before_started_is_told_at_the_later_cell() -> None:
    reading = dates(
        "ID,Started Date,Closed Date\nA,2025-01-05,2025-01-04\nB,2025-01-05,2025-01-05\n"
    )
    assert problems(reading) == [
        (
            "items.csv:2:3 (Closed Date): expected a date on or after that of 'Started Date' "
            "(2025-01-05), got '2025-01-04'"
        )
    ]
    assert [history.key for history in reading.histories] == ["B"]


def test_every_date_out_of_stage_order_is_told() -> None:
    reading = dates(
        "ID,Analysis,Development,Testing,Production\nA,2025-01-05,2025-01-04,2025-01-06,2025-01-01\n"
    )
    assert [str(problem.place) for problem in reading.problems] == [
        "items.csv:2:3 (Development)",
        "items.csv:2:5 (Production)",
    ]


def test_a_day_without_time_may_be_any_time_of_that_day_in_the_zone() -> None:
    zone = ZoneInfo("America/New_York")
    reading = dates("ID,Created,Start,Done\nA,2025-01-05 22:00,2025-01-05,2025-01-06\n", tz=zone)
    assert moves(only(reading)) == [
        ("Backlog", "01-06 03:00"),
        ("Analysis", "01-06 03:00"),
        ("Production", "01-06 05:00"),
    ]


def test_dates_alone_are_local_midnight() -> None:
    reading = dates("ID,Start,Done\nA,2025-07-01,\n", tz=ZoneInfo("Europe/Berlin"))
    assert moves(only(reading)) == [("Analysis", "06-30 22:00")]


def test_a_state_tells_no_history_and_that_is_noted() -> None:
    reading = dates("ID,State,Start,Done\nA,In Progress,2025-01-01,2025-01-02\n")
    assert [stage for stage, _ in moves(only(reading))] == ["Analysis", "Production"]
    assert any(note.startswith("the column 'State' tells no history") for note in reading.notes)


def test_a_row_without_any_date_is_skipped() -> None:
    reading = dates("ID,Start,Done\nA,,\n")
    assert (reading.histories, reading.problems) == ([], [])
    assert [(row.place.line, row.reason) for row in reading.skipped] == [
        (2, "no date in any column")
    ]


def test_an_item_has_one_row() -> None:
    reading = dates("ID,Start,Done\nA,2025-01-01,\nA,2025-01-01,\nA,2025-01-02,\n,2025-01-02,\n")
    assert [(row.place.line, row.reason) for row in reading.skipped] == [
        (3, "same as an earlier row")
    ]
    assert problems(reading) == [
        "items.csv:4:1 (ID): expected one row for each item, got 'A' again (line 2)",
        "items.csv:5:1 (ID): expected an item key, got an empty cell",
    ]


def test_a_cancellation_has_its_own_column() -> None:
    text = "ID,Start,Done,Cancelled Date\nA,2025-01-01,,2025-01-05\n"
    history = only(dates(text))
    assert history.cancelled_at == datetime(2025, 1, 5, tzinfo=UTC)
    assert moves(history) == [("Analysis", "01-01 00:00")]
    reading = dates(
        "ID,Start,Done,Withdrawn\nA,2025-01-07,,2025-01-05\n", mapping={"Withdrawn": "cancelled"}
    )
    assert problems(reading) == [
        (
            "items.csv:2:4 (Withdrawn): expected a date on or after that of 'Start' (2025-01-07), "
            "got '2025-01-05'"
        )
    ]
    only_cancelled = only(dates("ID,Start,Done,Cancelled\nA,,,2025-01-05\n"))
    assert only_cancelled.created_at == only_cancelled.cancelled_at


def test_placeholders_relative_dates_and_the_future_are_told() -> None:
    reading = dates(
        "ID,Start,Done\nA,2025-01-01,9999-01-01\nB,{-84},{w-12}\nC,2025-01-01,2026-06-01\n"
    )
    assert [text.split(", got ")[1] for text in problems(reading)] == [
        "'9999-01-01', a placeholder",
        "'{-84}', which is relative",
        "'{w-12}', which is relative",
        "'2026-06-01', which lies in the future",
    ]


def test_event_ids_are_the_same_when_read_again() -> None:
    text = "ID,Start,Done\nA,2025-01-01,\n"
    later = "ID,Start,Done\nA,2025-01-01,2025-01-04\n"
    first = [move.source_event_id for move in only(dates(text)).transitions]
    second = [move.source_event_id for move in only(dates(later)).transitions]
    assert second[:1] == first
    assert len(set(second)) == 2


@pytest.mark.parametrize("header", ["To Do,Doing,Done", "todo,doing,DONE", "ToDo,Doing Date,done"])
def test_a_stream_with_stages_of_its_own_is_met_by_name(header: str) -> None:
    stream = ValueStream(
        key="kanban",
        name="Kanban",
        stages=(
            Stage("To Do", 1, "queue", Category.WAIT),
            Stage("Doing", 2, "work", Category.ACTIVE),
            Stage("Done", 3, "done", Category.DONE),
        ),
    )
    reading = dates(f"ID,{header}\nA,2025-01-01,2025-01-02,2025-01-03\n", stream)
    assert [stage for stage, _ in moves(only(reading))] == ["To Do", "Doing", "Done"]
