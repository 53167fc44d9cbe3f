"""Files that other tools exported or expect: read, and compared with what those tools say."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from app.connectors import jira, stage_dates, transitions_table
from app.connectors.detect import detect_format
from app.connectors.reading import FileFormat, Reading, ReadOptions
from app.domain.value_stream import DEFAULT_STREAM, Category
from app.domain.work_item import ItemHistory, WorkItemType

Shared = Callable[[str], bytes]

PEER = "mrreasonable-jira-with-expected"
FLOW_CSV = "letpeoplework-csv"
STAGE_OF = {
    "Backlog": "Backlog",
    "Committed": "Analysis",
    "Build": "Development",
    "Test": "Testing",
    "Done": "Production",
}
"""The peer tool's columns, and the stages they stand for."""


def percentile(values: Iterable[float], rank: float) -> float:
    """Interpolate as the peers do."""
    ordered = sorted(values)
    at = rank * (len(ordered) - 1)
    low, high = ordered[math.floor(at)], ordered[math.ceil(at)]
    return low + (high - low) * (at - math.floor(at))


def first_days(history: ItemHistory) -> dict[str, date]:
    days: dict[str, date] = {}
    for move in history.transitions:
        days.setdefault(move.to_stage, move.timestamp.date())
    return days


def finish(history: ItemHistory) -> datetime | None:
    for move in history.transitions:
        if DEFAULT_STREAM.stage(move.to_stage).category is Category.DONE:
            return move.timestamp
    return None


def expected_days(shared: Shared) -> dict[str, dict[str, date]]:
    text = shared(f"{PEER}/expected/cycletime.csv").decode()
    return {
        row["ID"]: {
            stage: date.fromisoformat(row[column])
            for column, stage in STAGE_OF.items()
            if row[column]
        }
        for row in csv.DictReader(io.StringIO(text))
    }


def assert_peer_percentiles(reading: Reading) -> None:
    days = [first_days(history) for history in reading.histories]
    cycles = [(each["Production"] - each["Analysis"]).days for each in days if "Production" in each]
    found = [percentile(cycles, rank) for rank in (0.5, 0.85, 0.95)]
    assert found == pytest.approx([15, 18, 19.05])


def test_jira_issues_reach_each_stage_on_the_day_the_peer_tool_says(
    options: ReadOptions, shared: Shared
) -> None:
    mapping = {"Next": "Analysis", "Build": "Development", "QA": "Testing", "Done": "Production"}
    data = shared(f"{PEER}/jira/search_issues.json")
    assert detect_format(data, "search_issues.json").format is FileFormat.JIRA
    reading = jira.read(
        data, "search_issues.json", DEFAULT_STREAM, replace(options, mapping=mapping)
    )
    assert reading.problems == []
    expected = expected_days(shared)
    assert len(reading.histories) == len(expected) == 20
    for history in reading.histories:
        assert history.key is not None
        days = first_days(history)
        for stage, day in expected[history.key].items():
            # the peer back-fills a skipped stage with the day of the next one
            order = DEFAULT_STREAM.stage(stage).order
            later = [
                days[s.name] for s in DEFAULT_STREAM.stages if s.order >= order and s.name in days
            ]
            assert days.get(stage, later[0]) == day, (history.key, stage)
    assert_peer_percentiles(reading)


def test_the_peer_tool_s_cycle_time_table_reads_as_stage_dates(
    options: ReadOptions, shared: Shared
) -> None:
    data = shared(f"{PEER}/expected/cycletime.csv")
    assert detect_format(data, "cycletime.csv").format is FileFormat.STAGE_DATES
    reading = stage_dates.read(
        data, "cycletime.csv", DEFAULT_STREAM, replace(options, mapping={"Committed": "Analysis"})
    )
    assert reading.problems == []
    expected = expected_days(shared)
    for history in reading.histories:
        assert history.key is not None
        assert first_days(history) == expected.pop(history.key)
    assert expected == {"I-18": {}, "I-19": {}}
    assert len(reading.skipped) == 2
    assert_peer_percentiles(reading)


def test_real_jira_issues_are_read_with_all_their_status_changes(
    options: ReadOptions, shared: Shared
) -> None:
    folder = "jirametrics-jira-cloud"
    files = [
        *(f"{folder}/testdata/SP-{n}.json" for n in (1, 2, 10, 13, 14, 15)),
        *(f"{folder}/complete_sample/sample_issues/SP-{n}.json" for n in (1, 2, 5, 7, 8, 11)),
    ]
    moves = 0
    for file in files:
        data = shared(file)
        assert detect_format(data, file).format is FileFormat.JIRA
        reading = jira.read(data, file, DEFAULT_STREAM, options)
        assert reading.problems == []
        (history,) = reading.histories
        times = [move.timestamp for move in history.transitions]
        assert times == sorted(times)
        assert times[0] == history.created_at
        moves += len(times) - 1
    assert moves == 29


def test_flags_of_real_issues_are_blocks(options: ReadOptions, shared: Shared) -> None:
    def blocks(path: str) -> dict[str, list[tuple[str | None, datetime, datetime | None]]]:
        histories = jira.read(shared(path), path, DEFAULT_STREAM, options).histories
        return {
            str(each.key): [(one.source_event_id, one.started, one.ended) for one in each.blocks]
            for each in histories
            if each.blocks
        }

    folder = "jirametrics-jira-cloud/testdata"
    assert blocks(f"{folder}/SP-10.json") == {
        "SP-10": [
            (
                "jira:10062:0:flagged",
                datetime(2021, 9, 6, 4, 33, 30, 647_000, tzinfo=UTC),
                datetime(2021, 9, 6, 4, 33, 55, 539_000, tzinfo=UTC),
            )
        ]
    }
    assert blocks(f"{folder}/SP-15.json") == {
        "SP-15": [
            (
                "jira:10150:0:flagged",
                datetime(2022, 4, 24, 20, 30, 51, 748_000, tzinfo=UTC),
                None,
            )
        ]
    }
    (times,) = blocks("mrreasonable-jira-with-expected/jira/search_issues.json")["I-2"]
    assert times[1:] == (
        datetime(2021, 1, 14, 10, tzinfo=UTC),
        datetime(2021, 1, 17, 10, tzinfo=UTC),
    )


def test_a_newer_version_of_a_real_issue_keeps_the_ids_of_the_older(
    options: ReadOptions, shared: Shared
) -> None:
    def ids(path: str) -> list[str | None]:
        data = shared(f"jirametrics-jira-cloud/{path}/SP-1.json")
        (history,) = jira.read(data, "SP-1.json", DEFAULT_STREAM, options).histories
        return [move.source_event_id for move in history.transitions]

    older, newer = ids("testdata"), ids("complete_sample/sample_issues")
    assert newer[: len(older)] == older
    assert len(newer) == len(older) + 1
    both = [
        json.loads(shared(f"jirametrics-jira-cloud/{path}/SP-1.json"))
        for path in ("complete_sample/sample_issues", "testdata")
    ]
    reading = jira.read(json.dumps(both).encode(), "both.json", DEFAULT_STREAM, options)
    assert [len(history.transitions) for history in reading.histories] == [len(newer)]


def test_an_example_with_american_dates_gives_the_known_percentiles(
    options: ReadOptions, shared: Shared
) -> None:
    data = shared(f"{FLOW_CSV}/ExampleFile.csv")
    assert detect_format(data, "ExampleFile.csv").format is FileFormat.STAGE_DATES
    reading = stage_dates.read(data, "ExampleFile.csv", DEFAULT_STREAM, options)
    assert reading.problems == []
    assert len(reading.histories) == 266
    days = [
        (finished - history.created_at).total_seconds() / 86_400
        for history in reading.histories
        if (finished := finish(history)) is not None
    ]
    assert len(days) == 261
    found = [percentile(days, rank) for rank in (0.5, 0.85, 0.95)]
    assert found == pytest.approx([3.898125, 7.706493, 12.248252], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "items", "finished"),
    [
        ("team-valid-required-only", 5, 4),
        ("team-valid-with-optional", 5, 4),
        ("team-valid-all-optional", 5, 4),
        ("team-valid-state-since", 5, 1),
        ("team-valid-demo-journey-synthesis", 2, 1),
        ("project-valid-required-only", 5, 4),
        ("project-valid-with-optional", 5, 4),
        ("project-valid-all-optional", 5, 4),
        ("project-valid-depends-on", 4, 0),
    ],
)
def test_start_and_finish_tables_are_read(
    name: str, items: int, finished: int, options: ReadOptions, shared: Shared
) -> None:
    data = shared(f"{FLOW_CSV}/{name}.csv")
    assert detect_format(data, name).format is FileFormat.STAGE_DATES
    reading = stage_dates.read(data, name, DEFAULT_STREAM, options)
    assert reading.problems == []
    assert len(reading.histories) == items
    assert len([each for each in reading.histories if finish(each)]) == finished


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("invalid-missing-required", ("expected a column for started",)),
        (
            "invalid-wrong-csv",
            *[("column for key", "column for started", "column for finished")],
        ),
        ("invalid-not-csv", ("expected a CSV file with a header of several columns",)),
    ],
)
def test_tables_that_cannot_be_right_are_told_why(
    name: str, parts: tuple[str, ...], options: ReadOptions, shared: Shared
) -> None:
    reading = stage_dates.read(shared(f"{FLOW_CSV}/{name}.csv"), name, DEFAULT_STREAM, options)
    assert reading.histories == []
    assert len(reading.problems) == len(parts)
    for problem, part in zip(reading.problems, parts, strict=True):
        assert part in problem.message


def test_tables_with_relative_dates_are_told_that_absolute_ones_are_needed(
    options: ReadOptions, shared: Shared
) -> None:
    reading = stage_dates.read(
        shared(f"{FLOW_CSV}/Team Zenith.csv"), "zenith", DEFAULT_STREAM, options
    )
    first = reading.problems[0]
    assert (first.place.line, first.place.column, first.place.field) == (2, 6, "StartedDate")
    assert first.message == (
        "expected an absolute date such as 2025-06-07, got '{w-145}', which is relative"
    )


def test_changelogs_of_all_fields_give_the_status_changes(
    options: ReadOptions, shared: Shared
) -> None:
    folder = "devlake-other-trackers/customize/e2e/raw_tables"
    found = {}
    for file, skipped in (("issue_changelogs.csv", 4), ("issue_changelogs_incremental.csv", 2)):
        data = shared(f"{folder}/{file}")
        assert detect_format(data, file).format is FileFormat.CSV
        reading = transitions_table.read_csv(data, file, DEFAULT_STREAM, options)
        assert reading.problems == []
        assert len(reading.skipped) == skipped
        for history in reading.histories:
            assert history.type is WorkItemType.TASK
            for move in history.transitions:
                found[move.source_event_id] = (
                    history.key,
                    move.to_stage,
                    move.timestamp.isoformat(),
                )
    assert found == {
        "changelog1": ("issue1", "Development", "2023-01-01T10:00:00+00:00"),
        "changelog4": ("issue2", "Production", "2023-01-04T10:00:00+00:00"),
        "changelog7": ("issue1", "Backlog", "2023-01-07T10:00:00+00:00"),
        "changelog10": ("issue3", "Development", "2023-01-10T10:00:00+00:00"),
    }


def test_every_table_in_the_public_data_is_read_or_told(
    options: ReadOptions, shared: Shared
) -> None:
    shared(f"{FLOW_CSV}/ExampleFile.csv")
    from_here = [
        "devlake-other-trackers/customize/e2e/raw_tables/issues_input.csv",
        "devlake-other-trackers/teambition/e2e/snapshot_tables/issue_changelogs.csv",
        "devlake-other-trackers/tapd/e2e/snapshot_tables/issue_changelogs_story.csv",
        f"{PEER}/expected/scatterplot.csv",
        f"{PEER}/expected/histogram.csv",
    ]
    for file in from_here:
        data = shared(file)
        for reader in (transitions_table.read_csv, stage_dates.read, jira.read):
            reading = reader(data, file, DEFAULT_STREAM, replace(options, now=datetime.now(UTC)))
            assert reading.histories or reading.problems or reading.skipped
