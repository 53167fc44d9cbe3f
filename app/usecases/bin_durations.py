"""Sort the durations of what was finished into bins."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.work_item import WorkItemType
from app.flow.histogram import Duration, Histogram, histogram
from app.flow.slowest import SlowItem
from app.store import cycle_times, left_out
from app.store.database import Connection
from app.usecases.find_slowest import find_slowest
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class Binned:
    """The histogram of all items, those of each type in bins of the same width, and the rest.

    `slowest` are the items that took longest; see `find_slowest`.
    """

    whole: Histogram
    by_type: Mapping[WorkItemType, Histogram]
    slowest: Sequence[SlowItem] | None
    left_out: Mapping[str, int]


async def bin_durations(connection: Connection, scope: Scope, duration: Duration) -> Binned:
    """Return the histograms of cycle or lead times of the scope."""
    counted = await cycle_times.by_hour(connection, scope.selection, duration)
    whole = histogram(sum(counted.values(), Counter()))
    return Binned(
        whole=whole,
        by_type={kind: histogram(counted.get(kind, {}), whole.width_hours) for kind in scope.kinds},
        slowest=await find_slowest(connection, scope, duration, whole.count),
        left_out=await left_out.left_out(connection, scope.selection),
    )
