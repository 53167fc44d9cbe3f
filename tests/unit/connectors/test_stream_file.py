"""A value stream file says what a definition says: there and back, by schema and by reader."""

import json
from collections.abc import Mapping
from datetime import UTC, date, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli.streams import schema_text
from app.connectors import stream_file
from app.connectors.stream_schema import SCHEMA_COMMENT, schema
from app.connectors.texts import clean
from app.domain.errors import InvalidStreamFile
from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import (
    DEFAULT_STREAM,
    Category,
    MovePolicy,
    MoveRules,
    ServiceLevel,
    Stage,
    ValueStream,
    WipPolicy,
)
from app.domain.working_time import Shift, WorkingCalendar
from tests.strategies import property_test

CONFIG = Path(__file__).parents[3] / "config"
VALIDATOR = jsonschema_rs.validator_for(schema(), validate_formats=True)


def read(text: str) -> list[StreamDefinition]:
    return stream_file.read(text.encode(), "s.yaml")


def names() -> st.SearchStrategy[str]:
    """Draw any name, also those that YAML would take for something else."""
    odd = [
        "no",
        "NO",
        "on",
        "1",
        "1e3",
        "~",
        "null",
        "2026-12-24",
        "12:30",
        "- a",
        "a: b",
        "#",
        "<<",
    ]
    drawn = st.text(min_size=1, max_size=30).map(clean).filter(bool)
    return st.sampled_from(odd) | drawn


def descriptions() -> st.SearchStrategy[str]:
    lines = st.lists(st.text(max_size=100).map(clean), max_size=4)
    return lines.map(lambda each: "\n".join(each).strip())


@st.composite
def stages(draw: st.DrawFn) -> tuple[Stage, ...]:
    working = draw(st.lists(st.sampled_from([Category.WAIT, Category.ACTIVE]), max_size=4))
    working.insert(draw(st.integers(0, len(working))), Category.ACTIVE)
    categories = working + [Category.DONE] * draw(st.integers(1, 2))
    count = len(categories)
    unique = st.lists(names(), min_size=count, max_size=count, unique_by=str.casefold)
    limits = [draw(st.none() | st.integers(1, 1_000_000)) for _ in categories]
    return tuple(
        Stage(
            name=name,
            order=order,
            type=draw(names()),
            category=category,
            wip_limit=limit,
            wip_policy=WipPolicy.OBSERVE if limit is None else draw(st.sampled_from(WipPolicy)),
            description=draw(descriptions()),
        )
        for order, (name, category, limit) in enumerate(
            zip(draw(unique), categories, limits, strict=True), start=1
        )
    )


@st.composite
def move_rules(draw: st.DrawFn, among: tuple[Stage, ...]) -> MoveRules:
    backward = draw(st.sampled_from(MovePolicy))
    pairs = [(a.name, b.name) for a in among for b in among if a is not b]
    allowed = draw(st.frozensets(st.sampled_from(pairs), max_size=8))
    policy = draw(st.sampled_from([MovePolicy.WARN, MovePolicy.ENFORCE]))
    return MoveRules(policy if allowed else MovePolicy.OPEN, allowed, backward)


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    ends = st.lists(st.integers(0, 1440), max_size=6, unique=True).map(sorted)
    week = [draw(ends) for _ in range(6)] + [[540, 1440]]
    place = st.sampled_from([(None, None), ("DE", None), ("DE", "BE"), ("NO", "03"), ("JP", None)])
    country, subdivision = draw(place)
    return WorkingCalendar(
        shifts=tuple(
            tuple(Shift(*pair) for pair in zip(day[::2], day[1::2], strict=False)) for day in week
        ),
        country=country,
        subdivision=subdivision,
        days_off=draw(st.frozensets(st.dates(date(1970, 1, 1), date(2100, 1, 1)), max_size=3)),
    )


def zones() -> st.SearchStrategy[tzinfo]:
    named = st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]).map(ZoneInfo)
    return st.just(UTC) | named


@st.composite
def definitions(draw: st.DrawFn) -> StreamDefinition:
    of_stream = draw(stages())
    taken = {stage.name.casefold() for stage in of_stream}
    old = draw(st.lists(names(), max_size=4, unique_by=str.casefold))
    gone = [name for name in old if name.casefold() not in taken]
    replaces = {stage.name: (name,) for stage, name in zip(of_stream, gone, strict=False)}
    hours = st.integers(1, 87_600).map(float) | st.floats(0.001, 87_600)
    level = st.builds(ServiceLevel, st.integers(1, 99), hours)
    stream = ValueStream(
        key=draw(st.from_regex("[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)),
        name=draw(names()),
        stages=of_stream,
        zone_info=draw(zones()),
        description=draw(descriptions()),
        moves=draw(move_rules(of_stream)),
        service_level=draw(st.none() | level),
        calendar=draw(st.none() | calendars()),
    )
    return StreamDefinition(stream, replaces)


def files() -> st.SearchStrategy[list[StreamDefinition]]:
    return st.lists(definitions(), min_size=1, max_size=2, unique_by=lambda each: each.stream.key)


@property_test
@given(files())
def test_what_is_written_is_read_as_it_was(written: list[StreamDefinition]) -> None:
    text = stream_file.write(written)
    assert text.startswith(f"{SCHEMA_COMMENT}\n")
    assert read(text) == written


@property_test
@given(files())
def test_the_same_in_json_is_read_as_it_was(written: list[StreamDefinition]) -> None:
    for ascii_only in (True, False):
        text = json.dumps(stream_file.plain(written), ensure_ascii=ascii_only, indent="\t")
        assert read(text) == written


@property_test
@given(files())
def test_what_is_written_fits_the_schema(written: list[StreamDefinition]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(stream_file.plain(written))] == []


TOKENS = [
    *(b"", b" ", b"\n", b"\t", b"  - ", b": ", b"[", b"]", b"{", b"}", b'"', b"'", b"#", b"&a "),
    *(
        b"*a",
        b"|\n",
        b">-\n",
        b"!!",
        b"!x ",
        b"---\n",
        b"...",
        b"%YAML 1.1\n",
        b"? ",
        b"<<: ",
        b"~",
    ),
    *(
        b"\\",
        b"\\u",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\r",
        b"no",
        b"1e999",
        b"=",
        b",",
    ),
]


@settings(max_examples=100, deadline=None)
@given(
    text=st.sampled_from(sorted(CONFIG.glob("*.yaml"))).map(Path.read_bytes),
    cuts=st.lists(
        st.tuples(st.integers(0, 2500), st.integers(0, 40), st.sampled_from(TOKENS)), max_size=4
    ),
)
def test_a_damaged_file_is_read_or_refused(text: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    for start, length, inserted in cuts:
        text = text[:start] + inserted + text[start + length :]
    read_or_refuse(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refuse(data)


def read_or_refuse(data: bytes) -> None:
    """Read, or be told what is wrong in lines that any terminal can show."""
    try:
        stream_file.read(data, "s.yaml")
    except InvalidStreamFile as refused:
        lines = [str(problem) for problem in refused.problems]
        assert lines == [clean(line) for line in lines]


@settings(max_examples=100, deadline=None)
@given(
    path=st.lists(st.integers(0, 20), max_size=6),
    value=st.none() | st.booleans() | st.integers() | st.floats() | names()
    | st.just([]) | st.just({}),
)  # fmt: skip
def test_what_the_schema_refuses_the_reader_refuses_too(path: list[int], value: object) -> None:
    """One value is exchanged for any other; rules across fields are the reader's alone."""
    document = yaml.safe_load((CONFIG / "eight-stages.yaml").read_text("utf-8"))
    document = json.loads(json.dumps(exchanged(document, path, value), default=str))
    try:
        read(json.dumps(document))
    except InvalidStreamFile:
        return
    assert VALIDATOR.is_valid(document)


def exchanged(document: Any, path: list[int], value: object) -> Any:
    if not path or not document or not isinstance(document, dict | list):
        return value
    keys = list(document) if isinstance(document, dict) else range(len(document))
    key = keys[path[0] % len(keys)]
    document[key] = exchanged(document[key], path[1:], value)
    return document


@pytest.mark.parametrize(
    "change",
    [
        {"key": "Shop"},
        {"default": "yes"},
        {"service_level_expectation": {"percent": 85}},
        {"service_level_expectation": {"percent": 85, "days": 1, "hours": 24}},
        {"moves": {"policy": "warn"}},
        {"moves": {"allow": [{"from": "A", "to": ["B"]}]}},
        {"working_time": {"hours": {"mon": ["9-17"]}}},
        {"working_time": {"hours": {"mon": []}, "days_off": ["24.12."]}},
        {"stages": [{"name": "A", "category": "active", "wip_policy": "warn"}] * 2},
        {"colour": "red"},
    ],
)
def test_the_schema_refuses_what_editors_should_mark(change: Mapping[str, Any]) -> None:
    stream = stream_file.plain([StreamDefinition(DEFAULT_STREAM)])["value_streams"][0]
    assert VALIDATOR.is_valid({"version": 1, "value_streams": [stream]})
    assert not VALIDATOR.is_valid({"version": 1, "value_streams": [{**stream, **change}]})


def test_the_committed_schema_is_that_of_the_code() -> None:
    committed = (CONFIG / "value-stream.schema.json").read_text("utf-8")
    assert committed == schema_text(), "run `vsm streams schema > config/value-stream.schema.json`"
    assert jsonschema_rs.meta.is_valid(schema())


def test_the_default_file_is_the_default_stream() -> None:
    (found,) = read((CONFIG / "value-stream.yaml").read_text("utf-8"))
    assert found == StreamDefinition(DEFAULT_STREAM)


def test_the_example_of_eight_stages_has_a_rule_of_every_kind() -> None:
    (found,) = read((CONFIG / "eight-stages.yaml").read_text("utf-8"))
    stream = found.stream
    assert [(stage.name, stage.category.value) for stage in stream.stages] == [
        ("Backlog", "wait"),
        ("Design", "active"),
        ("Development", "active"),
        ("Code Review", "wait"),
        ("Testing", "active"),
        ("Deployment Approval", "wait"),
        ("Deployment", "active"),
        ("Production", "done"),
    ]
    assert stream.start_stage.name == "Design"
    assert {stage.wip_policy for stage in stream.stages} == set(WipPolicy)
    assert stream.service_level == ServiceLevel(85, 240.0)
    assert stream.moves.policy is MovePolicy.WARN
    assert ("Code Review", "Testing") in stream.moves.allowed
    assert stream.calendar is not None
    assert (stream.calendar.country, stream.calendar.subdivision) == ("DE", "BE")
    assert found.replaces == {"Code Review": ("Review",)}


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.name)
def test_a_file_in_the_folder_of_examples_fits_schema_and_names_it(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(SCHEMA_COMMENT)
    assert VALIDATOR.is_valid(json.loads(json.dumps(yaml.safe_load(text), default=str)))


def test_what_is_unsaid_is_the_default() -> None:
    (found,) = read(
        "version: 1\n"
        "value_streams: [{key: a, name: A, stages: ["
        "{name: Code Review!, category: active}, {name: '?!', category: done}]}]"
    )
    assert found == StreamDefinition(
        ValueStream(
            key="a",
            name="A",
            stages=(
                Stage("Code Review!", 1, "code-review", Category.ACTIVE),
                Stage("?!", 2, "?!", Category.DONE),
            ),
        )
    )


def test_names_of_moves_are_those_of_stages_whatever_their_case() -> None:
    (found,) = read(
        "version: 1\n"
        "value_streams: [{key: a, name: A, moves: {policy: warn, allow: [{from: b, to: [C]}]},"
        " stages: [{name: B, category: active}, {name: c, category: done}]}]"
    )
    assert found.stream.moves.allowed == {("B", "c")}


def test_shifts_may_be_written_in_any_order() -> None:
    text = stream_file.write([StreamDefinition(DEFAULT_STREAM)]).replace(
        "    stages:",
        '    working_time: {hours: {mon: ["13:00-17:00", "09:00-13:00"]}}\n    stages:',
    )
    (found,) = read(text)
    assert found.stream.calendar is not None
    assert found.stream.calendar.shifts[0] == (Shift(540, 780), Shift(780, 1020))


def test_aliases_repeat_what_an_anchor_named() -> None:
    text = stream_file.write([StreamDefinition(DEFAULT_STREAM)]).replace(
        "    stages:",
        '    working_time: {hours: {mon: &day ["09:00-17:00"], tue: *day}}\n    stages:',
    )
    (found,) = read(text)
    assert found.stream.calendar is not None
    assert found.stream.calendar.shifts[0] == found.stream.calendar.shifts[1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_does_not_matter(encoding: str) -> None:
    text = stream_file.write([StreamDefinition(DEFAULT_STREAM)])
    assert stream_file.read(text.encode(encoding), "s.yaml") == [StreamDefinition(DEFAULT_STREAM)]
