"""A transition: one entry of the append-only log, the truth behind every number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.broken_rule import BrokenRule


class ActorKind(StrEnum):
    """Who made a move."""

    HUMAN = "human"
    AUTOMATION = "automation"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Transition:
    """An item was moved to a stage at an instant, as told by whoever saw it.

    Moves are ordered by `(timestamp, position)`, position being the order of arrival: `id` in the
    database, index in a list. `from_stage` is only what the sender said; the stage left is always
    derived from the order. `source_event_id` makes a delivery idempotent within its item.
    """

    to_stage: str
    timestamp: datetime
    from_stage: str | None = None
    source_event_id: str | None = None
    reason: str | None = None
    actor_kind: ActorKind | None = None


@dataclass(frozen=True, slots=True)
class RecordedTransition:
    """A transition as it stands in the log; `from_stage` is derived, None for the first."""

    id: int
    work_item_id: int
    from_stage: str | None
    to_stage: str
    timestamp: datetime
    reason: str | None = None
    actor_kind: ActorKind | None = None
    source_event_id: str | None = None
    voided_at: datetime | None = None
    void_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A recorded move, the item's version after it, and the rules that it broke."""

    transition: RecordedTransition
    version: int
    broken: Sequence[BrokenRule] = ()
