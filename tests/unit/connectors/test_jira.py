"""Jira issues: every way to fetch them, changelogs in any order, ids that stay."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.connectors.jira import read
from app.connectors.reading import Reading, ReadOptions
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType

OPTIONS = ReadOptions(now=datetime(2026, 1, 1, tzinfo=UTC))
Json = dict[str, Any]


def day(number: int, time: str = "10:00:00.000") -> str:
    return f"2025-03-{number:02}T{time}+0000"


def change(at: str, before: str | None, after: str, **more: object) -> Json:
    item = {"field": "status", "fromString": before, "toString": after}
    return {"created": at, "items": [item], **more}


def issue(key: str, *histories: Json, status: str | Json = "Done", **fields: object) -> Json:
    return {
        "key": key,
        "fields": {
            "summary": f"About {key}",
            "issuetype": {"name": "Story"},
            "created": day(1),
            "status": {"name": status} if isinstance(status, str) else status,
            **fields,
        },
        "changelog": {"histories": list(histories)},
    }


def jira(payload: object, **changes: object) -> Reading:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    options = replace(OPTIONS, **changes)  # type: ignore[arg-type]
    return read(text.encode(), "issues.json", DEFAULT_STREAM, options)


def problems(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]


def only(reading: Reading) -> ItemHistory:
    assert problems(reading) == []
    (history,) = reading.histories
    return history


def stages(history: ItemHistory) -> list[str]:
    return [move.to_stage for move in history.transitions]


FORWARD = (
    change(day(2), "To Do", "In Progress", id="11"),
    change(day(3), "In Progress", "QA", id="12"),
    change(day(4), "QA", "Done", id="13"),
)


def test_an_issue_enters_its_first_status_at_its_creation_and_then_follows_the_log() -> None:
    history = only(jira(issue("A-1", *FORWARD)))
    assert (history.key, history.source, history.title) == ("A-1", "jira", "About A-1")
    assert history.type is WorkItemType.FEATURE
    assert history.created_at == datetime(2025, 3, 1, 10, tzinfo=UTC)
    assert stages(history) == ["Backlog", "Development", "Testing", "Production"]
    assert [move.from_stage for move in history.transitions] == [
        *(None, "Backlog", "Development", "Testing"),
    ]
    assert [move.source_event_id for move in history.transitions] == [
        *("jira:created", "jira:11:0", "jira:12:0", "jira:13:0"),
    ]


def test_an_issue_without_changes_is_in_its_status_since_its_creation() -> None:
    history = only(jira(issue("A-1", status="To Do")))
    assert stages(history) == ["Backlog"]
    assert history.transitions[0].timestamp == history.created_at


@pytest.mark.parametrize("step", [1, -1])
def test_the_order_of_the_changelog_does_not_matter(step: int) -> None:
    same_time = [
        change(day(2), "To Do", "In Progress"),
        change(day(3), "In Progress", "QA"),
        change(day(3), "QA", "Done"),
    ]
    history = only(jira(issue("A-1", *same_time[::step])))
    assert stages(history) == ["Backlog", "Development", "Testing", "Production"]


def test_within_one_history_the_items_keep_their_order_and_other_fields_are_left_out() -> None:
    several = {
        "id": 7,
        "created": day(2),
        "items": [
            {"field": "resolution", "fromString": None, "toString": "Done"},
            {"field": "status", "fromString": "To Do", "toString": "QA"},
            {"fieldId": "status", "field": "Zustand", "fromString": "QA", "toString": "Done"},
        ],
    }
    ranked = {"created": "nonsense", "items": [{"field": "Rank", "toString": "Ranked higher"}]}
    history = only(jira(issue("A-1", several, ranked)))
    assert [(move.to_stage, move.source_event_id) for move in history.transitions[1:]] == [
        ("Testing", "jira:7:1"),
        ("Production", "jira:7:2"),
    ]


def test_a_later_export_gives_the_same_ids_to_the_same_events() -> None:
    def ids(*histories: Json) -> list[str | None]:
        found = only(jira(issue("A-1", *histories, status="To Do")))
        return [move.source_event_id for move in found.transitions]

    assert ids(*FORWARD)[:2] == ids(FORWARD[0])
    assert ids()[0] == ids(*FORWARD)[0]
    pair = (change(day(2), "To Do", "QA"), change(day(2), "QA", "To Do"))
    without_ids = [*pair, *pair]
    assert len(set(ids(*without_ids))) == 5
    assert ids(*without_ids)[:4] == ids(*without_ids[:3])


def test_a_history_that_stands_twice_counts_once() -> None:
    assert len(only(jira(issue("A-1", *FORWARD, FORWARD[1]))).transitions) == 4


@pytest.mark.parametrize(
    "payload",
    [
        {"issues": [issue("A-1"), issue("A-2")]},
        [issue("A-1"), issue("A-2")],
        [{"issues": [issue("A-1")]}, {"issues": [issue("A-2")], "isLast": True}],
        f"{json.dumps(issue('A-1'))}\n\n{json.dumps(issue('A-2'))}\n",
    ],
)
def test_every_way_to_put_issues_together_is_read(payload: object) -> None:
    assert [history.key for history in jira(payload).histories] == ["A-1", "A-2"]


def test_of_two_versions_of_an_issue_the_last_updated_counts() -> None:
    old = issue("A-1", *FORWARD[:1], status="In Progress", updated=day(2))
    new = issue("A-1", *FORWARD, updated=day(4))
    for payload in ([old, new], [new, old]):
        reading = jira(payload)
        assert len(only(reading).transitions) == 4
        assert [row.reason for row in reading.skipped] == [
            "the file has a newer version of this issue"
        ]


def test_no_issues_are_no_error() -> None:
    assert jira({"issues": []}).notes == ["the file has no issues"]


@pytest.mark.parametrize("issues", [1, 2])
def test_a_missing_changelog_is_told_once_with_the_way_to_export_it(issues: int) -> None:
    payload = [{**issue(f"A-{n}"), "changelog": None} for n in range(issues)]
    assert problems(jira([*payload, issue("B-1")])) == [
        (
            "issues.json (A-0: changelog): expected a changelog in every issue, "
            f"got none in {issues} of {issues + 1}: export with expand=changelog"
        )
    ]


def test_a_changelog_that_was_cut_off_is_told() -> None:
    cut = issue("A-1", *FORWARD)
    cut["changelog"]["total"] = 120
    (text,) = problems(jira(cut))
    assert "(A-1: changelog): expected the whole changelog (120 histories), got 3" in text
    assert "/rest/api/3/issue/A-1/changelog" in text


def test_the_pages_of_the_changelog_resource_are_read_too() -> None:
    paged = issue("A-1")
    paged["changelog"] = {"values": list(FORWARD), "total": 3}
    assert len(only(jira(paged)).transitions) == 4


def test_a_broken_chain_is_kept_as_it_is() -> None:
    history = only(
        jira(issue("A-1", change(day(2), "To Do", "QA"), change(day(3), "Triaged", "Done")))
    )
    assert stages(history) == ["Backlog", "Testing", "Production"]
    assert [move.from_stage for move in history.transitions] == [None, "Backlog", None]


def test_changes_before_the_creation_are_kept_and_come_first() -> None:
    history = only(jira(issue("A-1", *FORWARD, created=day(3))))
    assert history.created_at == datetime(2025, 3, 3, 10, tzinfo=UTC)
    assert stages(history) == ["Backlog", "Development", "Testing", "Production"]
    assert history.transitions[0].timestamp == history.transitions[1].timestamp


def test_a_reopened_issue_follows_its_log() -> None:
    again = (change(day(5), "Done", "Reopened"), change(day(6), "Reopened", "Done"))
    assert stages(only(jira(issue("A-1", *FORWARD, *again))))[3:] == [
        *("Production", "Backlog", "Production"),
    ]


@pytest.mark.parametrize("resolution", ["Won't Do", "WON\u2019T DO", "wont do", "Duplicate"])
def test_done_by_a_discarding_resolution_is_a_cancellation(resolution: str) -> None:
    closed = change(day(5), "Done", "Closed")
    history = only(jira(issue("A-1", *FORWARD, closed, resolution={"name": resolution})))
    assert stages(history) == ["Backlog", "Development", "Testing"]
    assert history.cancelled_at == datetime(2025, 3, 4, 10, tzinfo=UTC)
    assert history.cancel_reason == f"resolution: {resolution}"


@pytest.mark.parametrize("resolution", [None, {"name": "Done"}, {"name": None}, "Fixed", 7])
def test_done_by_any_other_resolution_is_done(resolution: object) -> None:
    history = only(jira(issue("A-1", *FORWARD, resolution=resolution)))
    assert history.cancelled_at is None
    assert stages(history)[-1] == "Production"


def test_the_discarding_resolutions_can_be_replaced() -> None:
    payload = issue("A-1", *FORWARD, resolution={"name": "Parked"})
    assert only(jira(payload, discard_resolutions=("parked",))).cancelled_at is not None
    payload = issue("A-1", *FORWARD, resolution={"name": "Duplicate"})
    assert only(jira(payload, discard_resolutions=())).cancelled_at is None


def test_a_resolution_counts_only_where_the_issue_ends_in_done() -> None:
    payload = issue("A-1", *FORWARD[:2], status="QA", resolution={"name": "Duplicate"})
    assert only(jira(payload)).cancelled_at is None


def test_an_issue_discarded_after_it_was_done_keeps_its_finish() -> None:
    again = (change(day(5), "Done", "Reopened"), change(day(6), "Reopened", "Done"))
    history = only(jira(issue("A-1", *FORWARD, *again, resolution={"name": "Obsolete"})))
    assert stages(history)[3:] == ["Production", "Backlog"]
    assert history.cancelled_at == datetime(2025, 3, 6, 10, tzinfo=UTC)


def test_a_final_cancelled_status_is_a_cancellation_and_one_left_again_is_not_kept() -> None:
    rejected = change(day(3), "In Progress", "Rejected")
    history = only(jira(issue("A-1", FORWARD[0], rejected, status="Rejected")))
    assert stages(history) == ["Backlog", "Development"]
    assert (history.cancelled_at, history.cancel_reason) == (
        datetime(2025, 3, 3, 10, tzinfo=UTC),
        "status: Rejected",
    )
    reading = jira(issue("A-1", FORWARD[0], rejected, change(day(4), "Rejected", "Done")))
    assert stages(only(reading)) == ["Backlog", "Development", "Production"]
    assert only(reading).cancelled_at is None
    assert any("left again were not kept" in note for note in reading.notes)


def test_an_issue_created_cancelled_was_cancelled_then() -> None:
    history = only(jira(issue("A-1", status="Duplicate")))
    assert (history.transitions, history.cancelled_at) == ((), history.created_at)


def test_unknown_statuses_fall_back_to_their_category_or_are_told_once() -> None:
    status = {"name": "In Limbo", "statusCategory": {"key": "indeterminate"}}
    limbo = change(day(2), "To Do", "In Limbo")
    reading = jira([issue("A-1", limbo, status=status), issue("A-2", limbo, status="In Limbo")])
    assert [stages(history)[-1] for history in reading.histories] == ["Development"] * 2
    assert any("taken as Development by its Jira category" in note for note in reading.notes)
    reading = jira([issue("A-1", limbo, status="In Limbo"), issue("A-2", limbo)])
    (text,) = problems(reading)
    assert text.startswith(
        "issues.json (A-1: changelog.histories[0].items[0].toString): expected a status that means "
        "a stage, got 'In Limbo' (2 times): add --map \"In Limbo=Testing\""
    )
    assert jira(issue("A-1", limbo), mapping={"In Limbo": "Analysis"}).mapping == {
        "To Do": "Backlog",
        "In Limbo": "Analysis",
    }


def test_a_status_that_is_not_the_last_change_s_is_noted() -> None:
    reading = jira(issue("A-1", *FORWARD, status="In Progress"))
    assert any(note.startswith("the current status is not the one last") for note in reading.notes)
    assert jira(issue("A-1", *FORWARD, status="Closed")).notes == []


def test_titles_and_types_are_made_fit() -> None:
    reading = jira(
        [
            issue("A-1", *FORWARD, summary=None, issuetype=None),
            issue("A-2", *FORWARD, summary="x" * 501),
            issue("A-3", *FORWARD, summary="a\x00b\ud800c\nd"),
            issue("A-4", *FORWARD, issuetype={"name": "Gizmo"}),
        ],
        types={"gizmo": "epic"},
    )
    first, second, third, fourth = reading.histories
    assert (first.title, first.type) == ("A-1", WorkItemType.TASK)
    assert len(second.title) == 500
    assert third.title == "a b\ufffdc d"
    assert fourth.type is WorkItemType.EPIC
    assert len(reading.notes) == 3


def test_offsets_of_jira_are_read() -> None:
    history = only(jira(issue("A-1", created="2025-03-01T10:00:00.959+0800", status="To Do")))
    assert history.created_at == datetime(2025, 3, 1, 2, 0, 0, 959_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("{", "issues.json:1:2: expected JSON, got the end of the text where it cannot stand"),
        ('{"a": 1}\n{', "issues.json:2:2: expected JSON"),
        ("[1]", "issues.json ([0]): expected a Jira issue"),
        (
            {"total": 3},
            (
                'issues.json: expected a Jira issue with "key" and "fields", or a search '
                "result with \"issues\", got an object with 'total'"
            ),
        ),
        ({"issues": [{"fields": {}}]}, "(issues[0]): expected an issue key of 1 to 200 characters"),
        (
            {"key": "A", "fields": {}, "changelog": {"histories": []}},
            (
                "issues.json (A: fields.created): expected a date and time such as "
                "2025-06-07T14:59:28Z, got nothing"
            ),
        ),
        (issue("A", created="9999-01-01T00:00:00.000+0000"), "a placeholder"),
        (
            issue("A", {"created": day(2), "items": None}),
            "(A: changelog.histories[0]): expected a history with items, got an object",
        ),
        (issue("A", change(day(2), "To Do", "")), "expected the status changed to, got ''"),
        (issue("A", status=""), "(A: fields.status): expected the issue's status, got none"),
        (issue("A", change("2027-01-01T00:00:00Z", "To Do", "Done")), "lies in the future"),
        ("[" * 100_000, "got brackets nested too deeply"),
        ("9" * 10_000, "got a number with too many digits"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(payload: object, text: str) -> None:
    assert text in problems(jira(payload))[-1]
