"""The items that took longest: who asks why a duration is what it is begins with them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.types import Answer
from app.domain.work_item import WorkItemType
from app.flow.calendar import US_PER_HOUR
from app.flow.slowest import SlowItem
from app.usecases.find_slowest import MOST_LOOKED_AT


class SlowItemOut(Answer):
    """A finished item. Durations are hours; the link tells where they went, visit by visit."""

    id: int
    title: str
    type: WorkItemType
    finished_at: datetime
    cycle_time: float
    lead_time: float
    link: str


Slowest = Annotated[
    list[SlowItemOut] | None,
    Field(
        description="the items that took longest, at most five; null when more than "
        f"{MOST_LOOKED_AT:,} were finished: ask for less time"
    ),
]


def rendered(items: Iterable[SlowItem] | None) -> list[SlowItemOut] | None:
    """Render slow items."""
    if items is None:
        return None
    return [
        SlowItemOut(
            id=item.item_id,
            title=item.title,
            type=item.kind,
            finished_at=item.finished,
            cycle_time=item.cycle_us / US_PER_HOUR,
            lead_time=item.lead_us / US_PER_HOUR,
            link=f"/api/v1/work-items/{item.item_id}/history",
        )
        for item in items
    ]
