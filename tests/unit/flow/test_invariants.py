"""What must hold for every history, window and cut: the laws behind the core metrics."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM, Zone
from app.domain.work_item import ItemHistory, WorkItemType
from app.flow import throughput as flow
from app.flow.calendar import Window, day_window, explicit_window, week_window
from app.flow.summary import FlowSummary, summarise
from app.flow.times import ItemTimes, item_times
from app.flow.wip import entered_doing, left_doing, wip_at, wip_us
from tests.strategies import (
    BASE,
    HORIZON,
    Population,
    durations,
    forward_histories,
    instants,
    partitions,
    populations,
    property_test,
    windows,
    zones,
)

MICROSECOND = timedelta(microseconds=1)

ADDITIVE = (
    "throughput",
    "started",
    "created",
    "discarded",
    "discarded_started",
    "reopened",
    "recompleted",
    "decommits",
    "net_completed",
    "wip_us",
    "window_us",
    "parked_us",
)


def known(population: Population, as_of: datetime = HORIZON) -> list[ItemTimes]:
    return [item_times(told, population.stream, as_of) for told in population.histories]


def summary_of(population: Population, window: Window) -> FlowSummary:
    return summarise(known(population, window.as_of), window)


def additive(summary: FlowSummary) -> dict[str, int]:
    facts: dict[str, int] = {name: getattr(summary, name) for name in ADDITIVE}
    for name, sample in (("cycle", summary.cycle), ("lead", summary.lead)):
        facts |= {f"{name}_count": sample.count, f"{name}_sum_us": sample.sum_us}
    return facts


def total(summaries: Iterable[FlowSummary]) -> dict[str, int]:
    parts = [additive(summary) for summary in summaries]
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def moved(
    population: Population, change: Callable[[datetime], datetime]
) -> Callable[[Window], FlowSummary]:
    """Apply a change to every instant of the items; the result summarises a changed window."""
    histories = tuple(
        replace(
            told,
            created_at=change(told.created_at),
            cancelled_at=None if told.cancelled_at is None else change(told.cancelled_at),
            transitions=tuple(
                replace(move, timestamp=change(move.timestamp)) for move in told.transitions
            ),
        )
        for told in population.histories
    )

    def summary(window: Window) -> FlowSummary:
        start, end, as_of = (change(at) for at in (window.start, window.end, window.as_of))
        return summary_of(Population(population.stream, histories), Window(start, end, as_of))

    return summary


@property_test
@given(populations(), partitions())
def test_counts_and_integrals_add_up_over_any_partition(
    population: Population, parts: tuple[Window, list[Window]]
) -> None:
    """P3 and P4: the facts of a window are the exact sums over its parts, in microseconds."""
    whole, pieces = parts
    items = known(population)
    assert total(summarise(items, piece) for piece in pieces) == additive(summarise(items, whole))
    for crossings in (entered_doing, left_doing):
        assert sum(crossings(items, piece) for piece in pieces) == crossings(items, whole)


@property_test
@given(populations(), windows())
def test_average_wip_lies_between_the_least_and_the_most(
    population: Population, window: Window
) -> None:
    """P4: min WIP(t) <= wip <= max WIP(t)."""
    items = known(population)
    edges = [at for item in items for span in item.doing for at in (span.start, span.end)]
    changes = [at for at in edges if at is not None and at in window]
    levels = [wip_at(items, at) for at in (window.start, *changes)]
    assert min(levels) * window.length_us <= wip_us(items, window)
    assert wip_us(items, window) <= max(levels) * window.length_us


@property_test
@given(populations(), windows())
def test_the_stages_in_process_make_up_the_work_in_process(
    population: Population, window: Window
) -> None:
    """P5: the occupancies of the doing stages sum to the WIP integral."""
    items = known(population)
    in_stages = sum(
        window.overlap_us(visit.entered, visit.exited)
        for item in items
        for visit in item.visits
        if population.stream.zone(visit.stage) is Zone.DOING
    )
    assert in_stages == wip_us(items, window)


@property_test
@given(populations(), windows())
def test_the_types_make_up_the_total(population: Population, window: Window) -> None:
    """P5: every count, state and integral is the sum over the types of items."""
    by_type = [
        summary_of(
            replace(
                population,
                histories=tuple(told for told in population.histories if told.type is kind),
            ),
            window,
        )
        for kind in WorkItemType
    ]
    whole = summary_of(population, window)
    assert total(by_type) == additive(whole) | {"window_us": len(by_type) * window.length_us}
    for state in ("wip_now", "wip_at_end", "open_items", "backlog_items"):
        assert sum(getattr(part, state) for part in by_type) == getattr(whole, state)


@property_test
@given(populations(), windows())
def test_work_in_process_changes_by_what_goes_in_and_out(
    population: Population, window: Window
) -> None:
    """P6: WIP at the end = WIP before the start + In - Out; zone done likewise with the net."""
    items = known(population)
    before = window.start - MICROSECOND
    flux = entered_doing(items, window) - left_doing(items, window)
    assert wip_at(items, window.last) == wip_at(items, before) + flux

    def delivered(instant: datetime) -> int:
        return sum(any(instant in span for span in item.done) for item in items)

    assert delivered(window.last) == delivered(before) + flow.net_completed(items, window)


@property_test
@given(populations(), windows())
def test_percentiles_and_averages_lie_within_the_sample(
    population: Population, window: Window
) -> None:
    """P8: null exactly for no sample; otherwise within its extremes, up to the last bit."""
    cohort = [item for item in known(population) if item.finished in window]
    summary = summary_of(population, window)
    for sample, values in (
        (summary.cycle, [item.cycle_us for item in cohort]),
        (summary.lead, [item.lead_us for item in cohort]),
    ):
        hours = [value / 3.6e9 for value in values if value is not None]
        figures = (sample.avg_hours, sample.p50_hours, sample.p85_hours, sample.p95_hours)
        assert sample.count == len(cohort) == len(hours)
        for figure in figures:
            assert (figure is None) == (not hours)
            if figure is not None:
                slack = 1e-9 * max(hours)
                assert min(hours) - slack <= figure <= max(hours) + slack


@property_test
@given(populations(), populations(max_size=2), windows())
def test_another_item_adds_its_own_facts_and_changes_no_others(
    population: Population, others: Population, window: Window
) -> None:
    """P9: the facts of a population are those of its parts."""
    items, more = known(population), known(others)
    together = additive(summarise([*items, *more], window))
    apart = total([summarise(items, window), summarise(more, window)])
    assert together == apart | {"window_us": window.length_us}


@property_test
@given(populations(), windows(), st.data())
def test_an_event_changes_nothing_before_it(
    population: Population, window: Window, data: st.DataObject
) -> None:
    """P10: a move or cancellation at t leaves every window that ends by t as it was."""
    changed = tuple(
        _continued(told, window.end, population, data)
        for told in population.histories
        if told.cancelled_at is None
    )
    untouched = tuple(told for told in population.histories if told.cancelled_at is None)
    before = summary_of(replace(population, histories=untouched), window)
    after = summary_of(replace(population, histories=changed), window)
    assert replace(after, wip_now=0) == replace(before, wip_now=0)


def _continued(
    told: ItemHistory, earliest: datetime, population: Population, data: st.DataObject
) -> ItemHistory:
    """Let something happen to the item, after all that has happened to it and not too early."""
    past = [told.created_at, *(move.timestamp for move in told.transitions), earliest]
    when = max(past) + data.draw(durations(timedelta(days=2)))
    name = data.draw(st.sampled_from([None, *(stage.name for stage in population.stream.stages)]))
    if name is None:
        return replace(told, cancelled_at=when)
    return replace(told, transitions=(*told.transitions, Transition(name, when)))


@property_test
@given(populations(), windows(), st.timedeltas(timedelta(days=-900), timedelta(days=900)))
def test_a_shift_of_all_times_changes_nothing(
    population: Population, window: Window, delta: timedelta
) -> None:
    """P12: all instants and the window moved by the same time give the same summary."""
    assert moved(population, lambda at: at + delta)(window) == summary_of(population, window)


@property_test
@given(populations(), windows(), st.integers(2, 7))
def test_a_slower_clock_stretches_durations_and_no_counts(
    population: Population, window: Window, factor: int
) -> None:
    """P12: with all times scaled by c, durations are c times as long and counts are the same."""
    plain = summary_of(population, window)
    slow = moved(population, lambda at: BASE + factor * (at - BASE))(window)

    assert replace(slow, cycle=plain.cycle, lead=plain.lead) == replace(
        plain,
        wip_us=factor * plain.wip_us,
        window_us=factor * plain.window_us,
        parked_us=factor * plain.parked_us,
    )
    for long, short in ((slow.cycle, plain.cycle), (slow.lead, plain.lead)):
        assert (long.count, long.sum_us) == (short.count, factor * short.sum_us)
        for after, before in ((long.p50, short.p50), (long.p85, short.p85), (long.p95, short.p95)):
            if after is None or before is None:
                assert after is before
            else:
                assert after == pytest.approx(factor * before, rel=1e-9)


@property_test
@given(populations(), st.dates(date(2025, 3, 1), date(2025, 4, 6)), zones())
def test_a_week_is_the_sum_of_its_days(population: Population, day: date, tz: ZoneInfo) -> None:
    """P15: also when a day has 23 or 25 hours."""
    items = known(population)
    week = week_window(day, tz, HORIZON)
    local = [day_window(local_day, tz, HORIZON) for local_day in week.local_days(tz)]
    assert total(summarise(items, window) for window in local) == additive(summarise(items, week))


@property_test
@given(st.lists(forward_histories(), max_size=6), windows())
def test_work_in_process_ages_by_itself_and_is_rejuvenated_by_what_leaves(
    told: list[ItemHistory], window: Window
) -> None:
    """P21: total age grows by the WIP integral less the cycle times and the ages discarded."""
    items = known(Population(DEFAULT_STREAM, tuple(told)))

    def total_age_us(edge: datetime) -> int:
        last = edge - MICROSECOND
        ages = [item.age_us(last) for item in items]
        return sum(age + 1 for age in ages if age is not None)

    summary = summarise(items, window)
    discarded_age_us = sum(
        (item.discarded - item.started) // MICROSECOND
        for item in items
        if item.discarded is not None and item.discarded in window and item.started is not None
    )
    growth = total_age_us(window.end) - total_age_us(window.start)
    assert growth == summary.wip_us - summary.cycle.sum_us - discarded_age_us


@property_test
@given(populations(), populations(max_size=3), windows())
def test_items_that_are_never_finished_leave_the_finished_ones_alone(
    population: Population, others: Population, window: Window
) -> None:
    """P24: cancelled and never started items leave throughput, cycle and lead time unchanged."""
    items = known(population)
    unfinished = [item for item in known(others) if item.finished is None]
    alone, together = summarise(items, window), summarise([*items, *unfinished], window)
    assert (together.throughput, together.cycle, together.lead, together.parked_us) == (
        alone.throughput,
        alone.cycle,
        alone.lead,
        alone.parked_us,
    )


@property_test
@given(populations(), instants(), durations(), durations())
def test_a_window_into_the_future_is_the_window_until_now(
    population: Population, start: datetime, until_now: timedelta, beyond: timedelta
) -> None:
    """P25: a window that ends after as_of is partial and equals the window clipped there."""
    as_of = start + until_now
    asked = explicit_window(start, as_of + beyond + 2 * MICROSECOND, as_of)
    clipped = explicit_window(start, as_of + MICROSECOND, as_of)
    assert asked.partial
    assert not clipped.partial
    assert summary_of(population, asked) == summary_of(population, clipped)
    assert clipped.end.tzinfo is UTC
