"""New items that nothing stands against, many by one statement: `sql/create_items.sql`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

from app.domain.transition import ActorKind
from app.domain.work_item import ItemFacts, WorkItem, WorkItemType
from app.store.batches import BatchStatement
from app.store.idempotency import Keyed


@dataclass(frozen=True, slots=True)
class Entered:
    """A new item, with the names of the stage and the key of the stream that it is in."""

    item: WorkItem
    stage: str
    stream_key: str


class PlainItem(NamedTuple):
    """A new item that may be plain. Unsaid: the first stage, the default stream."""

    title: str
    type: WorkItemType
    stage: str | None = None
    stream: str | None = None
    source: str | None = None
    external_key: str | None = None
    reason: str | None = None
    actor_kind: ActorKind | None = None
    keyed: Keyed[Entered] | None = None

    @property
    def turns(self) -> tuple[str, ...]:
        """Its key, if it has one; the item itself stands in nobody's way."""
        return (self.keyed.key,) if self.keyed else ()


def _parameters(items: Sequence[PlainItem]) -> Mapping[str, object]:
    return {
        "titles": [item.title for item in items],
        "types": [item.type for item in items],
        "stages": [item.stage and item.stage.strip() for item in items],
        "streams": [item.stream for item in items],
        "sources": [item.source for item in items],
        "external_keys": [item.external_key for item in items],
        "reasons": [item.reason for item in items],
        "actor_kinds": [item.actor_kind for item in items],
        "keys": [item.keyed and item.keyed.key for item in items],
    }


def _results(items: Sequence[PlainItem], rows: Iterable[asyncpg.Record]) -> list[Entered | None]:
    results: list[Entered | None] = [None] * len(items)
    for row in rows:
        position = row["position"] - 1
        results[position] = _entered(items[position], row)
    return results


def _entered(item: PlainItem, row: asyncpg.Record) -> Entered:
    created_at = row["created_at"]
    stored = WorkItem(
        id=row["id"],
        stream_id=row["value_stream_id"],
        title=item.title,
        type=item.type,
        created_at=created_at,
        updated_at=created_at,
        version=1,
        facts=ItemFacts(
            created_at=created_at,
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            stage_id=row["stage_id"],
            stage_since=created_at,
            last_transition_at=created_at,
        ),
        source=item.source,
        external_key=item.external_key,
    )
    return Entered(stored, row["stage"], row["stream_key"])


ITEMS = BatchStatement("create_items", _parameters, _results)
