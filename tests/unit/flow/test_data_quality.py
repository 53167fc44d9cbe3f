"""What looks unlike how work goes, what does not, and what the score makes of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory
from app.flow.calendar import Window
from app.flow.data_quality import (
    IDLE_DEFAULT_US,
    RULES,
    Counted,
    Finding,
    SourceActivity,
    rule,
    score,
    silent_sources,
)
from app.flow.irregularities import find, idle_limit_us
from app.flow.times import item_times
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US, at, d1, d2, d3, d8, history
from tests.strategies import Population, populations, property_test, windows

HOUR = timedelta(hours=1)


def found(name: str, *items: ItemHistory, window: Window = F1_WEEK) -> tuple[int, int]:
    """Return how many of how many a rule finds."""
    finding = find(items, DEFAULT_STREAM, window)[name]
    return finding.count, finding.population


def told(stage: str, when: datetime, claimed: str | None) -> Transition:
    return Transition(stage, when, from_stage=claimed)


def test_the_weights_add_up_to_a_hundred() -> None:
    assert sum(each.weight for each in RULES) == 100


def test_the_example_week_is_as_it_happens_to_be() -> None:
    """Of 27 moves one is a jump: D's from Development to Production, past two stages."""
    findings = find(F1, F1_STREAM, F1_WEEK)
    assert {name: (each.count, each.population) for name, each in findings.items()} == {
        "from_mismatch": (0, 0),
        "teleports": (1, 20),
        "instant_visits": (0, 20),
        "batch_moves": (0, 22),
        "self_transitions": (0, 27),
        "items_without_transition": (0, 7),
        "created_after_first_transition": (0, 7),
        "completed_without_start": (0, 4),
        "long_idle": (0, 1),
    }


def test_a_sender_who_names_another_stage_as_left_is_found() -> None:
    item = replace(
        history(("Backlog", d1)),
        transitions=(
            told("Backlog", d1, None),
            told("Analysis", d2, "Backlog"),
            told("Testing", d3, "Development"),
        ),
    )
    assert found("from_mismatch", item) == (1, 2)


def test_a_sender_who_names_a_stage_left_where_none_was_is_found() -> None:
    item = replace(history(("Analysis", d1)), transitions=(told("Analysis", d1, "Backlog"),))
    assert found("from_mismatch", item) == (1, 1)


@pytest.mark.parametrize(
    ("stages", "jumps"),
    [
        (("Backlog", "Testing"), 1),
        (("Backlog", "Development"), 0),
        (("Production", "Backlog"), 0),
        (("Production",), 0),
    ],
)
def test_a_teleport_leaves_two_stages_or_more_out(stages: tuple[str, ...], jumps: int) -> None:
    item = history(*((stage, at(day)) for day, stage in enumerate(stages, start=1)))
    assert found("teleports", item)[0] == jumps


def test_a_stage_left_as_it_was_entered_is_an_instant_visit() -> None:
    item = history(("Backlog", d1), ("Analysis", d2), ("Development", d2), ("Testing", d3))
    assert found("instant_visits", item) == (1, 3)


@pytest.mark.parametrize(
    ("stage", "items", "count"),
    [("Testing", 5, 5), ("Testing", 4, 0), ("Production", 9, 0)],
)
def test_five_moves_at_one_instant_are_a_batch_except_into_done(
    stage: str, items: int, count: int
) -> None:
    together = [history(("Analysis", d1 + n * HOUR), (stage, d3)) for n in range(items)]
    assert found("batch_moves", *together)[0] == count


def test_a_repeated_move_is_a_self_transition_and_ends_no_visit() -> None:
    item = history(("Analysis", d1), ("Analysis", d2), ("Testing", d2))
    assert found("self_transitions", item) == (1, 3)
    assert found("instant_visits", item) == (0, 1)


def test_an_item_that_was_never_anywhere_is_found() -> None:
    nowhere = replace(history(("Backlog", d1)), transitions=())
    assert found("items_without_transition", nowhere, history(("Backlog", d1))) == (1, 2)


def test_an_item_created_after_its_first_move_is_found() -> None:
    late = history(("Backlog", d1), created=d2)
    early = history(("Backlog", d2), created=d1)
    assert found("created_after_first_transition", late, early) == (1, 2)


def test_an_item_done_without_having_been_started_is_found() -> None:
    at_once = history(("Backlog", d1), ("Production", d2))
    worked_on = history(("Backlog", d1), ("Analysis", d2), ("Production", d3))
    assert found("completed_without_start", at_once, worked_on) == (1, 2)


def test_of_few_stays_thirty_days_are_long() -> None:
    item = history(("Analysis", d1))
    exactly = Window(d1, d1 + timedelta(days=30), d8)
    longer = replace(exactly, end=exactly.end + HOUR)
    assert found("long_idle", item, window=exactly) == (0, 1)
    assert found("long_idle", item, window=longer) == (1, 1)


def test_of_many_stays_longer_than_nearly_all_is_long() -> None:
    """Stays of 1 to 20 hours: the 95th percentile is the 19th of them."""
    ended = [history(("Analysis", d1), ("Backlog", d1 + n * HOUR)) for n in range(1, 21)]
    standing = [history(("Testing", d8 - n * HOUR)) for n in (18, 19, 20)]
    items = [item_times(each, DEFAULT_STREAM) for each in ended]
    assert idle_limit_us(items, DEFAULT_STREAM, F1_WEEK) == 19 * HOUR_US
    assert idle_limit_us(items[1:], DEFAULT_STREAM, F1_WEEK) == IDLE_DEFAULT_US
    assert found("long_idle", *ended, *standing) == (1, 3)


def test_what_waits_in_the_backlog_is_not_idle() -> None:
    window = Window(d1, d1 + timedelta(days=80), d8)
    assert found("long_idle", history(("Backlog", d1)), window=window) == (0, 0)


ACTIVE = SourceActivity("jira", 20, at(7), 11 * HOUR_US, 3)


@pytest.mark.parametrize(
    ("activity", "silent"),
    [
        (ACTIVE, False),  # 24 h of silence are not more than a day
        (replace(ACTIVE, last_at=at(6, 23)), True),
        (replace(ACTIVE, last_at=at(6, 23), longest_pause_us=13 * HOUR_US), False),
        (replace(ACTIVE, last_at=at(6, 23), moves=19), False),
        (SourceActivity("jira", 0, None, 0, 1), True),
        (SourceActivity("jira", 0, None, 0, 0), False),
    ],
)
def test_a_source_is_silent_for_longer_than_twice_its_longest_pause(
    activity: SourceActivity, silent: bool
) -> None:
    assert activity.is_silent(F1_WEEK) == silent


def test_a_source_without_moves_in_less_than_a_week_is_not_yet_silent() -> None:
    assert not SourceActivity("jira", 0, None, 0, 1).is_silent(Window(d2, d8, d8))


def test_silent_sources_are_named_with_the_reason() -> None:
    gone = SourceActivity(None, 0, None, 0, 2)
    finding = silent_sources([ACTIVE, gone, replace(ACTIVE, last_at=at(6, 12))], F1_WEEK)
    assert (finding.count, finding.population) == (2, 3)
    assert finding.notes == (
        "jira: last move 2025-03-08T12:00:00+00:00, longest pause 11.0 h",
        "this service: no move in the window, 2 open items",
    )


def test_a_fifth_costs_the_whole_weight_and_less_costs_less() -> None:
    teleports = rule("teleports")
    assert Finding(teleports, population=100, count=5).points_lost == pytest.approx(2.5)
    assert Finding(teleports, population=100, count=20).points_lost == 10
    assert Finding(teleports, population=100, count=90).points_lost == 10
    assert score([Finding(teleports, population=100, count=5)]) == pytest.approx(97.5)


def test_everything_wrong_scores_nothing_and_nothing_looked_at_has_no_score() -> None:
    assert score([Finding(each, population=1, count=1) for each in RULES]) == 0
    assert score([Finding(each, population=0) for each in RULES]) is None


@property_test
@given(populations(), windows(), st.data())
def test_no_rule_finds_more_than_there_is(
    population: Population, window: Window, data: st.DataObject
) -> None:
    """P18: shares lie between 0 and 1; P11: the order of the items does not matter."""
    findings = find(population.histories, population.stream, window)
    for finding in findings.values():
        assert 0 <= finding.count <= finding.population
        assert len(finding.items) == finding.items_total <= finding.count
    shuffled = data.draw(st.permutations(population.histories))
    again = find(shuffled, population.stream, window)
    assert {name: (each.count, each.population) for name, each in again.items()} == {
        name: (each.count, each.population) for name, each in findings.items()
    }
    assert 0 <= (score(findings.values()) or 0) <= 100


def test_every_rule_about_moves_or_items_is_defined_but_the_one_about_the_future() -> None:
    defined = set(find([], DEFAULT_STREAM, F1_WEEK))
    names = {each.name for each in RULES if each.counted is not Counted.SOURCES}
    assert names - defined == {"ignored_future"}
