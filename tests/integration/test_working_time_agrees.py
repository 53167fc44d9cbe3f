"""By the working clock, too, the database measures every duration as defined."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.value_stream import Stage
from app.domain.working_time import WorkingCalendar, from_plain
from app.flow.aging import pace, standing
from app.flow.buckets import Bucket
from app.flow.calendar import Window
from app.flow.histogram import Duration, hourly
from app.flow.queues import full_day_bounds, observe
from app.flow.series import series
from app.flow.summary import DurationSummary, summarise
from app.flow.times import ItemTimes, item_times
from app.flow.value_stream_map import value_stream_map
from app.flow.working_time import WorkingClock
from app.store import aging, bottleneck, cycle_times, measurements
from app.store import series as stored_series
from app.store.database import Database
from app.store.finished_paths import finished_paths
from app.store.measurements import Selection
from app.store.stage_times import stage_presence
from tests.bucketed import bucketed_windows, whole, windows_seen_at_any_time
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.stored import Stored, agreement_test, stored, wind
from tests.strategies import BASE, HORIZON, Population, calendars, populations, zones

WEEKDAYS = from_plain({"hours": {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu")}})
UTC_ZONE = ZoneInfo("UTC")
by_working_time = settings(agreement_test, max_examples=50)
ALL = 1000

full_windows = st.just(Window(BASE, HORIZON, as_of=HORIZON))
"""Everything that is ever finished, so that there are samples."""


def known(
    population: Population, window: Window, clock: WorkingClock, stream: Any = None
) -> list[ItemTimes]:
    return [
        item_times(told, stream or population.stream, window.as_of, clock.between)
        for told in population.histories
    ]


def selected(inside: Stored, window: Window) -> Selection:
    return Selection(inside.stream.id, window, calendar=inside.stream.id)


def plain(found: Any) -> Any:
    """Take an answer apart: stages by name, floats to a billionth, all else as it is."""
    if isinstance(found, Stage):
        return found.name
    if isinstance(found, float):
        return pytest.approx(found, rel=1e-9, abs=0)
    if is_dataclass(found):
        return [plain(getattr(found, field.name)) for field in fields(found)]
    if isinstance(found, Sequence) and not isinstance(found, str):
        return [plain(each) for each in found]
    return found


@by_working_time
@given(populations(), st.one_of(full_windows, windows_seen_at_any_time()), calendars(), zones())
async def test_times_of_finished_items_are_working_time(
    shared_database: Database,
    population: Population,
    window: Window,
    calendar: WorkingCalendar,
    zone: ZoneInfo,
) -> None:
    async with stored(shared_database, population) as elapsed:
        inside, clock = await wind(elapsed, calendar, zone)
        selection = selected(inside, window)
        measured = await cycle_times.finished(inside.connection, selection, ALL)
        sample = await cycle_times.cycles_us(inside.connection, selection)
        hours = {
            each: await cycle_times.by_hour(inside.connection, selection, each) for each in Duration
        }
        paced = await aging.pace(inside.connection, selection, inside.stream)
    items = known(population, window, clock)
    finished = [item for item in items if item.finished in window]
    cycles = [item.cycle_us or 0 for item in finished]
    assert plain(measured.cycle) == plain(DurationSummary.of(cycles))
    assert sorted((point.finished, point.cycle_us) for point in measured.points) == sorted(
        (item.finished, item.cycle_us) for item in finished if item.finished
    )
    assert sample == sorted(cycles)
    assert hours[Duration.CYCLE] == hourly(cycles)
    assert hours[Duration.LEAD] == hourly(item.lead_us or 0 for item in finished)
    assert plain(paced) == plain(pace(items, population.stream, window))


@by_working_time
@given(populations(), windows_seen_at_any_time(), calendars(), zones())
async def test_ages_and_evidence_about_bottlenecks_are_working_time(
    shared_database: Database,
    population: Population,
    window: Window,
    calendar: WorkingCalendar,
    zone: ZoneInfo,
) -> None:
    bounds = full_day_bounds(window, zone)
    async with stored(shared_database, population) as elapsed:
        inside, clock = await wind(elapsed, calendar, zone)
        selection, connection = selected(inside, window), inside.connection
        found = await aging.in_process(connection, selection, inside.stream)
        ages = await aging.wip_ages_us(connection, selection)
        seen = await bottleneck.observe(connection, selection, inside.stream, bounds)
    items = known(population, window, clock, inside.stream)
    stands = [standing(item, window.as_of) for item in items]
    expected = {item_id: each for item_id, each in zip(inside.ids, stands, strict=True) if each}
    assert {item.item_id: item.standing for item in found} == expected
    assert sorted(ages) == sorted(each.age_us for each in expected.values())
    defined = observe(items, inside.stream, window, bounds)
    assert sorted(seen.times_us) == sorted(defined.times_us)
    assert seen.queues == defined.queues  # how many were where, and how long, is elapsed time


@by_working_time
@given(populations(), bucketed_windows(), calendars(), zones())
async def test_a_series_has_working_durations_and_elapsed_work_in_process(
    shared_database: Database,
    population: Population,
    buckets: tuple[Bucket, ...],
    calendar: WorkingCalendar,
    zone: ZoneInfo,
) -> None:
    window = whole(buckets)
    async with stored(shared_database, population) as elapsed:
        inside, clock = await wind(elapsed, calendar, zone)
        found = await stored_series.series(inside.connection, selected(inside, window), buckets)
        without = Selection(inside.stream.id, window)
        by_elapsed = await stored_series.series(inside.connection, without, buckets)
    expected = series(known(population, buckets[0].window, clock), buckets)
    assert plain(found) == plain(expected)
    assert [replace(each, cycle=None, lead=None) for each in found] == [  # type: ignore[arg-type]
        replace(each, cycle=None, lead=None)  # type: ignore[arg-type]
        for each in by_elapsed
    ]


@pytest.mark.xfail(strict=True, reason="these queries do not take a calendar yet")
@by_working_time
@given(populations(), st.one_of(full_windows, windows_seen_at_any_time()), calendars(), zones())
async def test_the_summary_and_the_map_are_in_working_time(
    shared_database: Database,
    population: Population,
    window: Window,
    calendar: WorkingCalendar,
    zone: ZoneInfo,
) -> None:
    """Cycle, lead and parked time; visits, ladder and rework time. All else is elapsed time."""
    async with stored(shared_database, population) as elapsed:
        inside, clock = await wind(elapsed, calendar, zone)
        selection, connection = selected(inside, window), inside.connection
        summary = await measurements.flow_summary(connection, selection)
        presence = await stage_presence(connection, selection, inside.stream)
        ladder, quality = await finished_paths(connection, selection, inside.stream)
    items = known(population, window, clock, inside.stream)
    assert plain(summary) == plain(summarise(items, window))
    defined = value_stream_map(items, inside.stream, window)
    assert plain([presence, ladder, quality]) == plain(
        [defined.presence, defined.ladder, defined.quality]
    )


async def test_the_week_worked_out_by_hand_in_working_time(shared_database: Database) -> None:
    """Eight hours on Monday to Thursday: d1 to d4 of the week."""
    async with stored(shared_database, Population(F1_STREAM, F1)) as elapsed:
        inside, _ = await wind(elapsed, WEEKDAYS, UTC_ZONE)
        selection, connection = selected(inside, F1_WEEK), inside.connection
        sample = await cycle_times.cycles_us(connection, selection)
        lead = await cycle_times.by_hour(connection, selection, Duration.LEAD)
        (parked,) = await aging.in_process(connection, selection, inside.stream)
    # A d2 to d6: Tue, Wed, Thu. B d2 12 to d7 12: Tue 5, Wed, Thu. C: Wed. D d1 06 to d2 06: Mon.
    assert sample == [hours * HOUR_US for hours in (8, 8, 21, 24)]
    # from d1: A 32; B d1 12: 5 + 24; C: 8; D: 8
    assert lead == {32: 1, 29: 1, 8: 2}
    # H: started d4, in its stage since d7, at d8
    assert parked.standing.age_us == 8 * HOUR_US
    assert parked.standing.in_stage_us == 0
