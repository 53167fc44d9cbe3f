"""Work items: as stored with their facts, and as histories told by whoever tracks the work."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.domain.block import Block
from app.domain.transition import Transition
from app.domain.value_stream import Stage, Zone

DEMO_SOURCE = "demo"
"""Where made-up items say that they come from."""


class WorkItemType(StrEnum):
    """What kind of work an item is."""

    FEATURE = "feature"
    BUG = "bug"
    TASK = "task"
    EPIC = "epic"


class WorkItemState(StrEnum):
    """Where an item stands, for a reader who looks for some."""

    OPEN = "open"
    BACKLOG = "backlog"
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"


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
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What the log says about one item, kept beside it so that reading never replays a history.

    `created_at` is the earlier of the claimed creation and the first transition; `started_at` the
    first instant in process or done; `finished_at` the first instant in done. Neither resets.
    """

    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stage_id: int | None = None
    stage_since: datetime | None = None
    last_transition_at: datetime | None = None

    def after(self, to_stage: Stage, zone: Zone, timestamp: datetime) -> "ItemFacts":
        """Return the facts after one more move, which must not lie before the last one."""
        past_start = zone is not Zone.TODO
        moved = to_stage.id != self.stage_id  # a move to the stage in force starts no visit
        return replace(
            self,
            created_at=min(self.created_at, timestamp),
            started_at=self.started_at or (timestamp if past_start else None),
            finished_at=self.finished_at or (timestamp if zone is Zone.DONE else None),
            stage_id=to_stage.id,
            stage_since=timestamp if moved else self.stage_since,
            last_transition_at=timestamp,
        )


@dataclass(frozen=True, slots=True)
class WorkItem:
    """An item as stored. `version` grows with every write to the item or to its history."""

    id: int
    stream_id: int
    title: str
    type: WorkItemType
    created_at: datetime
    updated_at: datetime
    version: int
    facts: ItemFacts
    source: str | None = None
    external_key: str | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
