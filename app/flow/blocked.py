"""Blocked time: how long finished work could not go on, and in which stages.

Blocks of one item may overlap, because there may be two reasons at once: their **union** counts,
between the item's start and its finish. A block in an active stage turns that time into waiting.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from app.domain.block import Block
from app.domain.value_stream import Stage
from app.flow.calendar import utc
from app.flow.times import ItemTimes

Interval = tuple[datetime, datetime]


def union(blocks: Iterable[Block], low: datetime, high: datetime) -> list[Interval]:
    """Return the disjoint intervals within `[low, high)` in which any block lasted, in order."""
    clipped = sorted(
        (max(utc(each.started), low), high if each.ended is None else min(utc(each.ended), high))
        for each in blocks
    )
    found: list[Interval] = []
    for start, end in clipped:
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def blocked_us(item: ItemTimes, blocks: Iterable[Block]) -> int | None:
    """Return how long a finished item was blocked between start and finish; None if unfinished."""
    if item.started is None or item.finished is None:
        return None
    return sum(item.between(*each) for each in union(blocks, item.started, item.finished))


def blocked_by_stage_us(item: ItemTimes, blocks: Iterable[Block]) -> Counter[Stage]:
    """Return how long a finished item was blocked in each stage; together its blocked time."""
    found: Counter[Stage] = Counter()
    if item.started is None or item.finished is None:
        return found
    intervals = union(blocks, item.started, item.finished)
    for visit in item.visits:
        left = item.finished if visit.exited is None else visit.exited
        for start, end in intervals:
            first, last = max(start, visit.entered), min(end, left)
            if first < last:
                found[visit.stage] += item.between(first, last)
    return found


def total_by_stage_us(
    items: Iterable[tuple[ItemTimes, Sequence[Block]]],
) -> Counter[Stage]:
    """Add up the blocked time of finished items by stage."""
    found: Counter[Stage] = Counter()
    for item, blocks in items:
        found.update(blocked_by_stage_us(item, blocks))
    return found
