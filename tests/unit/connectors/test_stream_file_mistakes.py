"""Every mistake in a value stream file is told with its line, column, field and a remedy."""

from collections.abc import Sequence

import pytest

from app.connectors import stream_file
from app.domain.errors import FileProblem, InvalidStreamFile

RIGHT = """\
version: 1
value_streams:
  - key: shop
    name: Shop
    time_zone: Europe/Berlin
    working_time:
      hours:
        mon: ["09:00-12:00", "13:00-17:30"]
        tue: ["09:00-17:30"]
      holidays: {country: DE, subdivision: BE}
      days_off: [2026-12-24]
    service_level_expectation: {percent: 85, days: 10}
    moves:
      policy: warn
      allow:
        - {from: Ideas, to: [Build]}
        - {from: Build, to: [Check, Live]}
      backward_reason: enforce
    stages:
      - name: Ideas
        category: wait
      - name: Build
        category: active
        wip_limit: 3
        wip_policy: enforce
      - name: Check
        category: wait
        replaces: [Review, Testing]
      - name: Live
        category: done
"""


def problems(text: str | bytes, file: str = "s.yaml") -> Sequence[FileProblem]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(InvalidStreamFile) as caught:
        stream_file.read(data, file)
    return caught.value.problems


def changed(before: str, after: str) -> str:
    assert RIGHT.count(before) == 1, before
    return RIGHT.replace(before, after)


def test_the_file_without_a_mistake_is_read() -> None:
    assert [each.stream.key for each in stream_file.read(RIGHT.encode(), "s.yaml")] == ["shop"]


S = "value_streams[0]"
WORK = f"{S}.working_time"
LEVEL = f"{S}.service_level_expectation"

MISTAKES: list[tuple[str, str, int, int, str, str]] = [
    # what is replaced, by what, line, column, field, words of the message
    ("version: 1", "version: 2", 1, 10, "version", "expected 1, got '2'"),
    ("version: 1", 'version: "1"', 1, 10, "version", "in quotes: take them away"),
    ("version: 1\n", "", 1, 1, "version", "expected the field version"),
    ("key: shop", "key: My Shop", 3, 10, f"{S}.key", "lower-case letters"),
    ("key: shop", "key: -shop", 3, 10, f"{S}.key", "begins with a letter"),
    ("key: shop", "key: " + "a" * 64, 3, 10, f"{S}.key", "64 characters"),
    ("key: shop", "key: 2026", 3, 10, f"{S}.key", "a number: put it in quotes"),
    ("key: shop", "key:", 3, 9, f"{S}.key", "got nothing: write a value"),
    ("    name: Shop\n", "", 3, 5, f"{S}.name", "expected the field name"),
    ("name: Shop", "name: [Shop]", 4, 11, f"{S}.name", "got a list"),
    ("name: Shop", "name: {Shop: 1}", 4, 11, f"{S}.name", "got a mapping"),
    ("name: Shop", "name: off", 4, 11, f"{S}.name", "true or false: put it in quotes"),
    ("name: Shop", 'name: ""', 4, 11, f"{S}.name", "an empty text"),
    ("name: Shop", 'name: "a\\0b"', 4, 11, f"{S}.name", "control characters"),
    ("name: Shop", "name: !shop x", 4, 11, f"{S}.name", "take the tag out"),
    ("name: Shop", "name: !!python/name:os.system", 4, 11, f"{S}.name", "take the tag out"),
    ("name: Shop", "name: Shop\n    name: Two", 5, 5, f"{S}.name", "got it again: see line 4"),
    ("name: Shop", "name: Shop\n    default: yes", 5, 14, f"{S}.default", "true or false, got"),
    ("name: Shop", 'name: Shop\n    default: "true"', 5, 14, f"{S}.default", "in quotes"),
    ("name: Shop", "name: Shop\n    on: 1", 5, 5, f"{S}.on", "YAML takes for true or false"),
    ("name: Shop", "name: Shop\n    <<: {a: 1}", 5, 5, f"{S}.<<", "merge key"),
    ("name: Shop", "name: Shop\n    ? [a]\n    : 1", 5, 7, f"{S}.", "the name of a field"),
    ("time_zone", "timezone", 5, 5, f"{S}.timezone", "did you mean 'time_zone'?"),
    ("time_zone", "Time Zone", 5, 5, f"{S}.Time Zone", "did you mean 'time_zone'?"),
    ("time_zone", "colour", 5, 5, f"{S}.colour", "expected one of key, name"),
    ("Europe/Berlin", "Europe/Berlim", 5, 16, f"{S}.time_zone", "did you mean 'Europe/Berlin'?"),
    ("Europe/Berlin", "Europe", 5, 16, f"{S}.time_zone", "IANA time zone"),
    ('"09:00-12:00", ', '"9-12", ', 8, 15, f"{WORK}.hours.mon[0]", "with two digits"),
    ('"09:00-12:00", ', "09:00, ", 8, 15, f"{WORK}.hours.mon[0]", "got '09:00'"),
    ('"09:00-12:00", ', "10:00, ", 8, 15, f"{WORK}.hours.mon[0]", "got '10:00'"),
    ("09:00-12:00", "22:00-06:00", 8, 15, f"{WORK}.hours.mon[0]", "end on the day"),
    ("13:00-17:30", "11:00-17:30", 8, 30, f"{WORK}.hours.mon[1]", "do not overlap"),
    ("tue: [", "die: [", 9, 9, f"{WORK}.hours.die", "expected one of mon, tue"),
    ('["09:00-17:30"]', "09:00-17:30", 9, 14, f"{WORK}.hours.tue", "in [brackets]"),
    ("country: DE", "country: NO", 10, 27, f"{WORK}.holidays.country", "in quotes"),
    ("country: DE", "country: Germany", 10, 27, f"{WORK}.holidays.country", "'DE'?"),
    ("country: DE", "country: XX", 10, 27, f"{WORK}.holidays.country", "ISO 3166"),
    ("country: DE, ", "", 10, 17, f"{WORK}.holidays.country", "the field country"),
    ("subdivision: BE", "subdivision: Berlin", 10, 44, f"{WORK}.holidays.subdivision", "'BE'?"),
    ("subdivision: BE", "subdivision: 57", 10, 44, f"{WORK}.holidays.subdivision", "quotes"),
    ("DE, subdivision: BE", "JP, subdivision: X", 10, 44, f"{WORK}.holidays.subdivision", "none"),
    ("2026-12-24", "2026-02-30", 11, 18, f"{WORK}.days_off[0]", "a date such as"),
    ("2026-12-24", "24.12.2026", 11, 18, f"{WORK}.days_off[0]", "a date such as"),
    ("percent: 85", "percent: 100", 12, 42, f"{LEVEL}.percent", "from 1 to 99"),
    ("percent: 85", "percent: 85%", 12, 42, f"{LEVEL}.percent", "a whole number"),
    ("days: 10", "days: 0", 12, 52, f"{LEVEL}.days", "above 0"),
    ("days: 10", "days: .inf", 12, 52, f"{LEVEL}.days", "a number"),
    ("days: 10", "days: 10, hours: 1", 12, 63, f"{LEVEL}.hours", "got both"),
    (", days: 10", "", 12, 32, LEVEL, "days or hours, got none"),
    ("policy: warn", "policy: strict", 14, 15, f"{S}.moves.policy", "open, warn, enforce"),
    ("policy: warn", "policy: Warn", 14, 15, f"{S}.moves.policy", "did you mean 'warn'?"),
    ("policy: warn", "policy: open", 16, 9, f"{S}.moves.allow", "policy is open"),
    ("      policy: warn\n", "", 15, 9, f"{S}.moves.allow", "policy is open"),
    ("from: Ideas", "from: Idea", 16, 18, f"{S}.moves.allow[0].from", "did you mean 'Ideas'?"),
    ("[Check, Live]", "[Check, Zzz]", 17, 37, f"{S}.moves.allow[1].to[1]", "one of Ideas, Build"),
    ("[Check, Live]", "[Check, BUILD]", 17, 37, f"{S}.moves.allow[1].to[1]", "another stage than"),
    ("[Check, Live]", "[Check, check]", 17, 37, f"{S}.moves.allow[1].to[1]", "see line 17"),
    ("to: [Build]", "to: Build", 16, 29, f"{S}.moves.allow[0].to", "in [brackets]"),
    ("to: [Build]", "to: []", 16, 29, f"{S}.moves.allow[0].to", "at least 1"),
    ("name: Ideas", "name: build", 22, 15, f"{S}.stages[1].name", "'Build' as in line 20"),
    ("category: done", "category: ready", 30, 19, f"{S}.stages[3].category", "active, done"),
    ("category: done", "category: wait", 20, 7, f"{S}.stages", "with category done"),
    ("category: active", "category: wait", 20, 7, f"{S}.stages", "with category active"),
    ("wait\n      - name: B", "done\n      - name: B", 21, 19, f"{S}.stages[0].category", "all"),
    ("wip_limit: 3", "wip_limit: 0", 24, 20, f"{S}.stages[1].wip_limit", "from 1 to"),
    ("wip_limit: 3", "wip_limit: 0x3", 24, 20, f"{S}.stages[1].wip_limit", "a whole number"),
    ("wip_limit: 3", "wip_limit: 2.5", 24, 20, f"{S}.stages[1].wip_limit", "got '2.5'"),
    ("wip_limit: 3", 'wip_limit: "3"', 24, 20, f"{S}.stages[1].wip_limit", "take them away"),
    ("        wip_limit: 3\n", "", 24, 21, f"{S}.stages[1].wip_policy", "expected a wip_limit"),
    ("wip_limit: 3", "wip_limt: 3", 24, 9, f"{S}.stages[1].wip_limt", "did you mean 'wip_limit'?"),
    ("[Review, Testing]", "[Review, LIVE]", 28, 28, f"{S}.stages[2].replaces[1]", "on line 29"),
    ("[Review, Testing]", "[Review, review]", 28, 28, f"{S}.stages[2].replaces[1]", "see line 28"),
    ("[Review, Testing]", "Review", 28, 19, f"{S}.stages[2].replaces", "in [brackets]"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "line", "column", "field", "words"), MISTAKES)
def test_a_mistake_is_told_where_it_is(
    before: str, after: str, line: int, column: int, field: str, words: str
) -> None:
    found = problems(changed(before, after))
    told = [(each.place.line, each.place.column, each.place.field) for each in found]
    assert (line, column, field) in told, found
    assert words in found[told.index((line, column, field))].message
    assert all(each.place.file == "s.yaml" for each in found)


WRITING: list[tuple[str | bytes, int, int, str]] = [
    ("", 1, 1, "an empty file"),
    ("# nothing yet\n", 1, 1, "an empty file"),
    ("version: 1\n\tvalue_streams: []", 2, 1, "a tab"),
    ("a: 1\n--- \nb: 1\n", 2, 1, "one document"),
    ("a: *b", 1, 4, "anchor"),
    ("a: b: c", 1, 5, "second colon"),
    ("a: 1\nb: 'x\n\nc: 2", 2, 4, "closing quote"),
    ("a: [1, 2\nb: 3\n", 2, 2, "closing bracket"),
    ('{"version": 1,\n\t"value_streams" []}', 2, 18, "comma"),
    ("a:\n  - b\n c: 1", 3, 2, "indentation"),
    ("abc: 1\nxyz\nd: 1", 3, 1, "colon"),
    ("a: @b", 1, 4, "in quotes"),
    ('a: "\\q"', 1, 6, "backslash"),
    ('a: "\\UFFFFFFFF"', 0, 0, "no character"),
    ("a: 1\nb: x\x01", 2, 5, "U+0001"),
    (b"a: 1\nb: M\xfcller", 2, 5, "UTF-8"),
    ("a: &a [*a]", 1, 1, "at most 20,000 values"),
    ("[" * 5000, 1, 21, "brackets nested too deeply"),
    ("- " * 5000, 0, 0, "dashes nested too deeply"),
    ("a" * 300_000, 0, 0, "at most 128 KiB"),
    ("- version", 1, 1, "a mapping with version"),
    ("version", 1, 1, "a mapping with version"),
    ("!!set {a, b}", 1, 1, "take the tag out"),
    ("version: 1\nvalue_streams: []", 2, 16, "at least 1"),
    ("version: 1\nvalue_streams: {}", 2, 16, "a list of value streams"),
    ("version: 1\nvalue_streams: [1]", 2, 17, "a value stream with key"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "words"), WRITING)
def test_a_file_that_is_written_wrong_is_told_where(
    text: str | bytes, line: int, column: int, words: str
) -> None:
    (found,) = problems(text)
    assert (found.place.line, found.place.column) == (line, column), found
    assert words in found.message


def test_aliases_that_multiply_are_counted_and_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (found,) = problems("\n".join(lines))
    assert "counting those of aliases" in found.message


def test_all_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    text = RIGHT
    for before, after in (
        ("key: shop", "key: Shop"),
        ("Europe/Berlin", "Berlin"),
        ("13:00-17:30", "11:00-17:30"),
        ("from: Ideas", "from: Idea"),
        ("wip_limit: 3", "wip_limit: none"),
        ("category: done", "categorie: done"),
    ):
        text = text.replace(before, after)
    found = problems(text)
    assert [each.place.line for each in found] == [3, 5, 8, 16, 24, 29, 30]


def test_two_streams_of_one_key_or_both_default_are_told() -> None:
    stream = RIGHT.removeprefix("version: 1\nvalue_streams:\n").replace(
        "name: Shop", "name: Shop\n    default: true"
    )
    found = problems(RIGHT.replace("name: Shop", "name: Shop\n    default: true") + stream)
    assert [(each.place.line, each.place.field) for each in found] == [
        (32, "value_streams[1].key"),
        (34, "value_streams[1].default"),
    ]
    assert "as in s.yaml, line 3" in found[0].message
    assert "beside that of s.yaml, line 5" in found[1].message


def test_two_files_may_not_describe_one_stream() -> None:
    with pytest.raises(InvalidStreamFile) as caught:
        stream_file.read_all({"a.yaml": RIGHT.encode(), "b.yaml": RIGHT.encode()})
    assert [str(each) for each in caught.value.problems] == [
        f"b.yaml:3:10 ({S}.key): expected a key of its own, got 'shop' as in a.yaml, line 3"
    ]


def test_a_mistake_in_json_has_its_line_too() -> None:
    (found,) = problems('{"version": 1,\n\t"value_streams": [],\n\t"extra": 1}')[1:]
    assert (found.place.line, found.place.column) == (3, 2)


def test_hours_that_are_all_empty_are_told_once() -> None:
    text = RIGHT.replace('["09:00-12:00", "13:00-17:30"]', "[]").replace('["09:00-17:30"]', "[]")
    (found,) = problems(text)
    assert (found.place.line, found.place.column) == (8, 9)
    assert "one day at least" in found.message


def test_a_policy_without_its_moves_is_told() -> None:
    text = (
        RIGHT.split("      allow:", maxsplit=1)[0] + "    stages:" + RIGHT.split("    stages:")[1]
    )
    (found,) = problems(text)
    assert (found.place.line, found.place.field) == (14, "value_streams[0].moves.policy")
    assert "list them in allow" in found.message
