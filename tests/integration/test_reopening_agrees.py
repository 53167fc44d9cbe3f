"""The reopen rate that SQL counts is the defined one, and its items are those listed."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.flow.buckets import BucketSize, cut
from app.flow.calendar import Window
from app.flow.reopening import came_back, reopen_rate
from app.flow.times import item_times
from app.store import populations as listed
from app.store import reopening, work_items
from app.store.database import Database
from app.store.measurements import Selection
from tests.integration.stored import agreement_test, stored
from tests.integration.test_value_stream_map_agrees import windows_seen_at_any_time
from tests.strategies import Population, populations, zones


@agreement_test
@given(populations(), windows_seen_at_any_time(), zones(), st.integers(1, 40))
async def test_the_database_counts_what_came_back_as_defined(
    shared_database: Database, population: Population, window: Window, tz: ZoneInfo, days: int
) -> None:
    follow_up = timedelta(days=days)
    buckets = cut(window, BucketSize.WEEK, tz)
    items = [item_times(each, population.stream, window.as_of) for each in population.histories]
    async with stored(shared_database, population) as inside:
        selection = Selection(inside.stream.id, window)
        found = await reopening.reopen_rate(inside.connection, selection, buckets, follow_up)
        condition = listed.condition(
            listed.Population.CAME_BACK, inside.stream, window, None, follow_up
        )
        query = work_items.ItemQuery(inside.stream.id, population=condition, limit=1000)
        items_found = {item.id for item in await work_items.find(inside.connection, query)}
    assert found == reopen_rate(items, buckets, follow_up)
    assert items_found == {
        item_id
        for item_id, item in zip(inside.ids, items, strict=True)
        if item.finished in window and came_back(item, follow_up)
    }
