"""The rules that make a value stream's metrics well defined."""

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidStream, UnknownStage
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream, Zone
from tests.strategies import property_test, streams

ACTIVE, WAIT, DONE = Category.ACTIVE, Category.WAIT, Category.DONE


def stream_of(*stages: tuple[str, int, Category]) -> ValueStream:
    return ValueStream(
        key="team",
        name="Team",
        stages=tuple(Stage(name, order, name.lower(), kind) for name, order, kind in stages),
    )


def test_two_stages_cannot_share_a_name_that_differs_in_case_alone() -> None:
    with pytest.raises(InvalidStream, match="share one name"):
        stream_of(("Build", 1, ACTIVE), ("BUILD", 2, ACTIVE), ("Live", 3, DONE))


def test_two_stages_cannot_share_an_order() -> None:
    with pytest.raises(InvalidStream, match="unique and ascending"):
        stream_of(("Build", 1, ACTIVE), ("Test", 1, ACTIVE), ("Live", 2, DONE))


def test_stages_are_given_in_ascending_order() -> None:
    with pytest.raises(InvalidStream, match="unique and ascending"):
        stream_of(("Test", 2, ACTIVE), ("Build", 1, ACTIVE), ("Live", 3, DONE))


def test_orders_may_have_gaps() -> None:
    assert stream_of(("Build", 10, ACTIVE), ("Live", 90, DONE)).start_order == 10


def test_a_stream_needs_a_done_stage() -> None:
    with pytest.raises(InvalidStream, match="one active and one done"):
        stream_of(("Queue", 1, WAIT), ("Build", 2, ACTIVE))


def test_a_stream_needs_an_active_stage() -> None:
    with pytest.raises(InvalidStream, match="one active and one done"):
        stream_of(("Queue", 1, WAIT), ("Live", 2, DONE))


def test_a_stream_needs_stages() -> None:
    with pytest.raises(InvalidStream, match="one active and one done"):
        stream_of()


def test_no_stage_comes_after_a_done_one() -> None:
    with pytest.raises(InvalidStream, match="done stages come after all others"):
        stream_of(("Build", 1, ACTIVE), ("Live", 2, DONE), ("Review", 3, WAIT))


def test_a_stream_may_end_in_several_done_stages() -> None:
    stream = stream_of(("Build", 1, ACTIVE), ("Live", 2, DONE), ("Archive", 3, DONE))
    assert [stream.zone(stage) for stage in stream.stages] == [Zone.DOING, Zone.DONE, Zone.DONE]


def test_the_message_names_the_stream() -> None:
    with pytest.raises(InvalidStream, match="'team'"):
        stream_of(("Build", 1, ACTIVE))


def test_work_starts_at_the_first_active_stage() -> None:
    stream = stream_of(
        ("Ideas", 1, WAIT), ("Ready", 2, WAIT), ("Build", 5, ACTIVE), ("Live", 9, DONE)
    )
    assert stream.start_order == 5
    assert stream.zone(stream.stage("Ideas")) is Zone.TODO
    assert stream.zone(stream.stage("Ready")) is Zone.TODO
    assert stream.zone(stream.stage("Build")) is Zone.DOING


def test_a_wait_stage_after_the_start_is_in_process() -> None:
    stream = stream_of(
        ("Build", 1, ACTIVE), ("Approval", 2, WAIT), ("Deploy", 3, ACTIVE), ("Live", 4, DONE)
    )
    assert stream.zone(stream.stage("Approval")) is Zone.DOING


def test_the_default_stream_has_six_stages_from_backlog_to_production() -> None:
    zones = [(stage.name, DEFAULT_STREAM.zone(stage)) for stage in DEFAULT_STREAM.stages]
    assert zones == [
        ("Backlog", Zone.TODO),
        ("Analysis", Zone.DOING),
        ("Development", Zone.DOING),
        ("Testing", Zone.DOING),
        ("Deployment", Zone.DOING),
        ("Production", Zone.DONE),
    ]


@pytest.mark.parametrize("name", ["Testing", "testing", "TESTING", "  Testing\t"])
def test_a_stage_is_found_whatever_its_case_and_surrounding_space(name: str) -> None:
    assert DEFAULT_STREAM.stage(name).name == "Testing"


@pytest.mark.parametrize("name", ["", "Test", "Testing 2"])
def test_an_unknown_stage_is_refused_with_the_names_that_are_known(name: str) -> None:
    with pytest.raises(UnknownStage, match="Backlog, Analysis, Development") as refusal:
        DEFAULT_STREAM.stage(name)
    assert refusal.value.name == name


def test_a_new_item_enters_the_first_stage() -> None:
    assert DEFAULT_STREAM.first_stage.name == "Backlog"


def test_a_stream_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT_STREAM.stages = ()  # type: ignore[misc]


@property_test
@given(streams())
def test_zones_never_go_back_along_the_stages(stream: ValueStream) -> None:
    ranks = [list(Zone).index(stream.zone(stage)) for stage in stream.stages]
    assert ranks == sorted(ranks)


@property_test
@given(streams(), st.data())
def test_a_stream_with_its_stages_in_another_order_is_refused(
    stream: ValueStream, data: st.DataObject
) -> None:
    stages = tuple(data.draw(st.permutations(stream.stages)))
    if stages == stream.stages:
        assert ValueStream("copy", "Copy", stages).start_order == stream.start_order
    else:
        with pytest.raises(InvalidStream):
            ValueStream("copy", "Copy", stages)
