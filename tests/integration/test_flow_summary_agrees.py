"""The database's summary is the defined one: for any stream, histories, window and instant."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.work_item import ItemHistory, WorkItemType
from app.flow.calendar import (
    MICROSECOND,
    Window,
    day_window,
    explicit_window,
    rolling_window,
    week_window,
)
from app.flow.summary import FlowSummary
from app.flow.times import item_times
from app.flow.wip import entered_doing, left_doing
from app.store.database import Database
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.stored import (
    PERCENTILES,
    agreement_test,
    assert_same,
    integers,
    percentiles,
    stored,
    stored_test,
    summary_by_definition,
)
from tests.strategies import (
    BASE,
    HORIZON,
    Population,
    durations,
    instants,
    partitions,
    populations,
    windows,
    zones,
)

STATES = ("wip_now", "wip_at_end", "open_items", "backlog_items")
"""Figures about an instant. The others are counts and integrals, which add up over time."""


ALWAYS = Window(BASE - timedelta(days=1), HORIZON, as_of=HORIZON)
"""A window in which everything happens that is drawn."""


@st.composite
def windows_seen_at_any_time(draw: st.DrawFn) -> Window:
    """Draw a window as of its last instant, as of somewhat later, or when everything is known."""
    window = draw(windows())
    later = draw(st.one_of(st.just(timedelta()), durations(), st.none()))
    return window if later is None else replace(window, as_of=window.last + later)


def additive(summary: FlowSummary) -> dict[str, int]:
    """Return the figures that add up over adjacent windows and over disjoint sets of items."""
    return {name: n for name, n in integers(summary).items() if name not in STATES}


def total(parts: list[dict[str, int]]) -> dict[str, int]:
    """Add up figure by figure."""
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def _moved(population: Population, change: Callable[[datetime], datetime]) -> Population:
    """Apply a change to every instant of the items."""
    return replace(
        population,
        histories=tuple(
            replace(
                told,
                created_at=change(told.created_at),
                cancelled_at=told.cancelled_at and change(told.cancelled_at),
                transitions=tuple(
                    replace(move, timestamp=change(move.timestamp)) for move in told.transitions
                ),
            )
            for told in population.histories
        ),
    )


def _with_repetitions(told: ItemHistory, data: st.DataObject) -> ItemHistory:
    """Repeat each move once during the stay that it began, its last microsecond included."""
    in_order = sorted(told.transitions, key=lambda move: move.timestamp)
    ends = [*(move.timestamp for move in in_order[1:]), told.cancelled_at or HORIZON]
    repeated = []
    for move, end in zip(in_order, ends, strict=False):
        later = move.timestamp + data.draw(durations(end - move.timestamp))
        repeated += [move, replace(move, timestamp=later)]
    return replace(told, transitions=tuple(repeated))


def _known_at(instant: datetime, population: Population) -> Iterator[ItemHistory]:
    """Leave out of the items, and of each item, what happened after an instant."""
    for told in population.histories:
        moves = tuple(move for move in told.transitions if move.timestamp <= instant)
        if not moves and told.created_at > instant:
            continue
        cancelled = told.cancelled_at
        if cancelled is not None and cancelled > instant:
            cancelled = None
        yield replace(told, transitions=moves, cancelled_at=cancelled)


async def test_the_week_worked_out_by_hand_comes_out_of_the_database(
    shared_database: Database,
) -> None:
    """The figures of the fixture, not those of the definition in Python."""
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        week = await inside.summary(F1_WEEK)
        days = [
            await inside.summary(Window(start, start + timedelta(days=1), as_of=F1_WEEK.as_of))
            for start in (F1_WEEK.start + timedelta(days=n) for n in range(7))
        ]
    assert (week.throughput, week.started, week.created, week.discarded) == (4, 6, 7, 1)
    assert (week.reopened, week.recompleted, week.net_completed, week.decommits) == (1, 1, 4, 1)
    assert (week.wip_us, week.wip_at_end, week.open_items, week.backlog_items) == (
        408 * HOUR_US,
        1,
        2,
        1,
    )
    assert (week.cycle_time_avg, week.lead_time_avg, week.parked_us) == (66, 79.5, 0)
    assert (week.cycle_time_p50, week.lead_time_p50) == (60, 75)
    assert (week.cycle_time_p85, week.lead_time_p85) == pytest.approx((109.2, 133.2), rel=1e-9)
    assert (week.cycle_time_p95, week.lead_time_p95) == pytest.approx((116.4, 140.4), rel=1e-9)
    assert [day.throughput for day in days] == [0, 1, 0, 1, 0, 1, 1]
    assert [day.wip for day in days] == [0.75, 1.75, 4, 4, 3.75, 1.25, 1.5]


@agreement_test
@given(populations(), st.lists(windows_seen_at_any_time(), min_size=1, max_size=3))
async def test_the_database_summarises_as_defined(
    shared_database: Database, population: Population, asked: list[Window]
) -> None:
    """P8 among others: every integer to the last unit, every percentile to a billionth."""
    async with stored(shared_database, population) as inside:
        for window in [ALWAYS, *asked]:
            assert_same(await inside.summary(window), summary_by_definition(population, window))


@agreement_test
@given(populations(), windows_seen_at_any_time(), st.sets(st.sampled_from(WorkItemType)))
async def test_a_filter_by_type_measures_the_items_of_these_types(
    shared_database: Database, population: Population, window: Window, types: set[WorkItemType]
) -> None:
    """Asking for no type at all is asking about no item."""
    chosen = tuple(told for told in population.histories if told.type in types)
    async with stored(shared_database, population) as inside:
        measured = await inside.summary(window, sorted(types))
    assert_same(measured, summary_by_definition(Population(population.stream, chosen), window))


@stored_test
@given(populations(), windows_seen_at_any_time())
async def test_the_types_make_up_the_total(
    shared_database: Database, population: Population, window: Window
) -> None:
    """P5: every count, state and integral is the sum over the types."""
    async with stored(shared_database, population) as inside:
        by_type = [integers(await inside.summary(window, [kind])) for kind in WorkItemType]
        whole = integers(await inside.summary(window))
    assert total(by_type) == whole | {"window_us": len(by_type) * window.length_us}


@stored_test
@given(populations(), partitions())
async def test_counts_and_integrals_add_up_over_any_partition(
    shared_database: Database, population: Population, parts: tuple[Window, list[Window]]
) -> None:
    """P3 and P4: the figures of a window are the exact sums over its parts, in microseconds."""
    whole, pieces = parts
    async with stored(shared_database, population) as inside:
        summed = total([additive(await inside.summary(piece)) for piece in pieces])
        assert summed == additive(await inside.summary(whole))


@stored_test
@given(populations(), st.dates(date(2025, 3, 1), date(2025, 4, 6)), zones())
async def test_a_local_week_is_the_sum_of_its_days(
    shared_database: Database, population: Population, day: date, tz: ZoneInfo
) -> None:
    """P15: also when one of its days has 23 or 25 hours, and each day is as defined."""
    week = week_window(day, tz, HORIZON)
    days = [day_window(each, tz, HORIZON) for each in week.local_days(tz)]
    async with stored(shared_database, population) as inside:
        measured = [await inside.summary(each) for each in days]
        whole = additive(await inside.summary(week))
    for window, summary in zip(days, measured, strict=True):
        assert_same(summary, summary_by_definition(population, window))
    assert total([additive(summary) for summary in measured]) == whole


@stored_test
@given(populations(), partitions())
async def test_states_change_by_what_comes_in_and_goes_out(
    shared_database: Database, population: Population, parts: tuple[Window, list[Window]]
) -> None:
    """P6: WIP by entries and exits; open items by arrivals, throughput and discards."""
    _, pieces = parts
    items = [item_times(told, population.stream) for told in population.histories]
    async with stored(shared_database, population) as inside:
        measured = [await inside.summary(piece) for piece in pieces]
    for (_, window), (before, after) in zip(pairwise(pieces), pairwise(measured), strict=True):
        flux = entered_doing(items, window) - left_doing(items, window)
        assert after.wip_at_end == before.wip_at_end + flux
        gained = after.created - after.throughput - after.discarded
        assert after.open_items == before.open_items + gained


@stored_test
@given(populations(), windows())
async def test_the_present_is_the_end_of_a_window_that_ends_now(
    shared_database: Database, population: Population, window: Window
) -> None:
    """WIP now and WIP at the end are one state when the window ends at `as_of`."""
    async with stored(shared_database, population) as inside:
        seen_at_its_end = await inside.summary(replace(window, as_of=window.last))
        seen_later = await inside.summary(window)
    assert seen_at_its_end.wip_now == seen_at_its_end.wip_at_end == seen_later.wip_at_end


@stored_test
@given(populations(), windows(), st.integers(0, 2))
async def test_percentiles_lie_in_order_within_the_sample(
    shared_database: Database, population: Population, window: Window, fewer: int
) -> None:
    """P8: ascending, none for an empty sample, all equal for a single item."""
    few = replace(population, histories=population.histories[: fewer or None])
    async with stored(shared_database, few) as inside:
        summary = await inside.summary(window)
    for sample in (summary.cycle, summary.lead):
        assert sample.count == summary.throughput
        figures = [getattr(sample, p) for p in PERCENTILES]
        if not sample.count:
            assert figures == [None, None, None]
            continue
        slack = 1e-9 * figures[-1]
        assert all(low <= high + slack for low, high in pairwise(figures))
        if sample.count == 1:
            assert figures == [sample.sum_us / 1_000_000] * 3


@stored_test
@given(populations(max_size=4), populations(max_size=4), windows_seen_at_any_time())
async def test_another_stream_is_not_seen(
    shared_database: Database, one: Population, other: Population, window: Window
) -> None:
    """P9: streams lie in the same tables, and neither changes a figure of the other."""
    elsewhere = replace(other, stream=replace(other.stream, key="elsewhere"))
    async with stored(shared_database, one) as inside:
        beside = await inside.beside(elsewhere)
        assert_same(await inside.summary(window), summary_by_definition(one, window))
        assert_same(await beside.summary(window), summary_by_definition(elsewhere, window))


@stored_test
@given(populations(), windows(), st.data())
async def test_an_event_changes_nothing_before_it(
    shared_database: Database, population: Population, window: Window, data: st.DataObject
) -> None:
    """P10: a move at t, on an item not backdated by it, leaves windows that end by t alone."""
    stages = st.sampled_from([stage.name for stage in population.stream.stages])
    async with stored(shared_database, population) as inside:
        before = await inside.summary(window)
        for item_id, told in zip(inside.ids, population.histories, strict=True):
            if told.cancelled_at is None:
                past = [told.created_at, *(move.timestamp for move in told.transitions)]
                when = max([*past, window.end]) + data.draw(durations(timedelta(days=2)))
                await inside.append(item_id, data.draw(stages), when)
        after = await inside.summary(window)
    assert_same(replace(after, wip_now=0), replace(before, wip_now=0))


@stored_test
@given(populations(), windows(), st.timedeltas(timedelta(days=-900), timedelta(days=900)))
async def test_a_shift_of_all_times_changes_nothing(
    shared_database: Database, population: Population, window: Window, delta: timedelta
) -> None:
    """P12: also across the clock changes and leap days of five years."""
    shifted = Window(window.start + delta, window.end + delta, window.as_of + delta)
    async with stored(shared_database, population) as inside:
        plain = await inside.summary(window)
    async with stored(shared_database, _moved(population, lambda at: at + delta)) as inside:
        assert_same(await inside.summary(shifted), plain)


@stored_test
@given(populations(), windows(), st.integers(2, 7))
async def test_a_slower_clock_stretches_durations_and_no_counts(
    shared_database: Database, population: Population, window: Window, factor: int
) -> None:
    """P12: all times scaled by c make durations c times as long and leave counts alone."""

    def slow(at: datetime) -> datetime:
        return BASE + factor * (at - BASE)

    slowed = Window(slow(window.start), slow(window.end), slow(window.as_of))
    async with stored(shared_database, population) as inside:
        plain = await inside.summary(window)
    async with stored(shared_database, _moved(population, slow)) as inside:
        stretched = await inside.summary(slowed)
    assert integers(stretched) == {
        name: factor * figure if name.endswith("_us") else figure
        for name, figure in integers(plain).items()
    }
    for name, seconds in percentiles(plain).items():
        assert percentiles(stretched)[name] == (
            seconds and pytest.approx(factor * seconds, rel=1e-9, abs=0)
        )


@stored_test
@given(populations(), windows_seen_at_any_time(), st.data())
async def test_a_repeated_move_changes_no_figure(
    shared_database: Database, population: Population, window: Window, data: st.DataObject
) -> None:
    """P13: being moved to where it is already, at any time of its stay, is nothing to an item."""
    repeated = tuple(_with_repetitions(told, data) for told in population.histories)
    async with stored(shared_database, replace(population, histories=repeated)) as inside:
        measured = await inside.summary(window)
    assert_same(measured, summary_by_definition(population, window))


@stored_test
@given(populations(), windows_seen_at_any_time(), st.data())
async def test_a_voided_move_changes_no_figure(
    shared_database: Database, population: Population, window: Window, data: st.DataObject
) -> None:
    """P13: a mistake at any time of an item's life, once voided, was never there."""
    stages = st.sampled_from([stage.name for stage in population.stream.stages])
    async with stored(shared_database, population) as inside:
        mistakes = []
        for item_id, told in zip(inside.ids, population.histories, strict=True):
            when = data.draw(instants())
            if told.cancelled_at is None or when <= told.cancelled_at:
                mistake = await inside.append(item_id, data.draw(stages), when)
                mistakes.append((item_id, mistake))
        for item_id, mistake in mistakes:
            await inside.void(item_id, mistake, HORIZON)
        measured = await inside.summary(window)
    assert_same(measured, summary_by_definition(population, window))


@stored_test
@given(populations(), windows_seen_at_any_time())
async def test_what_happened_later_cannot_be_seen_in_the_past(
    shared_database: Database, population: Population, window: Window
) -> None:
    """As of an instant, a database that has since learnt more tells what it told then."""
    then = replace(population, histories=tuple(_known_at(window.as_of, population)))
    async with stored(shared_database, population) as inside:
        in_retrospect = await inside.summary(window)
    async with stored(shared_database, then) as inside:
        assert_same(await inside.summary(window), in_retrospect)


@stored_test
@given(populations(), windows_seen_at_any_time())
async def test_items_that_are_never_finished_leave_the_finished_ones_alone(
    shared_database: Database, population: Population, window: Window
) -> None:
    """P24: cancelled and never started items leave throughput, cycle and lead time unchanged."""
    finished: list[ItemHistory] = []
    unfinished: list[ItemHistory] = []
    for told in population.histories:
        times = item_times(told, population.stream)
        (unfinished if times.finished is None else finished).append(told)
    async with stored(shared_database, replace(population, histories=tuple(finished))) as inside:
        alone = await inside.summary(window)
        await inside.merge(unfinished)
        together = await inside.summary(window)
    assert (together.throughput, together.cycle, together.lead, together.parked_us) == (
        alone.throughput,
        alone.cycle,
        alone.lead,
        alone.parked_us,
    )


@stored_test
@given(populations(), instants(), durations(), durations())
async def test_a_window_into_the_future_is_the_window_until_now(
    shared_database: Database,
    population: Population,
    start: datetime,
    until_now: timedelta,
    beyond: timedelta,
) -> None:
    """P25: a window that ends after as_of is partial and equals the window clipped there."""
    as_of = start + until_now
    asked = explicit_window(start, as_of + beyond + 2 * MICROSECOND, as_of)
    clipped = explicit_window(start, as_of + MICROSECOND, as_of)
    assert (asked.partial, clipped.partial) == (True, False)
    async with stored(shared_database, population) as inside:
        measured = await inside.summary(asked)
        assert_same(measured, await inside.summary(clipped))
    assert_same(measured, summary_by_definition(population, clipped))


@stored_test
@given(populations(), instants(), st.integers(1, 40))
async def test_rolling_windows_of_any_length_are_as_defined(
    shared_database: Database, population: Population, as_of: datetime, days: int
) -> None:
    """An event stamped exactly `as_of` is inside, which the clocks of two hosts make common."""
    window = rolling_window(as_of, days)
    async with stored(shared_database, population) as inside:
        assert_same(await inside.summary(window), summary_by_definition(population, window))


async def test_an_empty_stream_has_counts_of_zero_and_no_percentiles(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, ())) as inside:
        summary = await inside.summary(F1_WEEK)
    assert set(integers(summary).values()) == {0, F1_WEEK.length_us}
    assert set(percentiles(summary).values()) == {None}
