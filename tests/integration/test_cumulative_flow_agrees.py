"""The database's cumulative flow is the defined one, line by line and bucket by bucket."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.work_item import WorkItemType
from app.flow.buckets import Bucket, BucketSize, cut
from app.flow.cumulative_flow import CumulativeFlow, Out, cumulative_flow
from app.store import cumulative_flow as in_store
from app.store.database import Database
from app.store.measurements import Selection
from tests.bucketed import bucketed_windows, known_items, some_types, whole
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK
from tests.integration.mistakes import make_and_void
from tests.integration.stored import Stored, agreement_test, stored, stored_test
from tests.strategies import Population, populations


async def measured(
    inside: Stored,
    buckets: Sequence[Bucket],
    types: set[WorkItemType] | None = None,
    *,
    from_beginning: bool = True,
) -> CumulativeFlow:
    selection = Selection(inside.stream.id, whole(buckets), None if types is None else [*types])
    return await in_store.cumulative_flow(
        inside.connection, inside.stream, selection, buckets, from_beginning=from_beginning
    )


async def test_the_lines_worked_out_by_hand_come_out_of_the_database(
    shared_database: Database,
) -> None:
    days = cut(F1_WEEK, BucketSize.DAY, F1_STREAM.zone_info)
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        flow = await measured(inside, days)
        unasked = await measured(inside, days, from_beginning=False)
    fourth, last = flow.points[3].state, flow.points[6].state
    assert (fourth.reached, fourth.out) == ((7, 6, 4, 3, 2), 2)
    assert (fourth.in_stage, fourth.backflow_items) == ((1, 2, 2, 0, 0), 1)
    assert (last.reached, last.completed, last.discarded) == ((7, 6, 6, 5, 5), 4, 1)
    assert sum(point.ledger.entered_doing for point in flow.points) == 8
    assert sum(point.ledger.left_doing for point in flow.points) == 7
    assert flow.before == Out(0, 0)
    assert unasked == replace(flow, before=None)


@agreement_test
@given(populations(), bucketed_windows(), some_types())
async def test_the_database_counts_as_defined(
    shared_database: Database,
    population: Population,
    buckets: tuple[Bucket, ...],
    types: set[WorkItemType] | None,
) -> None:
    """P14: the sums over what happened are the definitions applied to all histories."""
    async with stored(shared_database, population) as inside:
        found = await measured(inside, buckets, types)
    known = known_items(population, buckets[0].window, types)
    assert found == cumulative_flow(known, population.stream, buckets)


@stored_test
@given(populations(), bucketed_windows(), st.data())
async def test_a_voided_move_changes_no_line(
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
