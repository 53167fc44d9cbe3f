"""The database's series is the defined one: for any stream, histories, window, zone and bucket."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.work_item import WorkItemType
from app.flow.buckets import Bucket, BucketSize, cut
from app.flow.series import SeriesPoint, series
from app.store import series as in_store
from app.store.database import Database
from app.store.measurements import Selection
from tests.bucketed import bucketed_windows, known_items, some_types, whole
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.mistakes import make_and_void
from tests.integration.stored import Stored, agreement_test, stored, stored_test
from tests.strategies import Population, populations


async def measured(
    inside: Stored, buckets: Sequence[Bucket], types: set[WorkItemType] | None = None
) -> list[SeriesPoint]:
    chosen = None if types is None else sorted(types)
    selection = Selection(inside.stream.id, whole(buckets), chosen)
    return await in_store.series(inside.connection, selection, buckets)


def assert_same(found: Sequence[SeriesPoint], expected: Sequence[SeriesPoint]) -> None:
    """Hold two series equal: integers exactly, percentiles to a billionth."""
    for one, other in zip(found, expected, strict=True):
        assert integers(one) == integers(other)
        for name, value in flat(other).items():
            assert flat(one)[name] == (value and pytest.approx(value, rel=1e-9, abs=0)), name


def flat(point: SeriesPoint) -> dict[str, Any]:
    figures = asdict(point)
    del figures["bucket"]
    for clock in ("cycle", "lead"):
        figures |= {f"{clock}_{name}": value for name, value in figures.pop(clock).items()}
    return figures


def integers(point: SeriesPoint) -> dict[str, int]:
    return {name: value for name, value in flat(point).items() if isinstance(value, int)}


async def test_the_days_worked_out_by_hand_come_out_of_the_database(
    shared_database: Database,
) -> None:
    days = cut(F1_WEEK, BucketSize.DAY, F1_STREAM.zone_info)
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        points = await measured(inside, days)
    assert [point.throughput for point in points] == [0, 1, 0, 1, 0, 1, 1]
    assert [point.wip for point in points] == [0.75, 1.75, 4, 4, 3.75, 1.25, 1.5]
    assert sum(point.wip_us for point in points) == 408 * HOUR_US
    assert points[-1].wip_at_end == 1
    assert [point.reopened for point in points] == [0, 0, 0, 0, 1, 0, 0]
    assert [point.recompleted for point in points] == [0, 0, 0, 0, 0, 1, 0]
    assert [point.cycle.avg_hours for point in points] == [None, 24, None, 24, None, 96, 120]


@agreement_test
@given(populations(), bucketed_windows(), some_types())
async def test_the_database_gives_the_series_as_defined(
    shared_database: Database,
    population: Population,
    buckets: tuple[Bucket, ...],
    types: set[WorkItemType] | None,
) -> None:
    """P8, P14: every integer to the last unit, every percentile to a billionth."""
    async with stored(shared_database, population) as inside:
        found = await measured(inside, buckets, types)
    assert_same(found, series(known_items(population, buckets[0].window, types), buckets))


@stored_test
@given(populations(), bucketed_windows())
async def test_the_types_make_up_the_total(
    shared_database: Database, population: Population, buckets: tuple[Bucket, ...]
) -> None:
    """P5: every count and integral of each bucket is the sum over the types."""
    async with stored(shared_database, population) as inside:
        by_type = [await measured(inside, buckets, {kind}) for kind in WorkItemType]
        total = await measured(inside, buckets)
    for point, *parts in zip(total, *by_type, strict=True):
        figures = [integers(part) for part in parts]
        assert integers(point) == {name: sum(f[name] for f in figures) for name in figures[0]}


@stored_test
@given(populations(), bucketed_windows())
async def test_work_in_process_is_carried_from_bucket_to_bucket(
    shared_database: Database, population: Population, buckets: tuple[Bucket, ...]
) -> None:
    """P4: one bucket alone has the integral that it has in the series."""
    async with stored(shared_database, population) as inside:
        together = await measured(inside, buckets)
        alone = [await measured(inside, [bucket]) for bucket in buckets[:3]]
    assert_same([only for (only,) in alone], together[:3])


@stored_test
@given(populations(), bucketed_windows(), st.data())
async def test_a_voided_move_changes_no_point(
    shared_database: Database,
    population: Population,
    buckets: tuple[Bucket, ...],
    data: st.DataObject,
) -> None:
    """P13: a mistake, once voided, was never there."""
    async with stored(shared_database, population) as inside:
        before = await measured(inside, buckets)
        await make_and_void(inside, population, data)
        assert await measured(inside, buckets) == before


async def test_an_empty_stream_has_points_of_zero(shared_database: Database) -> None:
    stream = replace(F1_STREAM, key="empty")
    days = cut(F1_WEEK, BucketSize.DAY, stream.zone_info)
    async with stored(shared_database, Population(stream, ())) as inside:
        points = await measured(inside, days)
    assert len(points) == 7
    assert {value for point in points for value in flat(point).values()} == {0, None}
    assert all(after.start == before.end for before, after in pairwise(days))
