"""Blocked time that SQL adds up is the defined one, by either clock."""

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.domain.block import Block
from app.domain.working_time import WorkingCalendar
from app.flow.blocked import total_by_stage_us
from app.flow.calendar import Window
from app.flow.times import item_times
from app.store import blocks as store
from app.store.database import Database
from app.store.measurements import Selection
from tests.integration.stored import Stored, agreement_test, stored, wind
from tests.integration.test_value_stream_map_agrees import windows_seen_at_any_time
from tests.strategies import BASE, HORIZON, Population, calendars, populations, zones
from tests.unit.flow.test_blocked import blocks

WHOLE = st.just(Window(BASE, HORIZON, HORIZON))


async def tell(inside: Stored, told: list[list[Block]]) -> list[list[Block]]:
    """Store blocks of the items, in order; returns those of every item."""
    of_items = [*told, *([] for _ in inside.ids)][: len(inside.ids)]
    for item_id, each in zip(inside.ids, of_items, strict=True):
        item = await inside.item(item_id)
        for block in each:
            await store.add(inside.connection, item, block)
    return of_items


@agreement_test
@given(
    populations(),
    st.lists(blocks(), max_size=6),
    st.one_of(WHOLE, windows_seen_at_any_time()),
    calendars(),
    zones(),
    st.booleans(),
)
async def test_the_database_adds_up_blocked_time_as_defined(
    shared_database: Database,
    population: Population,
    told: list[list[Block]],
    window: Window,
    calendar: WorkingCalendar,
    zone: ZoneInfo,
    by_working_time: bool,
) -> None:
    async with stored(shared_database, population) as elapsed:
        inside, clock = await wind(elapsed, calendar, zone)
        of_items = await tell(inside, told)
        selection = Selection(
            inside.stream.id, window, calendar=inside.stream.id if by_working_time else None
        )
        found = await store.blocked_times(inside.connection, selection, inside.stream)
    between = {"between": clock.between} if by_working_time else {}
    items = [
        item_times(each, inside.stream, window.as_of, **between) for each in population.histories
    ]
    known = [block for each in of_items for block in each if block.started <= window.as_of]
    assert (found is None) == (not known)
    cohort = [
        (item, each) for item, each in zip(items, of_items, strict=True) if item.finished in window
    ]
    expected = {stage: us for stage, us in total_by_stage_us(cohort).items() if us}
    assert {stage: us for stage, us in (found or {}).items() if us} == expected
