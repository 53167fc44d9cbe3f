"""Dates are read in the shapes exports use; nothing is guessed silently."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connectors.instants import DayOrder, Instants, NotAnInstantError, day_orders
from app.connectors.reading import ReadOptions, Tally

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPTIONS = ReadOptions(now=NOW)


def instants(**changes: object) -> Instants:
    return Instants(replace(OPTIONS, **changes), Tally())  # type: ignore[arg-type]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-07T14:59:28Z", utc(2025, 6, 7, 14, 59, 28)),
        ("2025-06-07 14:59:28", utc(2025, 6, 7, 14, 59, 28)),
        ("2025-06-07t14:59:28z", utc(2025, 6, 7, 14, 59, 28)),
        ("2025-06-07T14:59", utc(2025, 6, 7, 14, 59)),
        ("2025-06-07T14:59:28.1Z", utc(2025, 6, 7, 14, 59, 28, 100_000)),
        ("2025-06-07T14:59:28.1234567Z", utc(2025, 6, 7, 14, 59, 28, 123_456)),
        ("2025-06-07T14:59:28.123456789Z", utc(2025, 6, 7, 14, 59, 28, 123_456)),
        ("2025-06-07 14:59:28.959+00:00", utc(2025, 6, 7, 14, 59, 28, 959_000)),
        ("2025-06-07T14:59:28.000+0800", utc(2025, 6, 7, 6, 59, 28)),
        ("2025-06-07T14:59:28+08:00", utc(2025, 6, 7, 6, 59, 28)),
        ("2025-06-07T14:59:28-03", utc(2025, 6, 7, 17, 59, 28)),
        ("2025-06-07 14:59:28+00", utc(2025, 6, 7, 14, 59, 28)),
        ("2025-06-07 14:59:28 +0200", utc(2025, 6, 7, 12, 59, 28)),
        ("2013-12-03 17:23:34 UTC", utc(2013, 12, 3, 17, 23, 34)),
        ("2025-06-07", utc(2025, 6, 7)),
        ("2025/6/7", utc(2025, 6, 7)),
        ("7.6.2025 14:59:28", utc(2025, 6, 7, 14, 59, 28)),
        ("07.06.2025", utc(2025, 6, 7)),
        ("25/12/2024 08:04", utc(2024, 12, 25, 8, 4)),
        ("15/Jan/24 10:30 PM", utc(2024, 1, 15, 22, 30)),
        ("15 January 2024", utc(2024, 1, 15)),
        ("1749308368", utc(2025, 6, 7, 14, 59, 28)),
        ("1749308368.5", utc(2025, 6, 7, 14, 59, 28, 500_000)),
        ("1749308368123", utc(2025, 6, 7, 14, 59, 28, 123_000)),
        (" 2025-06-07 ", utc(2025, 6, 7)),
    ],
)
def test_the_shapes_that_exports_use_are_read(text: str, expected: datetime) -> None:
    assert instants().read(text, DayOrder.DAY_FIRST).at == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5/31/2023 8:04:10 AM", utc(2023, 5, 31, 8, 4, 10)),
        ("5/31/2023 12:04:10 AM", utc(2023, 5, 31, 0, 4, 10)),
        ("5/31/2023, 12:04:10\u202fPM", utc(2023, 5, 31, 12, 4, 10)),
        ("1/2/2023 1:00 p.m.", utc(2023, 1, 2, 13)),
        ("7.6.2025", utc(2025, 6, 7)),
    ],
)
def test_month_first_dates_are_read_and_dots_stay_day_first(text: str, expected: datetime) -> None:
    assert instants().read(text, DayOrder.MONTH_FIRST).at == expected


@pytest.mark.parametrize(
    "text",
    [
        *("2025-13-01", "2025-02-30", "2025-06-07T25:00:00Z", "13:00 PM", "1/2/2023 13:00 PM"),
        *("2025-06-07T14:59:28+99:00", "2025-06-07T14:59:28+05:99", "20250607", "1", "12345"),
        *(
            "2025-W23-6",
            "\u0662\u0660\u0662\u0665-06-07",
            "June",
            "soon",
            "2025-06-07T14:59:28.1234567890Z",
        ),
    ],
)
def test_what_is_no_date_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(NotAnInstantError, match=r"^expected .*, got '"):
        instants().read(text)


@pytest.mark.parametrize("text", ["{-84}", "{w-12}", "yesterday", "3 days ago", "-5d"])
def test_relative_dates_are_refused_as_such(text: str) -> None:
    with pytest.raises(NotAnInstantError, match=r"expected an absolute date .* which is relative"):
        instants().read(text)


@pytest.mark.parametrize(
    "text",
    [
        *("9999-01-01", "9999-12-31T23:59:59Z", "0001-01-01", "0001-01-01T00:00:00+14:00"),
        *("1970-01-01T00:00:00Z", "1900-01-01", "2999-12-31"),
    ],
)
def test_dates_that_stand_for_never_are_refused(text: str) -> None:
    with pytest.raises(NotAnInstantError, match="a placeholder"):
        instants().read(text)


def test_instants_are_allowed_up_to_five_minutes_ahead_of_now() -> None:
    assert instants().read("2026-01-01T00:05:00Z").at == NOW + timedelta(minutes=5)
    with pytest.raises(NotAnInstantError, match="which lies in the future"):
        instants().read("2026-01-01T00:05:01Z")


def test_a_time_without_offset_is_in_the_stated_zone_and_that_is_noted() -> None:
    tally = Tally()
    berlin = Instants(replace(OPTIONS, tz=ZoneInfo("Europe/Berlin")), tally)
    assert berlin.read("2025-06-07 14:00", place="line 2").at == utc(2025, 6, 7, 12)
    assert berlin.read("2025-06-07T14:00Z", place="line 3").at == utc(2025, 6, 7, 14)
    assert tally.notes() == [
        (
            "times without an offset were taken as Europe/Berlin; --tz names another zone "
            "(once: line 2)"
        )
    ]


def test_local_times_in_a_gap_move_forward_and_of_two_the_first_counts() -> None:
    berlin = instants(tz=ZoneInfo("Europe/Berlin"))
    assert berlin.read("2025-03-30 02:30").at == utc(2025, 3, 30, 1, 30)  # is 03:30 there
    assert berlin.read("2025-10-26 02:30").at == utc(2025, 10, 26, 0, 30)  # still summer time


def test_a_day_begins_at_its_first_instant_in_the_zone() -> None:
    santiago = instants(tz=ZoneInfo("America/Santiago"))  # midnight of 7 September did not exist
    assert santiago.read("2025-09-07") == (utc(2025, 9, 7, 4), True)


def test_a_stated_pattern_is_the_only_shape() -> None:
    reader = instants(date_format="%d.%m.%y %H:%M")
    assert reader.read("07.06.25 14:59").at == utc(2025, 6, 7, 14, 59)
    with pytest.raises(NotAnInstantError, match=r"of the form '%d.%m.%y %H:%M', got '2025-06-07'"):
        reader.read("2025-06-07")


@pytest.mark.parametrize("pattern", ["%Q", "%", "%d.%m.", "%Y%Y", "american", "%Y %"])
def test_a_pattern_that_cannot_work_is_told(pattern: str) -> None:
    assert instants(date_format=pattern).check.startswith("expected a date format: dmy, mdy, or")


@pytest.mark.parametrize("pattern", [None, "dmy", "mdy", "%Y-%m-%d", "%c"])
def test_a_pattern_that_can_work_is_accepted(pattern: str | None) -> None:
    assert instants(date_format=pattern).check == ""


def test_the_stated_order_wins() -> None:
    assert instants(date_format="mdy").read("3/4/2025").at == utc(2025, 3, 4)
    assert instants(date_format="dmy").read("3/4/2025").at == utc(2025, 4, 3)
    assert not instants(date_format="dmy").needs_order


def test_one_value_above_twelve_decides_for_the_whole_column() -> None:
    orders, notes = day_orders({"date": ["", "3/4/2025", "4/31/2025"]})
    assert (orders, notes) == ({"date": DayOrder.MONTH_FIRST}, [])
    orders, notes = day_orders({"date": ["3/4/2025", "31/4/2025"]})
    assert (orders, notes) == ({"date": DayOrder.DAY_FIRST}, [])


def test_an_undecided_column_follows_the_decided_one_and_says_so() -> None:
    orders, notes = day_orders({"start": ["3/4/2025"], "end": ["4/31/2025"]})
    assert orders["start"] is DayOrder.MONTH_FIRST
    assert "as in the other columns" in notes[0]


@pytest.mark.parametrize(
    ("text", "order", "word"),
    [
        ("3/4/2025", DayOrder.DAY_FIRST, "day first"),
        ("3/4/2025 8:00 AM", DayOrder.MONTH_FIRST, "month first"),
    ],
)
def test_an_order_that_nothing_proves_is_assumed_and_told(
    text: str, order: DayOrder, word: str
) -> None:
    orders, notes = day_orders({"date": [text]})
    assert orders == {"date": order}
    assert word in notes[0]
    assert "--date-format dmy or --date-format mdy states it" in notes[0]


def test_dates_that_read_the_same_both_ways_need_no_note() -> None:
    assert day_orders({"date": ["4/4/2025", "7.6.2025", "2025-06-07"]})[1] == []


@given(st.text(max_size=40), st.sampled_from([None, "dmy", "%Y-%m-%d %H:%M", "%c %z"]))
def test_any_text_is_read_or_refused(text: str, pattern: str | None) -> None:
    with suppress(NotAnInstantError):
        assert instants(date_format=pattern).read(text).at <= NOW + timedelta(minutes=5)


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 3),  # noqa: DTZ001 - bounds of local times
        max_value=datetime(2025, 12, 30),  # noqa: DTZ001
        timezones=st.timezones(),
    )
)
def test_what_isoformat_writes_is_read_back(moment: datetime) -> None:
    text = moment.isoformat()
    try:
        found = instants().read(text).at
    except NotAnInstantError:
        offset = moment.utcoffset() or timedelta()
        assert offset.seconds % 60  # local mean times of the time before zones have seconds
    else:
        assert found == moment.astimezone(UTC)
