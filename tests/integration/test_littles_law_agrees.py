"""The database's terms of Little's law are the defined ones, and they always balance."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.work_item import WorkItemType
from app.flow.calendar import Window
from app.flow.littles_law import littles_law
from app.store import littles_law as in_store
from app.store.database import Database
from app.store.measurements import Selection
from tests.bucketed import known_items, some_types, windows_seen_at_any_time
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.mistakes import make_and_void
from tests.integration.stored import agreement_test, stored, stored_test
from tests.strategies import Population, populations


async def test_the_terms_worked_out_by_hand_come_out_of_the_database(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        law = await in_store.littles_law(inside.connection, Selection(inside.stream.id, F1_WEEK))
    assert law.wip_us == 408 * HOUR_US
    assert (law.exited_us, law.reentered_us) == (408 * HOUR_US, 72 * HOUR_US)
    assert (law.residence_at_start_us, law.residence_at_end_us) == (0, 72 * HOUR_US)
    assert (law.entered, law.left, law.wip_at_start, law.wip_at_end) == (8, 7, 0, 1)
    assert law.gap == pytest.approx(264 / 408 - 1)


@agreement_test
@given(populations(), windows_seen_at_any_time(), some_types())
async def test_the_database_finds_the_terms_as_defined(
    shared_database: Database,
    population: Population,
    window: Window,
    types: set[WorkItemType] | None,
) -> None:
    """P16: to the microsecond, and balanced on both sides."""
    async with stored(shared_database, population) as inside:
        chosen = None if types is None else sorted(types)
        selection = Selection(inside.stream.id, window, chosen)
        found = await in_store.littles_law(inside.connection, selection)
    expected = littles_law(known_items(population, window, types), window)
    assert found == replace(expected, cycle_p85=found.cycle_p85)
    assert found.cycle_p85 == (expected.cycle_p85 and pytest.approx(expected.cycle_p85, rel=1e-9))
    assert found.balanced


@stored_test
@given(populations(), windows_seen_at_any_time(), st.data())
async def test_a_voided_move_changes_no_term(
    shared_database: Database, population: Population, window: Window, data: st.DataObject
) -> None:
    """P13: a mistake, once voided, was never there."""
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window)
        before = await in_store.littles_law(inside.connection, selection)
        await make_and_void(inside, population, data)
        assert await in_store.littles_law(inside.connection, selection) == before
