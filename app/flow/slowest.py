"""The items that took longest: the first to look at when a duration is larger than expected."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.work_item import WorkItemType

SHOWN = 5
"""An answer names so many of them: they explain a mean and the upper percentiles."""


@dataclass(frozen=True, slots=True)
class SlowItem:
    """An item finished in the window, and how long it took from its start and its creation."""

    item_id: int
    title: str
    kind: WorkItemType
    finished: datetime
    cycle_us: int
    lead_us: int
