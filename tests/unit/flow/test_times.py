"""The normal form of one item: when it was created, started, finished, cancelled and in process."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.errors import UnknownStage
from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream, Zone
from app.domain.visit import Ending
from app.domain.work_item import ItemHistory
from app.flow.calendar import overlap_us
from app.flow.times import ItemTimes, Span, item_times
from tests.fixture_f1 import HOUR_US, d1, d2, d3, d4, d5, d6, d7, d8, history
from tests.strategies import HORIZON, Population, histories, instants, populations, property_test
from tests.strategies import zones as time_zones

DAY_US = 24 * HOUR_US


def times(
    *moves: tuple[str, datetime],
    created: datetime | None = None,
    cancelled: datetime | None = None,
    as_of: datetime | None = None,
) -> ItemTimes:
    told = history(*moves, created=created, cancelled=cancelled)
    return item_times(told, DEFAULT_STREAM, as_of)


def stages(item: ItemTimes) -> list[str]:
    return [visit.stage.name for visit in item.visits]


def test_an_item_that_moves_forward_runs_from_creation_over_start_to_finish() -> None:
    item = times(("Backlog", d1), ("Analysis", d2), ("Testing", d3), ("Production", d4))
    assert (item.created, item.started, item.finished) == (d1, d2, d4)
    assert (item.cycle_us, item.lead_us, item.parked_us) == (2 * DAY_US, 3 * DAY_US, 0)
    assert item.doing == (Span(d2, d4),)
    assert item.done == (Span(d4, None),)
    assert [visit.ending for visit in item.visits] == [*[Ending.MOVED] * 3, Ending.OPEN]


def test_a_skipped_stage_is_not_visited() -> None:
    item = times(("Backlog", d1), ("Testing", d2), ("Production", d3))
    assert stages(item) == ["Backlog", "Testing", "Production"]
    assert item.cycle_us == DAY_US


def test_an_item_sent_back_within_process_stays_in_process_and_its_clock_runs_on() -> None:
    item = times(("Analysis", d1), ("Testing", d2), ("Development", d3), ("Production", d5))
    assert item.doing == (Span(d1, d5),)
    assert item.cycle_us == 4 * DAY_US
    assert item.decommitted_at == ()


def test_parked_time_is_inside_cycle_time_and_outside_work_in_process() -> None:
    item = times(("Analysis", d1), ("Backlog", d2), ("Development", d4), ("Production", d5))
    assert item.doing == (Span(d1, d2), Span(d4, d5))
    assert item.todo == (Span(d2, d4),)
    assert item.decommitted_at == (d2,)
    assert (item.cycle_us, item.parked_us) == (4 * DAY_US, 2 * DAY_US)


def test_an_item_that_enters_late_starts_with_its_creation() -> None:
    item = times(("Testing", d1), ("Production", d2))
    assert item.created == item.started == d1
    assert item.cycle_us == item.lead_us == DAY_US


def test_an_item_that_enters_directly_in_done_took_no_time() -> None:
    item = times(("Production", d1))
    assert item.created == item.started == item.finished == d1
    assert (item.cycle_us, item.lead_us, item.parked_us) == (0, 0, 0)
    assert item.doing == ()


def test_each_stay_in_a_stage_is_a_visit_of_its_own() -> None:
    item = times(("Testing", d1), ("Development", d2), ("Testing", d3), ("Production", d4))
    assert stages(item) == ["Testing", "Development", "Testing", "Production"]


def test_a_visit_of_no_length_is_a_visit() -> None:
    item = times(("Backlog", d1), ("Development", d2), ("Production", d2))
    assert stages(item) == ["Backlog", "Development", "Production"]
    assert item.doing == (Span(d2, d2),)
    assert item.cycle_us == 0
    assert not item.in_process(d2)


def test_moves_at_one_instant_are_taken_in_the_order_they_came() -> None:
    there = times(("Backlog", d1), ("Testing", d2), ("Development", d2))
    back = times(("Backlog", d1), ("Development", d2), ("Testing", d2))
    assert there.current_stage == DEFAULT_STREAM.stage("Development")
    assert back.current_stage == DEFAULT_STREAM.stage("Testing")


def test_a_reopened_item_keeps_its_first_finish() -> None:
    item = times(("Analysis", d1), ("Production", d2), ("Testing", d4), ("Production", d5))
    assert item.finished == d2
    assert item.cycle_us == DAY_US
    assert item.reopened_at == (d4,)
    assert item.recompleted_at == (d5,)
    assert item.final_finished == d5


def test_a_reopened_item_is_in_process_again() -> None:
    item = times(("Analysis", d1), ("Production", d2), ("Testing", d4))
    assert item.doing == (Span(d1, d2), Span(d4, None))
    assert item.final_finished == d2


def test_an_item_reopened_into_the_backlog_is_reopened_and_not_decommitted() -> None:
    item = times(("Analysis", d1), ("Production", d2), ("Backlog", d4))
    assert item.reopened_at == (d4,)
    assert item.decommitted_at == ()


def test_moves_within_todo_and_within_done_are_neutral() -> None:
    stream = ValueStream(
        "wide",
        "Two stages before the start and two after the finish",
        (
            Stage("Ideas", 1, "ideas", Category.WAIT),
            Stage("Ready", 2, "ready", Category.WAIT),
            Stage("Build", 3, "build", Category.ACTIVE),
            Stage("Live", 4, "live", Category.DONE),
            Stage("Archive", 5, "archive", Category.DONE),
        ),
    )
    told = history(
        ("Ready", d1), ("Ideas", d2), ("Build", d3), ("Live", d4), ("Archive", d5), ("Live", d6)
    )
    item = item_times(told, stream)
    assert item.todo == (Span(d1, d3),)
    assert item.done == (Span(d4, None),)
    assert item.reopened_at == item.recompleted_at == item.decommitted_at == ()
    assert item.final_finished == d4


def test_a_late_report_of_an_earlier_move_is_put_in_its_place() -> None:
    in_order = times(("Backlog", d1), ("Analysis", d2), ("Testing", d3), ("Production", d4))
    late = times(("Backlog", d1), ("Production", d4), ("Testing", d3), ("Analysis", d2), created=d1)
    assert late == in_order


def test_a_backdated_finish_moves_the_finish() -> None:
    item = times(("Backlog", d1), ("Analysis", d2), ("Production", d6), ("Production", d4))
    assert item.finished == d4


def test_an_item_cancelled_before_its_start_was_never_in_process() -> None:
    item = times(("Backlog", d1), cancelled=d3)
    assert item.started is None
    assert item.doing == ()
    assert item.discarded == d3
    assert (item.cycle_us, item.lead_us, item.parked_us) == (None, None, None)


def test_an_item_cancelled_in_process_is_in_process_until_then() -> None:
    item = times(("Backlog", d1), ("Analysis", d2), cancelled=d4)
    assert item.doing == (Span(d2, d4),)
    assert item.finished is None
    assert item.discarded == d4
    assert item.visits[-1].ending is Ending.CANCELLED
    assert item.visits[-1].exited == d4
    assert item.current_stage == DEFAULT_STREAM.stage("Analysis")


def test_a_move_after_the_cancellation_does_not_count() -> None:
    item = times(("Analysis", d1), ("Production", d4), cancelled=d3)
    assert item.finished is None
    assert stages(item) == ["Analysis"]


def test_a_move_at_the_instant_of_the_cancellation_counts() -> None:
    item = times(("Analysis", d1), ("Production", d3), cancelled=d3)
    assert item.finished == d3
    assert item.discarded is None


def test_cancelling_a_finished_item_changes_nothing_about_it() -> None:
    moves = (("Analysis", d1), ("Production", d3))
    kept, cancelled = times(*moves), times(*moves, cancelled=d5)
    assert replace(cancelled, cancelled=None) == kept
    assert cancelled.done == (Span(d3, None),)
    assert cancelled.discarded is None


def test_cancelling_reopened_work_ends_it_and_leaves_the_item_finished() -> None:
    item = times(("Analysis", d1), ("Production", d2), ("Testing", d4), cancelled=d6)
    assert item.finished == d2
    assert item.discarded is None
    assert item.doing == (Span(d1, d2), Span(d4, d6))


def test_an_item_never_started_is_in_the_backlog() -> None:
    item = times(("Backlog", d1))
    assert item.started is None
    assert item.todo == (Span(d1, None),)


def test_an_item_without_moves_exists_since_its_creation() -> None:
    item = times(created=d2)
    assert item.created == d2
    assert item.todo == (Span(d2, None),)
    assert item.visits == ()
    assert item.current_stage is None
    assert item.final_finished is None


def test_an_item_without_moves_can_be_cancelled() -> None:
    assert times(created=d2, cancelled=d4).todo == (Span(d2, d4),)


def test_an_item_waits_in_no_stage_between_its_creation_and_its_first_move() -> None:
    item = times(("Analysis", d3), ("Production", d4), created=d1)
    assert item.created == d1
    assert item.todo == (Span(d1, d3),)
    assert stages(item) == ["Analysis", "Production"]
    assert item.lead_us == 3 * DAY_US


def test_the_first_move_is_the_creation_when_the_source_claims_a_later_one() -> None:
    assert times(("Analysis", d1), created=d3).created == d1


def test_a_move_to_the_stage_in_force_is_no_move() -> None:
    item = times(("Backlog", d1), ("Backlog", d2), ("analysis", d3), ("Analysis", d4))
    assert stages(item) == ["Backlog", "Analysis"]
    assert item.started == d3


def test_what_lies_after_as_of_is_not_known_yet() -> None:
    moves = (("Backlog", d1), ("Analysis", d2), ("Production", d4))
    assert times(*moves, as_of=d3).finished is None
    assert times(*moves, as_of=d4).finished == d4
    assert times(("Analysis", d1), cancelled=d4, as_of=d3).cancelled is None
    assert times(("Analysis", d1), cancelled=d4, as_of=d4).cancelled == d4


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(UnknownStage):
        times(("Limbo", d1))


def test_the_state_changes_at_the_instant_of_the_move() -> None:
    item = times(("Backlog", d1), ("Analysis", d2), ("Production", d3))
    assert not item.in_process(d2 - timedelta(microseconds=1))
    assert item.in_process(d2)
    assert not item.in_process(d3)


def test_age_runs_from_the_first_start_through_parking_and_reopening() -> None:
    item = times(
        ("Backlog", d1),
        ("Analysis", d2),
        ("Backlog", d3),
        ("Testing", d4),
        ("Production", d5),
        ("Testing", d6),
    )
    ages = [item.age_us(day) for day in (d1, d2, d3, d4, d5, d6, d7)]
    assert ages == [None, 0, None, 2 * DAY_US, None, 4 * DAY_US, 5 * DAY_US]


def test_a_request_ages_until_work_on_it_starts_or_it_is_cancelled() -> None:
    waiting = times(("Backlog", d2), ("Analysis", d5))
    assert [waiting.request_age_us(day) for day in (d1, d2, d4, d5)] == [None, 0, 2 * DAY_US, None]
    given_up = times(("Backlog", d2), cancelled=d4)
    assert [given_up.request_age_us(day) for day in (d3, d4)] == [DAY_US, None]


def test_the_longest_open_request_and_item_are_as_old_as_expected() -> None:
    assert times(("Backlog", d2)).request_age_us(d8) == 144 * HOUR_US
    parked_for_a_day = times(
        ("Backlog", d3), ("Analysis", d4), ("Backlog", d6), ("Development", d7)
    )
    assert parked_for_a_day.age_us(d8) == 96 * HOUR_US


def known_stage(told: ItemHistory, stream: ValueStream, instant: datetime) -> Stage | None:
    """Look the state up without building visits: the last move up to the instant."""
    state, since = None, None
    for move in told.transitions:
        if move.timestamp <= instant and (since is None or move.timestamp >= since):
            state, since = stream.stage(move.to_stage), move.timestamp
    return state


@property_test
@given(populations(max_size=1), instants())
def test_the_state_at_any_instant_is_that_of_the_last_move(
    population: Population, instant: datetime
) -> None:
    for told in population.histories:
        item = item_times(told, population.stream)
        stage = known_stage(told, population.stream, instant)
        zone = Zone.TODO if stage is None else population.stream.zone(stage)
        gone = told.cancelled_at is not None and told.cancelled_at <= instant
        expected = {zone} if zone is Zone.DONE or not gone else set()
        if instant < item.created:
            expected = set()
        spans = {Zone.TODO: item.todo, Zone.DOING: item.doing, Zone.DONE: item.done}
        assert {at for at in Zone if any(instant in span for span in spans[at])} == expected


@property_test
@given(populations())
def test_creation_start_and_finish_come_in_this_order(population: Population) -> None:
    """P2: C <= S <= F; 0 <= cycle <= lead; parked is the cycle time out of process."""
    for told in population.histories:
        item = item_times(told, population.stream)
        reached = [at for at in (item.created, item.started, item.finished) if at is not None]
        assert reached == sorted(reached)
        if item.cycle_us is None or item.lead_us is None or item.parked_us is None:
            assert item.finished is None
        else:
            assert 0 <= item.parked_us <= item.cycle_us <= item.lead_us


@property_test
@given(populations())
def test_the_times_in_stages_add_up_to_lead_time_and_to_cycle_time(population: Population) -> None:
    """P1: stage times over [C, F) sum to the lead time, active + wait over [S, F) to the cycle."""
    for told in population.histories:
        item = item_times(told, population.stream)
        if item.started is None or item.finished is None:
            continue
        first_entry = item.visits[0].entered
        in_no_stage = overlap_us(item.created, first_entry, item.created, item.finished)
        in_stages = sum(
            overlap_us(visit.entered, visit.exited, item.created, item.finished)
            for visit in item.visits
        )
        assert in_no_stage + in_stages == item.lead_us
        by_category = {
            category: sum(
                overlap_us(visit.entered, visit.exited, item.started, item.finished)
                for visit in item.visits
                if visit.stage.category is category
            )
            for category in Category
        }
        assert by_category[Category.DONE] == 0
        assert by_category[Category.ACTIVE] + by_category[Category.WAIT] == item.cycle_us


@property_test
@given(populations())
def test_visits_follow_one_another_without_gap_or_repetition(population: Population) -> None:
    for told in population.histories:
        visits = item_times(told, population.stream).visits
        assert all(one.exited == following.entered for one, following in pairwise(visits))
        assert all(one.stage != following.stage for one, following in pairwise(visits))
        assert all(visit.ending is Ending.MOVED for visit in visits[:-1])
        assert all((visit.exited is None) == (visit.ending is Ending.OPEN) for visit in visits)


@property_test
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_delivery_does_not_matter(told: ItemHistory, random: Random) -> None:
    """P11: any permutation of moves with distinct timestamps gives the same item."""
    moves = list({move.timestamp: move for move in told.transitions}.values())
    shuffled = random.sample(moves, len(moves))
    one = replace(told, transitions=tuple(moves))
    other = replace(told, transitions=tuple(shuffled))
    assert item_times(one, DEFAULT_STREAM) == item_times(other, DEFAULT_STREAM)


@property_test
@given(histories())
def test_a_batch_delivered_twice_changes_nothing_when_its_instants_are_distinct(
    told: ItemHistory,
) -> None:
    """P11: a replayed move is a move to the stage in force."""
    moves = tuple({move.timestamp: move for move in told.transitions}.values())
    once = replace(told, transitions=moves)
    twice = replace(told, transitions=moves + moves)
    assert item_times(once, DEFAULT_STREAM) == item_times(twice, DEFAULT_STREAM)


@property_test
@given(histories(), st.data())
def test_a_repeated_move_changes_nothing(told: ItemHistory, data: st.DataObject) -> None:
    """P13: inserting a move to the stage in force changes no metric."""
    assume(told.transitions)
    moves = sorted(told.transitions, key=lambda move: move.timestamp)
    index = data.draw(st.integers(0, len(moves) - 1))
    earliest = moves[index].timestamp
    latest = moves[index + 1].timestamp if index + 1 < len(moves) else HORIZON
    when = data.draw(st.datetimes(earliest.replace(tzinfo=None), latest.replace(tzinfo=None)))
    repeated = Transition(moves[index].to_stage, when.replace(tzinfo=earliest.tzinfo))
    longer = replace(told, transitions=(*moves[: index + 1], repeated, *moves[index + 1 :]))
    assert item_times(longer, DEFAULT_STREAM) == item_times(told, DEFAULT_STREAM)


@property_test
@given(histories(), instants())
def test_the_future_has_no_influence(told: ItemHistory, as_of: datetime) -> None:
    """P10: what happens after as_of is the same as what does not happen."""
    moves = tuple(move for move in told.transitions if move.timestamp <= as_of)
    gone = told.cancelled_at is not None and told.cancelled_at <= as_of
    past = replace(told, transitions=moves, cancelled_at=told.cancelled_at if gone else None)
    assert item_times(told, DEFAULT_STREAM, as_of) == item_times(past, DEFAULT_STREAM)


@property_test
@given(histories(), time_zones())
def test_the_zone_in_which_instants_are_told_does_not_matter(
    told: ItemHistory, tz: ZoneInfo
) -> None:
    moves = tuple(
        replace(move, timestamp=move.timestamp.astimezone(tz)) for move in told.transitions
    )
    cancelled = None if told.cancelled_at is None else told.cancelled_at.astimezone(tz)
    local = replace(
        told,
        created_at=told.created_at.astimezone(tz),
        transitions=moves,
        cancelled_at=cancelled,
    )
    assert item_times(local, DEFAULT_STREAM) == item_times(told, DEFAULT_STREAM)


@property_test
@given(histories(), instants(), st.timedeltas(timedelta(0), timedelta(days=9)))
def test_age_grows_with_the_clock_while_an_item_stays_in_process(
    told: ItemHistory, instant: datetime, later: timedelta
) -> None:
    """P21: dAge/dt = 1 between events."""
    item = item_times(told, DEFAULT_STREAM)
    for span in item.doing:
        if instant in span and instant + later in span:
            before, after = item.age_us(instant), item.age_us(instant + later)
            assert before is not None
            assert after is not None
            assert after - before == later // timedelta(microseconds=1)
