"""What went in and what came out of a window: counts of events, each belonging to one instant.

All counts are additive: a window's count is the sum over any partition of it. Items are counted
whatever their type and size; filter the items to count a part.
"""

from collections.abc import Iterable

from app.flow.calendar import Window
from app.flow.times import ItemTimes


def throughput(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many items were finished in the window (Kanban Guide: the exact count).

    An item counts at most once, ever, at its first entry into zone done; a cancelled one never.
    """
    return sum(item.finished in window for item in items)


def started(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many items were started, also those that entered zone done directly."""
    return sum(item.started in window for item in items)


def created(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many items arrived."""
    return sum(item.created in window for item in items)


def discarded(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many items were cancelled unfinished, before or after their start."""
    return sum(item.discarded in window for item in items)


def discarded_started(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many items were cancelled unfinished after work on them had started."""
    return sum(item.discarded in window for item in items if item.started is not None)


def reopened(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many times an item left zone done; one item may do so repeatedly."""
    return sum(at in window for item in items for at in item.reopened_at)


def recompleted(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many times an item entered zone done again after it had been finished."""
    return sum(at in window for item in items for at in item.recompleted_at)


def net_completed(items: Iterable[ItemTimes], window: Window) -> int:
    """Return throughput + recompleted - reopened.

    It is the change of the number of items that lie in zone done, and may be negative.
    """
    known = tuple(items)
    return throughput(known, window) + recompleted(known, window) - reopened(known, window)


def decommits(items: Iterable[ItemTimes], window: Window) -> int:
    """Return how many times an item was moved from zone doing back to zone todo."""
    return sum(at in window for item in items for at in item.decommitted_at)
