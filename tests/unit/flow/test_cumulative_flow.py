"""Lines that never fall, and a ledger that always balances."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domain.transition import Transition
from app.domain.value_stream import Zone
from app.domain.visit import Ending
from app.flow.buckets import Bucket, BucketSize, cut
from app.flow.cumulative_flow import (
    CumulativeFlow,
    CumulativeState,
    Out,
    assemble,
    cumulative_flow,
    open_stages,
)
from app.flow.throughput import throughput
from app.flow.times import item_times
from app.flow.wip import wip_at, wip_at_end
from tests.bucketed import bucketed_windows, known_items, whole
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, at
from tests.strategies import (
    HORIZON,
    Population,
    durations,
    forward_histories,
    populations,
    property_test,
)

ITEMS = [item_times(told, F1_STREAM, F1_WEEK.as_of) for told in F1]


def of(population: Population, buckets: Sequence[Bucket]) -> CumulativeFlow:
    items = known_items(population, buckets[0].window)
    return cumulative_flow(items, population.stream, buckets)


def states(flow: CumulativeFlow) -> list[CumulativeState]:
    return [flow.opening, *(point.state for point in flow.points)]


def lines(state: CumulativeState) -> tuple[int, ...]:
    return (*state.reached, state.out)


def test_the_lines_of_the_week_are_those_worked_out() -> None:
    flow = cumulative_flow(ITEMS, F1_STREAM, cut(F1_WEEK, BucketSize.DAY, UTC))
    fourth, last = flow.points[3].state, flow.points[6].state
    assert lines(fourth) == (7, 6, 4, 3, 2, 2)
    assert [here - after for here, after in pairwise(lines(fourth))] == [1, 2, 1, 1, 0]
    assert fourth.in_stage == (1, 2, 2, 0, 0)
    assert fourth.backflow_items == 1
    assert lines(last) == (7, 6, 6, 5, 5, 5)
    assert (last.completed, last.discarded) == (4, 1)


def test_the_ledger_of_the_week_is_that_worked_out() -> None:
    flow = cumulative_flow(ITEMS, F1_STREAM, cut(F1_WEEK, BucketSize.DAY, UTC))
    assert sum(point.ledger.entered_doing for point in flow.points) == 8
    assert sum(point.ledger.left_doing for point in flow.points) == 7
    (week,) = cumulative_flow(ITEMS, F1_STREAM, cut(F1_WEEK, BucketSize.WEEK, UTC)).points
    assert week.ledger.arrivals == (7, 3, 6, 5, 1, 5)
    assert week.ledger.departures == (6, 3, 5, 5, 1, 1)


def test_what_was_out_before_the_window_is_told_apart() -> None:
    later = replace(F1_WEEK, start=at(5))
    from_start = cumulative_flow(ITEMS, F1_STREAM, cut(F1_WEEK, BucketSize.DAY, UTC))
    flow = cumulative_flow(ITEMS, F1_STREAM, cut(later, BucketSize.DAY, UTC))
    assert flow.before == Out(completed=2, discarded=0)
    assert lines(flow.opening) == (5, 4, 2, 1, 0, 0)
    for late, early in zip(flow.points, from_start.points[4:], strict=True):
        assert [count + 2 for count in lines(late.state)] == [*lines(early.state)]
        assert late.state.in_stage == early.state.in_stage
        assert late.ledger == early.ledger


@property_test
@given(populations(), bucketed_windows())
def test_lines_never_fall_and_never_cross(
    population: Population, buckets: tuple[Bucket, ...]
) -> None:
    """P7: over time no line falls; at any time each stage's line is above the next one's."""
    flow = of(population, buckets)
    for before, after in pairwise(states(flow)):
        assert all(low <= high for low, high in zip(lines(before), lines(after), strict=True))
    for state in states(flow):
        assert all(here >= further for here, further in pairwise(lines(state)))


@property_test
@given(populations(), bucketed_windows())
def test_the_completed_part_of_the_last_line_is_throughput(
    population: Population, buckets: tuple[Bucket, ...]
) -> None:
    """P7: it grows in each bucket by the items finished there."""
    flow = of(population, buckets)
    items = known_items(population, buckets[0].window)
    assert flow.opening.out == 0
    for before, point in zip(states(flow), flow.points, strict=False):
        grown = point.state.completed - before.completed
        assert grown == throughput(items, point.bucket.window)


@property_test
@given(populations(), bucketed_windows())
def test_the_ledger_explains_every_change(
    population: Population, buckets: tuple[Bucket, ...]
) -> None:
    """P6, P7: arrivals less departures is what a stage has more, entered less left the WIP."""
    flow, stream = of(population, buckets), population.stream
    items = known_items(population, buckets[0].window)
    in_stage, wip = flow.opening.in_stage, wip_at(items, buckets[0].start - timedelta.resolution)
    doing = [stream.zone(stage) is Zone.DOING for stage in open_stages(stream)]
    for point in flow.points:
        moved = zip(in_stage, point.ledger.arrivals, point.ledger.departures, strict=False)
        in_stage = tuple(there + came - went for there, came, went in moved)
        assert point.state.in_stage == in_stage
        wip += point.ledger.entered_doing - point.ledger.left_doing
        assert wip == wip_at_end(items, point.bucket.window)
        assert wip == sum(n for n, counts in zip(in_stage, doing, strict=True) if counts)


@property_test
@given(populations(), bucketed_windows())
def test_without_backflow_the_bands_are_what_lies_in_the_stages(
    population: Population, buckets: tuple[Bucket, ...]
) -> None:
    """P17: the distance of two lines is the number of items in the stage between them."""
    for state in states(of(population, buckets)):
        if not state.backflow_items:
            bands = tuple(here - further for here, further in pairwise(lines(state)))
            assert bands == state.in_stage


@property_test
@given(st.lists(forward_histories(), max_size=5).map(tuple), bucketed_windows())
def test_work_that_only_moves_forward_flows_nowhere_back(
    told: tuple[object, ...], buckets: tuple[Bucket, ...]
) -> None:
    """P17: so its bands are what lies in the stages, always."""
    population = Population(F1_STREAM, told)  # type: ignore[arg-type] # Hypothesis loses the type
    assert {state.backflow_items for state in states(of(population, buckets))} == {0}


@property_test
@given(populations(), bucketed_windows(), st.data())
def test_one_more_move_lowers_no_line(
    population: Population, buckets: tuple[Bucket, ...], data: st.DataObject
) -> None:
    """P19: nor any arrival, departure, entry or exit, whichever way the move goes."""
    names = st.sampled_from([stage.name for stage in population.stream.stages])
    longer = []
    for told in population.histories:
        last = max([told.created_at, *(move.timestamp for move in told.transitions)])
        move = Transition(data.draw(names), last + data.draw(durations(timedelta(days=9))))
        open_still = told.cancelled_at is None and move.timestamp < HORIZON
        moves = (*told.transitions, move) if open_still else told.transitions
        longer.append(replace(told, transitions=moves))
    before, after = of(population, buckets), of(replace(population, histories=(*longer,)), buckets)
    if before.before != after.before:
        return  # an item went out before the window: it is in no line any more
    assert all(low <= high for low, high in zip(_counts(before), _counts(after), strict=True))


def _counts(flow: CumulativeFlow) -> list[int]:
    """Return everything that only grows: the lines, and the ledger from its beginning."""
    ledgers = [
        (
            *point.ledger.arrivals,
            *point.ledger.departures,
            point.ledger.entered_doing,
            point.ledger.left_doing,
        )
        for point in flow.points
    ]
    totals = [list(accumulate(column)) for column in zip(*ledgers, strict=True)]
    return [*(n for state in states(flow) for n in lines(state)), *(n for t in totals for n in t)]


@property_test
@given(populations(), bucketed_windows())
def test_arrivals_and_departures_are_the_ends_of_visits(
    population: Population, buckets: tuple[Bucket, ...]
) -> None:
    """P7: a visit is one arrival, and one departure when it ends, by cancellation too."""
    flow, window = of(population, buckets), whole(buckets)
    visits = [v for item in known_items(population, window) for v in item.visits]
    came = Counter(visit.stage for visit in visits if visit.entered in window)
    went = Counter(
        visit.stage
        for visit in visits
        if visit.ending is not Ending.OPEN and visit.exited in window
    )
    for place, stage in enumerate(population.stream.stages):
        assert sum(point.ledger.arrivals[place] for point in flow.points) == came[stage]
        assert sum(point.ledger.departures[place] for point in flow.points) == went[stage]


def test_nothing_at_all_gives_lines_of_zero() -> None:
    flow = assemble(F1_STREAM, cut(F1_WEEK, BucketSize.DAY, UTC), {}, {})
    assert {count for state in states(flow) for count in lines(state)} == {0}
    assert flow.before is None
