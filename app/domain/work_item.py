"""A work item and its history, as told by whoever tracks the work."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.transition import Transition


class WorkItemType(StrEnum):
    """What kind of work an item is."""

    FEATURE = "feature"
    BUG = "bug"
    TASK = "task"
    EPIC = "epic"


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """One item with all its moves. Instants are aware; transitions keep the order they came in.

    `key` identifies the item at its `source`; both are empty for items born in this service.
    `created_at` is what the source claims, even where the first transition is older.
    """

    title: str
    type: WorkItemType
    created_at: datetime
    transitions: tuple[Transition, ...] = ()
    key: str | None = None
    source: str | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
