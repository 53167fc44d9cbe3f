"""Blocked time: the union of an item's blocks, between its start and its finish."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.block import Block
from app.domain.work_item import ItemHistory
from app.flow.blocked import blocked_by_stage_us, blocked_us, total_by_stage_us, union
from app.flow.times import item_times
from app.flow.value_stream_map import NoEfficiency, ladder
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.strategies import BASE, SPAN, histories, instants, property_test

ITEM = item_times(F1[0], F1_STREAM)


def at(day: int, hour: int = 0) -> datetime:
    return F1_WEEK.start + timedelta(days=day - 1, hours=hour)


REVIEW = Block("review", at(3, 6), at(4, 6))
ENVIRONMENT = Block("environment", at(3, 18), at(4, 18))


@st.composite
def blocks(draw: st.DrawFn) -> list[Block]:
    def one(start: datetime, other: datetime | None) -> Block:
        if other is None:
            return Block("why", start)
        return Block("why", min(start, other), max(start, other))

    return draw(st.lists(st.builds(one, instants(), st.one_of(st.none(), instants())), max_size=5))


def test_two_reasons_at_once_are_one_time() -> None:
    assert blocked_us(ITEM, [REVIEW, ENVIRONMENT]) == 36 * HOUR_US
    assert union([ENVIRONMENT, REVIEW], at(1), at(8)) == [(at(3, 6), at(4, 18))]


def test_a_block_counts_in_the_stage_that_it_lasted_in() -> None:
    """From Analysis, d2 to d3, into Development."""
    found = blocked_by_stage_us(ITEM, [Block("ill", at(2, 12), at(3, 12))])
    assert {stage.name: us // HOUR_US for stage, us in found.items()} == {
        "Analysis": 12,
        "Development": 12,
    }


def test_what_lasted_before_the_start_or_after_the_finish_does_not_count() -> None:
    """A is started on d2 and finished on d6."""
    assert blocked_us(ITEM, [Block("early", at(1), at(2)), Block("late", at(6), at(8))]) == 0
    assert blocked_us(ITEM, [Block("never ended", at(5, 12))]) == 12 * HOUR_US


def test_blocked_time_in_an_active_stage_is_waiting() -> None:
    items = [item_times(each, F1_STREAM) for each in F1]
    plain = ladder(items, F1_STREAM, F1_WEEK)
    assert (plain.blocked_us, plain.no_efficiency) == (None, NoEfficiency.NO_WAIT_SIGNAL)
    told = plain.with_blocks(total_by_stage_us([(ITEM, [REVIEW, ENVIRONMENT])]))
    assert told.blocked_us == 36 * HOUR_US
    assert told.process_us == (264 - 36) * HOUR_US
    assert told.flow_efficiency == (264 - 36) / 264
    assert told.process_us + told.cycle_wait_us == told.cycle_us == plain.cycle_us


def test_told_blocks_of_other_items_mean_that_nothing_was_blocked_here() -> None:
    items = [item_times(each, F1_STREAM) for each in F1]
    told = ladder(items, F1_STREAM, F1_WEEK).with_blocks({})
    assert (told.blocked_us, told.flow_efficiency) == (0, 1)


@property_test
@given(histories(), blocks(), blocks())
def test_blocked_time_is_never_more_than_the_cycle_time_and_adds_up_by_stage(
    told: ItemHistory, some: list[Block], more: list[Block]
) -> None:
    item = item_times(told, F1_STREAM)
    found = blocked_us(item, some)
    if found is None or item.cycle_us is None:
        assert item.finished is None
        return
    assert 0 <= found <= item.cycle_us
    assert sum(blocked_by_stage_us(item, some).values()) == found
    both = blocked_us(item, [*some, *more]) or 0
    alone = blocked_us(item, more) or 0
    assert max(found, alone) <= both <= found + alone


@property_test
@given(blocks())
def test_a_union_is_in_order_and_disjoint(some: list[Block]) -> None:
    found = union(some, BASE, BASE + SPAN)
    edges = [edge for interval in found for edge in interval]
    assert edges == sorted(set(edges))
