"""What words mean: stages by mapping, name, synonym and category; types; mapping files."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connectors.item_types import ItemTypes
from app.connectors.mapping_file import parse_mapping
from app.connectors.reading import Reading, ReadOptions, Tally
from app.connectors.stage_names import Special, StageNames
from app.domain.errors import Place
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream
from app.domain.work_item import WorkItemType

HERE = Place("file", 1)


def meaning(word: str, stream: ValueStream = DEFAULT_STREAM, **mapping: str) -> str | None:
    found = StageNames(stream, mapping).meaning(word, HERE)
    return found.name if isinstance(found, Stage) else found


@pytest.mark.parametrize(
    ("word", "stage"),
    [
        *((word, "Backlog") for word in ("To Do", "open", "NEW", "Selected for Development")),
        *((word, "Analysis") for word in ("analysis", "In Refinement", "Design")),
        *((word, "Development") for word in ("In Progress", "in_progress", "Code Review", "Doing")),
        *((word, "Testing") for word in ("QA", "UAT", "Ready for Test", "Verification")),
        *((word, "Deployment") for word in ("Staging", "Awaiting Deployment", "Release")),
        *((word, "Production") for word in ("Done", "Closed", "Resolved", "completed", "Live")),
        *((word, "cancelled") for word in ("Canceled", "Won't Do", "Won\u2019t Do", "Duplicate")),
        *((word, None) for word in ("In Limbo", "???", "Готово")),
    ],
)
def test_common_words_mean_the_default_stages(word: str, stage: str | None) -> None:
    assert meaning(word) == stage


def test_a_mapping_is_asked_first_exactly_and_then_whatever_the_case() -> None:
    assert meaning("Done", Done="Testing") == "Testing"
    assert meaning("DONE", Done="testing") == "Testing"
    names = StageNames(DEFAULT_STREAM, {"done": "Testing", "Done": "ignore"})
    assert names.meaning("Done", HERE) is Special.IGNORE


def test_a_stage_s_own_name_comes_before_synonyms_and_special_words() -> None:
    stream = ValueStream(
        key="s",
        name="S",
        stages=(
            Stage("Queue", 1, "q", Category.WAIT),
            Stage("Code Review", 2, "w", Category.ACTIVE),
            Stage("Build", 3, "w", Category.ACTIVE),
            Stage("Done", 4, "d", Category.DONE),
            Stage("Cancelled", 5, "d", Category.DONE),
        ),
    )
    assert meaning("code_review", stream) == "Code Review"
    assert meaning("Cancelled", stream) == "Cancelled"
    assert meaning("x", stream, x="cancelled") == "Cancelled"
    assert meaning("To Do", stream) == "Queue"
    assert meaning("Closed", stream) == "Done"
    assert meaning("In Progress", stream) is None  # two active stages: which is not known


def test_types_of_the_stream_are_matched_and_a_single_active_stage_takes_all_work() -> None:
    stream = ValueStream(
        key="s",
        name="S",
        stages=(
            Stage("Do", 1, "work", Category.ACTIVE),
            Stage("Prüfen", 2, "review", Category.WAIT),
            Stage("Fertig", 3, "d", Category.DONE),
        ),
    )
    assert meaning("Review", stream) == "Prüfen"
    assert meaning("QA", stream) == "Do"
    assert meaning("To Do", stream) is None  # nothing lies before the start


def test_a_category_decides_last_and_is_told() -> None:
    categories = {"Limbo": "indeterminate", "Inbound": "new", "Gone": "done", "Done": "new"}
    names = StageNames(DEFAULT_STREAM, {}, categories)
    found = {word: names.meaning(word, HERE) for word in (*categories, "Odd")}
    assert [stage.name for stage in found.values() if isinstance(stage, Stage)] == [
        *("Development", "Backlog", "Production", "Production"),
    ]
    reading = Reading()
    names.report(reading)
    assert (
        "status 'Limbo' was taken as Development by its Jira category; "
        '--map "Limbo=STAGE" states it'
    ) in reading.notes
    assert len(reading.problems) == 1


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((word, WorkItemType.FEATURE) for word in ("Story", "NEW FEATURE", "Requirement")),
        *((word, WorkItemType.BUG) for word in ("bug", "Incident")),
        *((word, WorkItemType.TASK) for word in ("Sub-task", "Spike", "Technical task", "", "x")),
        *((word, WorkItemType.EPIC) for word in ("Epic",)),
    ],
)
def test_types_are_known_by_their_usual_names(word: str, expected: WorkItemType) -> None:
    assert ItemTypes({}, Tally()).of(word, "A") is expected


def test_a_mapping_file_states_stages_types_columns_and_resolutions() -> None:
    mapping = parse_mapping(
        b"stages:\n  In Limbo: Testing\n  No: Backlog\ntypes: {Gadget: feature}\n"
        b"columns: {to_stage: Zustand}\ndiscard_resolutions: [Won't Do, Duplicate]\n",
        "map.yaml",
    )
    assert mapping.problems == []
    assert mapping.stages == {"In Limbo": "Testing", "No": "Backlog"}
    assert mapping.types == {"Gadget": "feature"}
    assert mapping.columns == {"to_stage": "Zustand"}
    assert mapping.discard_resolutions == ("Won't Do", "Duplicate")


def test_a_mapping_file_may_be_flat_or_json() -> None:
    assert parse_mapping(b"In Limbo: Testing\nGone: ignore\n", "m").stages == {
        "In Limbo": "Testing",
        "Gone": "ignore",
    }
    mapping = parse_mapping(b'{\n\t"stages": {"\\ud83d\\ude80 Live": "Production"}\n}', "m.json")
    assert (mapping.problems, mapping.stages) == ([], {"🚀 Live": "Production"})


def test_what_the_options_state_wins_over_the_file() -> None:
    mapping = parse_mapping(b"stages: {a: Testing, b: Testing}\ndiscard_resolutions: []\n", "m")
    options = ReadOptions(now=datetime(2026, 1, 1, tzinfo=UTC), mapping={"a": "Backlog"})
    merged = mapping.under(options)
    assert merged.mapping == {"a": "Backlog", "b": "Testing"}
    assert merged.discard_resolutions == ()
    assert parse_mapping(b"a: Testing", "m").under(options).discard_resolutions


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "m:1: expected a text with records, got an empty file"),
        ("just words", "m:1: expected a mapping of words to stages, got no mapping"),
        ("- a\n- b\n", "m:1:1: expected a mapping of words to stages, got a list"),
        ("a: b\nc: [", "m:2:5: expected YAML or JSON, got a text that is neither from here on"),
        ("a: b\x07", "m: expected YAML or JSON, got characters that neither may hold"),
        ("a: Testing\na: Backlog\n", "m:2:1 (a): expected each word once, got 'a' again"),
        ("a:\n", "m:1:3 (a): expected a text after the colon, got none"),
        ("? [a]\n: b\n", "m:1:3: expected a word before the colon, got none"),
        (
            "stages: {}\nstagse: {}\n",
            (
                "m:2:9 (stagse): expected one of stages, types, columns, "
                "discard_resolutions, blocked_labels, got 'stagse'"
            ),
        ),
        ("stages: [a]\n", "m:1:9 (stages): expected a mapping of words, got a list or a text"),
        (
            "types: {Bug: insect}\n",
            "m (type Bug): expected one of feature, bug, task, epic, got 'insect'",
        ),
        (
            "discard_resolutions: {a: b}\n",
            (
                "m:1:22 (discard_resolutions): expected a list of "
                "resolutions such as [Duplicate, Won't Do], got something else"
            ),
        ),
        ('{"a": "\\UFFFFFFFF"}', "m: expected YAML or JSON, got characters that neither may hold"),
        ("[" * 5_000, "m: expected a flat mapping, got brackets nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_mapping_file_is_told_with_its_place(text: str, problem: str) -> None:
    assert [str(each) for each in parse_mapping(text.encode(), "m").problems] == [problem]


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_make_a_mapping_or_problems(data: bytes) -> None:
    parse_mapping(data, "m")
