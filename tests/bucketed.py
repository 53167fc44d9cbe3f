"""Windows seen at any time, cut into buckets: what everything drawn over time is tested on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from app.domain.work_item import WorkItemType
from app.flow.buckets import Bucket, BucketSize, cut
from app.flow.calendar import Window
from app.flow.times import ItemTimes, item_times
from tests.strategies import Population, durations, windows, zones


@st.composite
def windows_seen_at_any_time(draw: st.DrawFn) -> Window:
    """Draw a window as of its last instant, as of somewhat later, or when everything is known."""
    window = draw(windows())
    later = draw(st.one_of(st.just(timedelta()), durations(), st.none()))
    return window if later is None else replace(window, as_of=window.last + later)


@st.composite
def bucketed_windows(draw: st.DrawFn) -> tuple[Bucket, ...]:
    """Draw a window, a zone and a size, and cut."""
    size = draw(st.sampled_from(BucketSize))
    return cut(draw(windows_seen_at_any_time()), size, draw(zones()))


def whole(buckets: Sequence[Bucket]) -> Window:
    """Return the window that buckets make up."""
    return replace(buckets[0].window, end=buckets[-1].end)


def known_items(
    population: Population, window: Window, types: set[WorkItemType] | None = None
) -> list[ItemTimes]:
    """Bring the items of these types into normal form, as could be known at `as_of`."""
    return [
        item_times(told, population.stream, window.as_of)
        for told in population.histories
        if types is None or told.type in types
    ]


def some_types() -> st.SearchStrategy[set[WorkItemType] | None]:
    """Draw what a filter by type may ask for: mostly nothing, else any of them, or none."""
    return st.one_of(st.none(), st.none(), st.sets(st.sampled_from(WorkItemType)))
