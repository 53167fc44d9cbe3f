"""Whole histories at once: staged by COPY, merged by sets, in the caller's transaction.

An item is known by its stream, source and key; a move by its item and source event. What is there
already stays as it is, so that importing twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from app.domain.errors import UnknownStage
from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory
from app.store import block_histories, invalidations, transitions
from app.store.database import Connection
from app.store.staging import copy_into

_STAGED_ITEMS = text(
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_items (
        position integer, title text, type text, created_at timestamptz, source text, key text,
        cancelled_at timestamptz, cancel_reason text, id bigint, known boolean DEFAULT false
    ) ON COMMIT DROP
    """
)
_STAGED_TRANSITIONS = text(
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_transitions (
        item integer, position integer, to_stage_id integer, asserted_from_stage_id integer,
        timestamp timestamptz, source_event_id text, reason text, actor_kind text
    ) ON COMMIT DROP
    """
)
_ITEM_COLUMNS = ["position", "title", "type", "created_at", "source", "key"]
_ITEM_COLUMNS += ["cancelled_at", "cancel_reason"]
_TRANSITION_COLUMNS = ["item", "position", "to_stage_id", "asserted_from_stage_id", "timestamp"]
_TRANSITION_COLUMNS += ["source_event_id", "reason", "actor_kind"]

# Run again after the insert, it finds those that another transaction has created meanwhile.
_FIND_KNOWN = text(
    """
    WITH known AS (
        SELECT i.id, s.position
        FROM staged_items s
        JOIN work_items i
          ON i.value_stream_id = :stream_id AND i.source = s.source AND i.external_key = s.key
        WHERE i.id IS DISTINCT FROM s.id
        ORDER BY i.id
        FOR NO KEY UPDATE OF i
    )
    UPDATE staged_items s SET id = known.id, known = true
    FROM known WHERE known.position = s.position
    """
)
_NUMBER_NEW = text(
    """
    UPDATE staged_items s SET id = numbered.id
    FROM (
        SELECT position, nextval(pg_get_serial_sequence('work_items', 'id')) AS id
        FROM (SELECT position FROM staged_items WHERE NOT known ORDER BY position) AS new
    ) AS numbered
    WHERE numbered.position = s.position
    """
)
_INSERT_ITEMS = text(
    """
    INSERT INTO work_items (id, value_stream_id, title, type, created_at, updated_at, source,
                            external_key, effective_created_at)
    OVERRIDING SYSTEM VALUE
    SELECT id, :stream_id, title, type, created_at, greatest(created_at, now()), source, key,
           created_at
    FROM staged_items WHERE NOT known
    ORDER BY position
    ON CONFLICT (value_stream_id, source, external_key) DO NOTHING
    """
)
_INSERT_TRANSITIONS = text(
    """
    INSERT INTO stage_transitions (work_item_id, value_stream_id, to_stage_id,
                                   asserted_from_stage_id, timestamp, source_event_id, reason,
                                   actor_kind)
    SELECT i.id, :stream_id, t.to_stage_id, t.asserted_from_stage_id, t.timestamp,
           t.source_event_id, t.reason, t.actor_kind
    FROM staged_transitions t
    JOIN staged_items i ON i.position = t.item
    ORDER BY t.item, t.position
    ON CONFLICT (work_item_id, source_event_id) DO NOTHING
    RETURNING work_item_id, timestamp
    """
)
# Work that has moved on since it was cancelled was taken up again, whoever forgot to say so.
_LIFT_OUTDATED_CANCELLATIONS = text(
    """
    UPDATE work_items i SET cancelled_at = NULL, cancel_reason = NULL
    FROM work_items before
    WHERE before.id = i.id AND i.id = ANY (:ids) AND EXISTS (
        SELECT FROM stage_transitions t
        WHERE t.work_item_id = i.id AND t.voided_at IS NULL AND t.timestamp > i.cancelled_at)
    RETURNING before.cancelled_at
    """
)
_RENAME = text(
    """
    UPDATE work_items i SET title = s.title, type = s.type
    FROM staged_items s
    JOIN work_items before ON before.id = s.id
    WHERE s.known AND i.id = s.id AND (i.title, i.type) IS DISTINCT FROM (s.title, s.type)
    RETURNING i.id, CASE WHEN before.type <> i.type THEN i.effective_created_at END AS retyped_from
    """
)
_CANCEL = text(
    """
    UPDATE work_items i SET cancelled_at = s.cancelled_at, cancel_reason = s.cancel_reason
    FROM staged_items s
    WHERE i.id = s.id AND i.cancelled_at IS NULL
      AND s.cancelled_at >= coalesce(i.last_transition_at, i.effective_created_at)
    RETURNING i.id, i.cancelled_at
    """
)
_LISTED = text(
    "SELECT s.id, s.known, i.effective_created_at "
    "FROM staged_items s JOIN work_items i ON i.id = s.id ORDER BY s.position"
)
_MARK_CHANGED = text(
    "UPDATE work_items SET version = version + 1, updated_at = greatest(updated_at, now()) "
    "WHERE id = ANY (:ids)"
)


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge changed.

    `ids` are the items' ids, in the order they were given, `known` those that were there before.
    """

    items_created: int = 0
    items_updated: int = 0
    items_unchanged: int = 0
    transitions_created: int = 0
    transitions_known: int = 0
    blocks_created: int = 0
    blocks_ended: int = 0
    ids: tuple[int, ...] = ()
    known: frozenset[int] = frozenset()

    def __add__(self, other: "Merged") -> "Merged":
        """Put two merges together."""
        return Merged(
            items_created=self.items_created + other.items_created,
            items_updated=self.items_updated + other.items_updated,
            items_unchanged=self.items_unchanged + other.items_unchanged,
            transitions_created=self.transitions_created + other.transitions_created,
            transitions_known=self.transitions_known + other.transitions_known,
            blocks_created=self.blocks_created + other.blocks_created,
            blocks_ended=self.blocks_ended + other.blocks_ended,
            ids=self.ids + other.ids,
            known=self.known | other.known,
        )


async def prepare(connection: Connection, stream: ValueStream) -> None:
    """Make the staging tables, and let one merge at a time into the stream."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('vsm-service import'), :stream_id)"),
        {"stream_id": stream.id},
    )
    await connection.execute(_STAGED_ITEMS)
    await connection.execute(_STAGED_TRANSITIONS)


async def merge(
    connection: Connection, stream: ValueStream, histories: Sequence[ItemHistory]
) -> Merged:
    """Merge histories into the stream, after `prepare`. Keys must not repeat among them.

    Raises UnknownStage.
    """
    await _stage(connection, stream, histories)
    scope = {"stream_id": stream.id}
    await connection.execute(_FIND_KNOWN, scope)
    await connection.execute(_NUMBER_NEW)
    await connection.execute(_INSERT_ITEMS, scope)
    await connection.execute(_FIND_KNOWN, scope)
    moved = (await connection.execute(_INSERT_TRANSITIONS, scope)).all()
    touched = sorted({row.work_item_id for row in moved})
    lifted = await connection.execute(_LIFT_OUTDATED_CANCELLATIONS, {"ids": touched})
    lifted_from = lifted.scalars().all()
    await transitions.derive_facts(connection, touched)
    renamed = (await connection.execute(_RENAME)).all()
    cancelled = (await connection.execute(_CANCEL)).all()
    blocked = await block_histories.merge(connection, stream.id, histories)
    listed = (await connection.execute(_LISTED)).all()
    known = frozenset(row.id for row in listed if row.known)
    changed = [
        *(row.timestamp for row in moved),
        *lifted_from,
        *(row.retyped_from for row in renamed if row.retyped_from),
        *(row.cancelled_at for row in cancelled),
        *(row.effective_created_at for row in listed if not row.known),
    ]
    if changed:
        now = await transitions.clock(connection)
        await invalidations.invalidate(connection, stream.id, min(changed), now)
    updated = known & ({row.id for row in (*renamed, *cancelled)} | set(touched) | blocked.items)
    await connection.execute(_MARK_CHANGED, {"ids": sorted(updated)})
    return Merged(
        items_created=len(listed) - len(known),
        items_updated=len(updated),
        items_unchanged=len(known - updated),
        transitions_created=len(moved),
        transitions_known=sum(len(each.transitions) for each in histories) - len(moved),
        blocks_created=blocked.created,
        blocks_ended=blocked.ended,
        ids=tuple(row.id for row in listed),
        known=known,
    )


async def _stage(
    connection: Connection, stream: ValueStream, histories: Sequence[ItemHistory]
) -> None:
    """Fill the staging tables with these histories, and nothing else."""
    await connection.execute(text("TRUNCATE staged_items, staged_transitions"))
    items = [
        (n, h.title, h.type, h.created_at, h.source, h.key, h.cancelled_at, h.cancel_reason)
        for n, h in enumerate(histories)
    ]
    moves = [
        (
            item,
            position,
            stream.stage(move.to_stage).id,
            _stage_id(stream, move.from_stage),
            move.timestamp,
            move.source_event_id,
            move.reason,
            move.actor_kind,
        )
        for item, history in enumerate(histories)
        for position, move in enumerate(history.transitions)
    ]
    await copy_into(connection, "staged_items", _ITEM_COLUMNS, items)
    await copy_into(connection, "staged_transitions", _TRANSITION_COLUMNS, moves)


def _stage_id(stream: ValueStream, asserted: str | None) -> int | None:
    """Return the stage a sender said was left; a name that the stream lacks says nothing."""
    try:
        return stream.stage(asserted).id if asserted else None
    except UnknownStage:
        return None
