"""What a definition may say, and what it would change: without a database."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidStream, StageInUse, StageProblem, UnknownStage
from app.domain.stream_changes import difference, stage_fates
from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import DEFAULT_STREAM, RESERVED_KEYS, ValueStream
from tests.redefinitions import redefinitions
from tests.strategies import property_test, streams


@pytest.mark.parametrize(
    "key", [*sorted(RESERVED_KEYS), "Pay", "", "-pay", "pay.json", "p" * 64, "pay\n"]
)
def test_a_key_is_a_word_that_can_stand_in_a_path_and_is_not_taken(key: str) -> None:
    with pytest.raises(InvalidStream, match="key"):
        replace(DEFAULT_STREAM, key=key)


@pytest.mark.parametrize(
    ("replaces", "words"),
    [
        ({"Testing": ("backlog",)}, "which is a stage itself"),
        ({"Testing": ("Testing",)}, "which is a stage itself"),
        ({"Testing": ("QA",), "Analysis": (" qa ",)}, "which is replaced by another one, too"),
        ({"Testing": ("QA", "QA")}, "which is replaced by another one, too"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(
    replaces: dict[str, tuple[str, ...]], words: str
) -> None:
    with pytest.raises(InvalidStream, match=words):
        StreamDefinition(DEFAULT_STREAM, replaces)


def test_a_stage_that_is_not_there_takes_nothing_over() -> None:
    with pytest.raises(UnknownStage, match="'Review'"):
        StreamDefinition(DEFAULT_STREAM, {"Review": ("QA",)})


def test_names_that_no_stage_has_any_more_say_nothing() -> None:
    definition = StreamDefinition(DEFAULT_STREAM, {"Testing": ("QA", "Review")})
    assert difference(DEFAULT_STREAM, definition).changes == ()


def test_the_first_of_the_replaced_is_renamed_and_the_others_are_merged() -> None:
    backlog, *_, production = DEFAULT_STREAM.stages
    build = replace(DEFAULT_STREAM.stage("Development"), name="Build", order=2)
    short = replace(DEFAULT_STREAM, stages=(backlog, build, replace(production, order=3)))
    order = ("Testing", "Nothing", "Development", "Analysis", "Deployment")
    fates = stage_fates(DEFAULT_STREAM, StreamDefinition(short, {"Build": order}))
    assert [(old.name, new.name) for old, new in fates.kept] == [
        ("Backlog", "Backlog"),
        ("Testing", "Build"),
        ("Production", "Production"),
    ]
    assert [old.name for old, _ in fates.merged] == ["Development", "Analysis", "Deployment"]
    assert (fates.added, fates.removed) == ((), ())


@property_test
@given(st.data(), streams())
def test_every_stage_has_one_fate_and_every_stage_of_the_definition_one_origin(
    data: st.DataObject, stream: ValueStream
) -> None:
    definition = data.draw(redefinitions(stream)).definition
    fates = stage_fates(stream, definition)
    gone = [old.name for old, _ in (*fates.kept, *fates.merged)]
    gone += [stage.name for stage in fates.removed]
    assert sorted(gone) == sorted(stage.name for stage in stream.stages)
    come = [new.name for _, new in fates.kept] + [stage.name for stage in fates.added]
    assert sorted(come) == sorted(stage.name for stage in definition.stream.stages)


@property_test
@given(streams())
def test_a_stream_differs_in_nothing_from_itself_whatever_numbers_give_its_order(
    stream: ValueStream,
) -> None:
    numbered = tuple(
        replace(stage, order=place) for place, stage in enumerate(stream.stages, start=1)
    )
    found = difference(stream, StreamDefinition(replace(stream, stages=numbered)))
    assert (found.changes, found.reinterprets, found.rezones) == ((), False, False)


def test_a_stage_in_use_says_what_uses_it_and_the_remedy() -> None:
    error = StageInUse([StageProblem("default", "Testing", 1, 2)])
    assert error.detail == (
        "stream 'default': stage 'Testing' has 1 item in it and 2 moves into it; say which stage "
        "takes them over: `replaces: [Testing]`"
    )
