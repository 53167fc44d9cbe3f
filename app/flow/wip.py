"""Work in process: items in zone doing. Backlog and done are out; reopened work is in again.

States are right-continuous: at the instant of a move the item is in the new stage. The state at the
end of a window, its end excluded, is therefore the state at `window.last`.
"""

from collections.abc import Iterable
from datetime import datetime

from app.flow.calendar import Window
from app.flow.times import ItemTimes


def wip_at(items: Iterable[ItemTimes], instant: datetime) -> int:
    """Return how many items are in process (Kanban Guide: started but not finished)."""
    return sum(item.in_process(instant) for item in items)


def wip_at_end(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many items are in process when the window ends."""
    return wip_at(items, window.last)


def wip_us(items: Iterable[ItemTimes], window: Window) -> int:
    """Return the integral of WIP over the window, in item-microseconds: exact and additive."""
    return sum(window.overlap_us(span.start, span.end) for item in items for span in item.doing)


def wip_average(items: Iterable[ItemTimes], window: Window) -> float:
    """Return the time-weighted average WIP: the integral over the window's length, in items.

    This is L of Little's law (Little & Graves 2008), not an average of samples. Time before the
    first item counts as 0.
    """
    return wip_us(items, window) / window.length_us


def entered_doing(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many times an item came into process: started, resumed or reopened."""
    return sum(span.start in window for item in items for span in item.doing)


def left_doing(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many times an item went out of process: done, decommitted or cancelled.

    WIP at the end = WIP before the start + entered - left, always, backward moves included.
    """
    return sum(span.end in window for item in items for span in item.doing)


def open_items(items: Iterable[ItemTimes], instant: datetime) -> int:
    """Return how many items have been created and neither finished nor cancelled.

    A reopened item is not among them: it was finished, and counts as WIP while it is in process.
    """
    return sum(_is_open(item, instant) for item in items)


def backlog_items(items: Iterable[ItemTimes], instant: datetime) -> int:
    """Return how many items lie before the start: new, waiting, or moved back there."""
    return sum(any(instant in span for span in item.todo) for item in items)


def _is_open(item: ItemTimes, instant: datetime) -> bool:
    closed = (item.finished, item.cancelled)
    return item.created <= instant and not any(at is not None and at <= instant for at in closed)
