"""Moves that nothing stands against, many by one statement: `sql/move_items.sql`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from app.domain.instants import FUTURE_TOLERANCE
from app.domain.transition import ActorKind, Moved, RecordedTransition
from app.store.batches import BatchStatement
from app.store.idempotency import Keyed
from app.store.invalidations import GRACE


class PlainMove(NamedTuple):
    """A move that may be plain. Without an instant it happens now.

    `version_then` and `stage_then` are what the caller expects the item to have; None: anything.
    """

    item_id: int
    to_stage: str
    instant: datetime | None = None
    reason: str | None = None
    actor_kind: ActorKind | None = None
    version_then: int | None = None
    stage_then: str | None = None
    keyed: Keyed[Moved] | None = None

    @property
    def turns(self) -> tuple[int | str, ...]:
        """The item, whose moves take turns, and the key."""
        return (self.item_id, self.keyed.key) if self.keyed else (self.item_id,)


def _parameters(moves: Sequence[PlainMove]) -> Mapping[str, object]:
    return {
        "item_ids": [move.item_id for move in moves],
        "to_stages": [move.to_stage.strip() for move in moves],
        "instants": [move.instant for move in moves],
        "reasons": [move.reason for move in moves],
        "actor_kinds": [move.actor_kind for move in moves],
        "versions": [move.version_then for move in moves],
        "stages": [move.stage_then and move.stage_then.strip() for move in moves],
        "keys": [move.keyed and move.keyed.key for move in moves],
        "grace": GRACE,
        "ahead": FUTURE_TOLERANCE,
    }


def _results(moves: Sequence[PlainMove], rows: Iterable[asyncpg.Record]) -> list[Moved | None]:
    found = {row["work_item_id"]: row for row in rows}
    return [_moved(move, found[move.item_id]) if move.item_id in found else None for move in moves]


def _moved(move: PlainMove, row: asyncpg.Record) -> Moved:
    recorded = RecordedTransition(
        id=row["id"],
        work_item_id=move.item_id,
        from_stage=row["from_stage"],
        to_stage=row["to_stage"],
        timestamp=row["timestamp"],
        reason=move.reason,
        actor_kind=move.actor_kind,
    )
    return Moved(recorded, row["version"])


MOVES = BatchStatement("move_items", _parameters, _results)
