"""Blocks in a Jira changelog: flags, and labels that mean blocked."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connectors.mapping_file import parse_mapping
from app.domain.block import Block
from tests.strategies import property_test
from tests.unit.connectors.test_jira import FORWARD, OPTIONS, Json, day, issue, jira, only, problems


def at(number: int) -> datetime:
    return datetime(2025, 3, number, 10, tzinfo=UTC)


def flag(number: int, *, on: bool = True, **more: object) -> Json:
    before, after = ("", "Impediment") if on else ("Impediment", "")
    item = {"field": "Flagged", "fieldId": "customfield_10021", "fieldtype": "custom"}
    changed = item | {"fromString": before or None, "toString": after}
    return {"created": day(number), "items": [changed], **more}


def labels(number: int, before: str, after: str, **more: object) -> Json:
    item = {"field": "labels", "fromString": before, "toString": after}
    return {"created": day(number), "items": [item], **more}


def spans(blocks: tuple[Block, ...]) -> list[tuple[str, datetime, datetime | None]]:
    return [(each.reason, each.started, each.ended) for each in blocks]


def test_a_flag_blocks_until_it_is_taken_away() -> None:
    (block,) = only(jira(issue("A-1", *FORWARD, flag(2, id=7), flag(3, on=False, id=8)))).blocks
    assert block == Block("Impediment", at(2), at(3), "jira:7:0:flagged")


def test_a_flag_that_is_still_set_still_blocks() -> None:
    history = only(jira(issue("A-1", flag(2), status="To Do")))
    assert spans(history.blocks) == [("Impediment", at(2), None)]


def test_an_issue_that_was_created_flagged_was_blocked_from_then_on() -> None:
    history = only(jira(issue("A-1", flag(3, on=False), status="To Do")))
    assert history.blocks == (Block("Impediment", at(1), at(3), "jira:created:flagged"),)


def test_an_issue_without_flags_and_labels_has_no_blocks() -> None:
    assert only(jira(issue("A-1", *FORWARD), blocked_labels=("stuck",))).blocks == ()


def test_a_flag_that_is_set_twice_blocks_once() -> None:
    other = flag(3)
    other["items"][0] |= {"fromString": "Impediment", "toString": "Impediment, Waiting"}
    history = only(jira(issue("A-1", flag(2), other, flag(4, on=False), status="To Do")))
    assert spans(history.blocks) == [("Impediment", at(2), at(4))]


@pytest.mark.parametrize("step", [1, -1])
def test_flags_are_read_in_either_order_of_the_changelog(step: int) -> None:
    log = [flag(2), flag(3, on=False), flag(3), flag(4, on=False)]
    history = only(jira(issue("A-1", *log[::step], status="To Do")))
    assert spans(history.blocks) == [
        ("Impediment", at(2), at(3)),
        ("Impediment", at(3), at(4)),
    ]


def test_blocks_of_one_instant_without_ids_are_told_apart() -> None:
    log = [flag(2), flag(2, on=False), flag(2)]
    first, second = only(jira(issue("A-1", *log, status="To Do"))).blocks
    assert first.source_event_id != second.source_event_id
    assert only(jira(issue("A-1", *log[:2], status="To Do"))).blocks == (first,)


def test_labels_block_only_when_they_are_said_to() -> None:
    log = (labels(2, "ui", "ui Waiting-for-legal"), labels(4, "ui Waiting-for-legal", "ui"))
    assert only(jira(issue("A-1", *log, status="To Do"))).blocks == ()
    reading = jira(issue("A-1", *log, status="To Do"), blocked_labels=("waiting for legal",))
    assert spans(only(reading).blocks) == [("Waiting-for-legal", at(2), at(4))]


def test_two_labels_at_once_are_two_blocks() -> None:
    log = (labels(2, "", "a"), labels(3, "a", "a b"), labels(4, "a b", "b"))
    history = only(jira(issue("A-1", *log, status="To Do"), blocked_labels=("a", "b")))
    assert spans(history.blocks) == [("a", at(2), at(4)), ("b", at(3), None)]


def test_a_label_that_never_changed_was_there_from_the_creation_on() -> None:
    told = issue("A-1", status="To Do", labels=["ui", "stuck"])
    (block,) = only(jira(told, blocked_labels=("stuck",))).blocks
    assert block == Block("stuck", at(1), None, "jira:created:label:stuck")
    later = issue("A-1", labels(5, "ui stuck", "ui", id=9), status="To Do", labels=["ui"])
    (ended,) = only(jira(later, blocked_labels=("stuck",))).blocks
    assert ended == Block("stuck", at(1), at(5), block.source_event_id)


def test_a_flag_without_an_instant_is_told_with_its_place() -> None:
    broken = flag(2) | {"created": "soon"}
    (text,) = problems(jira(issue("A-1", *FORWARD, broken)))
    assert text.startswith("issues.json (A-1: changelog.histories[3].created): expected a date")


def test_labels_that_nobody_asked_about_cannot_be_wrong() -> None:
    broken = labels(2, "", "a") | {"created": "soon"}
    assert only(jira(issue("A-1", *FORWARD, broken))).blocks == ()


def test_a_mapping_file_names_the_labels() -> None:
    mapping = parse_mapping(b"blocked_labels: [stuck, waiting for legal]\n", "m")
    assert mapping.problems == []
    assert mapping.under(OPTIONS).blocked_labels == ("stuck", "waiting for legal")
    (problem,) = parse_mapping(b"blocked_labels: {a: b}\n", "m").problems
    assert "(blocked_labels): expected a list of labels such as [blocked" in str(problem)


@property_test
@given(st.lists(st.booleans(), max_size=12), st.booleans())
def test_blocks_by_one_flag_never_overlap_and_only_the_last_may_last(
    states: list[bool], newest_first: bool
) -> None:
    log = [flag(2 + n, on=on, id=n) for n, on in enumerate(states)]
    told = log[::-1] if newest_first else log
    blocks = only(jira(issue("A-1", *told, status="To Do"))).blocks
    for before, after in pairwise(blocks):
        assert before.ended is not None
        assert before.started <= before.ended <= after.started
    assert bool(blocks and blocks[-1].ended is None) == bool(states and states[-1])
    assert len({each.source_event_id for each in blocks}) == len(blocks)
