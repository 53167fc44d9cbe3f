"""How long a visit to a stage lasts, how full the stage is, what goes in and what comes out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.value_stream import DEFAULT_STREAM, ValueStream, Zone
from app.domain.work_item import ItemHistory
from app.flow import throughput, wip
from app.flow.calendar import Window
from app.flow.stage_times import (
    LimitLoad,
    StagePresence,
    StageTimes,
    limit_load,
    stage_presence,
    visits_to,
)
from app.flow.times import item_times
from tests.fixture_f1 import F1, F1_WEEK, HOUR_US, at, d1, d2, d3, d4, d5, d8, history
from tests.strategies import (
    Population,
    instants,
    partitions,
    populations,
    property_test,
    windows,
)


def presence(
    *told: ItemHistory, stream: ValueStream = DEFAULT_STREAM, window: Window = F1_WEEK
) -> StagePresence:
    return stage_presence([item_times(each, stream) for each in told], stream, window)


def stage(name: str, *told: ItemHistory, window: Window = F1_WEEK) -> StageTimes:
    found = presence(*told, window=window)
    return next(each for each in found.stages if each.stage.name == name)


def limited(limit: int) -> ValueStream:
    stages = tuple(
        replace(each, wip_limit=limit if each.name == "Development" else None)
        for each in DEFAULT_STREAM.stages
    )
    return replace(DEFAULT_STREAM, stages=stages)


def full_hours(limit: int, *told: ItemHistory) -> float | None:
    at_limit = presence(*told, stream=limited(limit)).stages[2].at_limit_us
    return None if at_limit is None else at_limit / HOUR_US


def in_development(start: datetime, end: datetime) -> ItemHistory:
    return history(("Development", start), ("Testing", end))


@pytest.mark.parametrize(
    ("name", "visits", "average", "median"),
    [
        ("Development", 5, 33.6, 36),  # 24, 24, 36, 36, 48
        ("Testing", 5, 21.6, 24),  # 12, 12, 24, 24, 36
        ("Deployment", 1, 12, 12),
        ("Production", 1, 72, 72),
    ],
)
def test_the_visits_of_the_week_are_those_worked_out(
    name: str, visits: int, average: float, median: float
) -> None:
    times = stage(name, *F1).visit_time
    assert (times.count, times.avg_hours, times.p50_hours) == (visits, average, median)


def test_every_entry_is_a_visit_of_its_own() -> None:
    back = history(("Testing", d1), ("Development", d2), ("Testing", d4), ("Production", d5))
    assert stage("Testing", back).visit_time.count == 2
    assert stage("Testing", back).visit_time.sum_us == 48 * HOUR_US


def test_a_visit_belongs_to_the_window_in_which_it_ends() -> None:
    item = history(("Development", d1), ("Testing", d3))
    assert stage("Development", item, window=Window(d1, d3, d8)).visit_time.count == 0
    assert stage("Development", item, window=Window(d3, d4, d8)).visit_time.sum_us == 48 * HOUR_US


def test_a_visit_of_no_length_is_a_visit() -> None:
    item = history(("Development", d1), ("Testing", d1), ("Production", d2))
    found = stage("Development", item)
    assert (found.visit_time.count, found.visit_time.p50, found.instant_visits) == (1, 0.0, 1)


def test_an_open_visit_and_one_cut_off_by_a_cancellation_have_no_duration() -> None:
    open_visit = history(("Development", d1))
    cut_off = history(("Development", d1), cancelled=d3)
    found = stage("Development", open_visit, cut_off)
    assert (found.visit_time.count, found.visit_time.p50) == (0, None)
    assert (found.arrivals, found.departures, found.at_end) == (2, 1, 1)
    assert found.occupancy_us == (168 + 48) * HOUR_US


def test_the_end_of_the_window_is_not_in_it() -> None:
    arrives_then = history(("Development", d8))
    assert stage("Development", arrives_then).at_end == 0
    leaves_then = history(("Development", d1), ("Testing", d8))
    assert stage("Development", leaves_then).at_end == 1


def test_what_is_delivered_is_no_stock() -> None:
    found = stage("Production", *F1)
    assert (found.occupancy_us, found.at_end, found.at_limit_us) == (None, None, None)
    assert (found.arrivals, found.departures) == (5, 1)
    assert found.occupancy(F1_WEEK.length_us) is None


def test_an_item_that_has_not_moved_is_in_no_stage() -> None:
    waiting = history(created=d1, cancelled=d4)
    then_moved = history(("Backlog", d3), created=d2)
    found = presence(waiting, then_moved)
    assert (found.unplaced_us, found.unplaced_at_end) == ((72 + 24) * HOUR_US, 0)
    assert presence(history(created=d5)).unplaced_at_end == 1


def test_what_is_given_up_is_counted_where_it_is_given_up() -> None:
    given_up = [
        history(("Analysis", d1), cancelled=d2),
        history(created=d1, cancelled=d2),
        history(("Development", d1), ("Production", d2), ("Testing", d3), cancelled=d4),
        history(("Analysis", d1), ("Production", d2), cancelled=d4),
    ]
    found = presence(*given_up)
    assert [each.discarded for each in found.stages] == [0, 1, 0, 0, 0, 0]  # the others: finished
    assert (found.unplaced_discarded, found.discarded) == (1, 2)
    assert stage("Testing", *given_up).departures == 1


def test_the_time_at_the_limit_is_the_time_of_so_many_at_once() -> None:
    one, other = in_development(d1, d4), in_development(d3, d5)
    assert full_hours(1, one, other) == 96
    assert full_hours(2, one, other) == 24
    assert full_hours(3, one, other) == 0


def test_replacing_one_item_by_another_leaves_the_stage_full() -> None:
    assert full_hours(1, in_development(d1, d3), in_development(d3, d5)) == 96


def test_only_the_time_inside_the_window_counts_at_the_limit() -> None:
    since_before = in_development(at(-3), d2)
    until_after = in_development(at(7), at(12))
    still_there = history(("Development", at(7)))
    assert full_hours(1, since_before, until_after) == 48
    assert full_hours(2, until_after, still_there) == 24


def test_without_a_limit_there_is_no_time_at_it() -> None:
    found = stage("Testing", *F1)
    assert found.share_at_limit(F1_WEEK.length_us) is None


@property_test
@given(populations(), windows())
def test_the_occupancies_of_doing_add_up_to_the_wip(population: Population, window: Window) -> None:
    """P5: in whole microseconds, and for the number at the end."""
    stream = population.stream
    items = [item_times(told, stream, window.as_of) for told in population.histories]
    found = stage_presence(items, stream, window)
    doing = [each for each in found.stages if stream.zone(each.stage) is Zone.DOING]
    assert sum(each.occupancy_us or 0 for each in doing) == wip.wip_us(items, window)
    assert sum(each.at_end or 0 for each in doing) == wip.wip_at_end(items, window)
    assert found.discarded == throughput.discarded(items, window)


@property_test
@given(populations(), windows())
def test_what_is_there_is_what_came_less_what_went(population: Population, window: Window) -> None:
    """P6, per stage: arrivals - departures is the change of the number of items there."""
    stream = population.stream
    items = [item_times(told, stream, window.as_of) for told in population.histories]
    before = Window(datetime(2025, 1, 1, tzinfo=window.start.tzinfo), window.start, window.as_of)
    earlier = stage_presence(items, stream, before).stages
    for was, now in zip(earlier, stage_presence(items, stream, window).stages, strict=True):
        if was.at_end is not None:
            assert now.at_end == was.at_end + now.arrivals - now.departures


@property_test
@given(populations(), windows())
def test_the_types_add_up_to_the_whole(population: Population, window: Window) -> None:
    """P5: for every count and integral of every stage."""
    stream, told = population.stream, population.histories

    def figures(histories: list[ItemHistory]) -> list[tuple[int, ...]]:
        items = [item_times(each, stream, window.as_of) for each in histories]
        return [
            (
                each.arrivals,
                each.departures,
                each.visit_time.count,
                each.visit_time.sum_us,
                each.occupancy_us or 0,
            )
            for each in stage_presence(items, stream, window).stages
        ]

    parts = [
        figures([each for each in told if each.type == kind]) for kind in {t.type for t in told}
    ]
    whole = figures(list(told))
    for n, expected in enumerate(whole):
        assert tuple(sum(part[n][i] for part in parts) for i in range(5)) == expected


def loaded(
    *told: ItemHistory, limits: Sequence[tuple[datetime, int | None]], window: Window = F1_WEEK
) -> tuple[float, float, float] | None:
    """Return the hours with a limit, at it and over it, of Development."""
    items = [item_times(each, DEFAULT_STREAM) for each in told]
    visits = visits_to(items, DEFAULT_STREAM.stage("Development"))
    found = limit_load(visits, limits, window)
    if found is None:
        return None
    return (
        found.limited_us / HOUR_US,
        found.at_limit_us / HOUR_US,
        found.over_limit_us / HOUR_US,
    )


def test_a_stage_is_over_its_limit_only_with_more_items_than_it() -> None:
    told = [in_development(d1, d3), in_development(d2, d4), in_development(d2, d3)]
    always = F1_WEEK.start
    assert loaded(*told, limits=[(always, 1)]) == (168, 72, 24)
    assert loaded(*told, limits=[(always, 2)]) == (168, 24, 24)
    assert loaded(*told, limits=[(always, 3)]) == (168, 24, 0)


def test_a_limit_counts_from_its_own_start_until_the_next_one() -> None:
    told = [in_development(d1, d5), in_development(d1, d5)]
    assert loaded(*told, limits=[(d2, 1), (d3, 2), (d4, None)]) == (48, 48, 24)
    assert loaded(*told, limits=[(d4, None), (d2, 1), (d3, 2)]) == (48, 48, 24)


def test_a_limit_from_before_the_window_holds_in_it_and_a_later_one_does_not() -> None:
    told = [in_development(d1, d5), in_development(d1, d5)]
    window = Window(d2, d3, as_of=d8)
    assert loaded(*told, limits=[(d1, 1)], window=window) == (24, 24, 24)
    assert loaded(*told, limits=[(d3, 1)], window=window) is None
    assert loaded(*told, limits=[(d1, 1), (d2, None)], window=window) is None
    assert loaded(*told, limits=[], window=window) is None
    assert loaded(*told, limits=[(d1, 1), (d1, 5)], window=window) == (24, 0, 0)


@property_test
@given(
    populations(),
    partitions(),
    st.lists(st.tuples(instants(), st.none() | st.integers(1, 3)), max_size=4),
)
def test_the_times_at_and_over_limits_add_up_over_adjacent_windows(
    population: Population,
    parts: tuple[Window, list[Window]],
    limits: list[tuple[datetime, int | None]],
) -> None:
    whole, pieces = parts
    items = [item_times(each, population.stream) for each in population.histories]
    for each in population.stream.stages:
        visits = [*visits_to(items, each)]
        total = limit_load(visits, limits, whole) or LimitLoad(0, 0, 0)
        found = [limit_load(visits, limits, piece) or LimitLoad(0, 0, 0) for piece in pieces]
        for name in ("limited_us", "at_limit_us", "over_limit_us"):
            assert sum(getattr(one, name) for one in found) == getattr(total, name)
        assert total.over_limit_us <= total.at_limit_us <= total.limited_us <= whole.length_us
        occupied = sum(whole.overlap_us(visit.entered, visit.exited) for visit in visits)
        assert total.at_limit_us <= occupied


@property_test
@given(populations(), windows(), st.integers(1, 3))
def test_over_a_limit_is_at_the_next_higher_one(
    population: Population, window: Window, limit: int
) -> None:
    items = [item_times(each, population.stream) for each in population.histories]
    for each in population.stream.stages:
        visits = [*visits_to(items, each)]
        over = limit_load(visits, [(window.start, limit)], window)
        above = limit_load(visits, [(window.start, limit + 1)], window)
        assert over is not None
        assert above is not None
        assert over.over_limit_us == above.at_limit_us
