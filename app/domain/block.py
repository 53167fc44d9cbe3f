"""A block: a span in which an item could not go on, and why."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Block:
    """`[started, ended)`; `ended` is None while the item still cannot go on.

    `source_event_id` makes a delivery idempotent within its item.
    """

    reason: str
    started: datetime
    ended: datetime | None = None
    source_event_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedBlock:
    """A block as stored; a voided one was a mistake and counts nowhere."""

    id: int
    work_item_id: int
    reason: str
    started_at: datetime
    ended_at: datetime | None
    source_event_id: str | None = None
    voided_at: datetime | None = None
