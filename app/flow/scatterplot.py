"""Cycle times one by one: a point for each finished item, and how old the unfinished are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.work_item import WorkItemType
from app.flow.aging import older_than
from app.flow.expectation import Expectation
from app.flow.summary import DurationSummary


@dataclass(frozen=True, slots=True)
class Point:
    """An item finished in the window, at its first finish."""

    item_id: int
    title: str
    kind: WorkItemType
    finished: datetime
    cycle_us: int


@dataclass(frozen=True, slots=True)
class Scatterplot:
    """The latest points of a window by finish, and what all of them say.

    `cycle` is about every finished item, also where `points` leaves out the oldest. `wip_ages_us`
    are the ages of the work in process: what is old and unfinished is missing from every
    percentile.
    """

    points: Sequence[Point]
    cycle: DurationSummary
    wip_ages_us: Sequence[int]
    expectation: Expectation

    @property
    def truncated(self) -> bool:
        """Tell whether there are more points than these."""
        return len(self.points) < self.cycle.count

    @property
    def older_than_p85(self) -> int | None:
        """How many items in process are older than the 85th percentile of cycle time."""
        return older_than(self.wip_ages_us, self.cycle.p85)

    @property
    def oldest_age_us(self) -> int | None:
        """The greatest age of the work in process, None without any."""
        return max(self.wip_ages_us, default=None)
