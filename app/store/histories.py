"""Whole histories at once: staged by COPY, merged by sets, in the caller's transaction.

An item is known by its stream, source and key; a move by its item and source event. What is there
already stays as it is, so that importing twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory
from app.store import block_histories, invalidations, staging, transitions
from app.store.database import Connection
from app.store.queries import Query, load_query

# Run again after the insert, it finds those that another transaction has created meanwhile.
_FIND_KNOWN = text(
    """
    WITH known AS (
        SELECT i.id, s.position
        FROM staged_items s
        JOIN work_items i
          ON i.value_stream_id = :stream_id AND i.source = s.source AND i.external_key = s.key
        WHERE s.position >= :begin AND s.position < :end AND i.id IS DISTINCT FROM s.id
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
        FROM (
            SELECT position FROM staged_items
            WHERE position >= :begin AND position < :end AND NOT known
            ORDER BY position
        ) AS new
    ) AS numbered
    WHERE numbered.position = s.position
    """
)
_ANY_KNOWN = text(
    "SELECT EXISTS (SELECT FROM staged_items "
    "WHERE position >= :begin AND position < :end AND known)"
)
_INSERT_ITEMS = load_query("insert_items")
_INSERT_TRANSITIONS = load_query("insert_transitions")
# Of new items no move can be known; and without that question a row costs a quarter less.
_INSERT_ALL_TRANSITIONS = Query.of(
    _INSERT_TRANSITIONS.name,
    _INSERT_TRANSITIONS.text.replace("ON CONFLICT (work_item_id, source_event_id) DO NOTHING", ""),
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
    WHERE s.position >= :begin AND s.position < :end AND s.known
      AND i.id = s.id AND (i.title, i.type) IS DISTINCT FROM (s.title, s.type)
    RETURNING i.id, CASE WHEN before.type <> i.type THEN i.effective_created_at END AS retyped_from
    """
)
_CANCEL = text(
    """
    UPDATE work_items i SET cancelled_at = s.cancelled_at, cancel_reason = s.cancel_reason
    FROM staged_items s
    WHERE s.position >= :begin AND s.position < :end AND s.known
      AND i.id = s.id AND i.cancelled_at IS NULL
      AND s.cancelled_at >= coalesce(i.last_transition_at, i.effective_created_at)
    RETURNING i.id, i.cancelled_at
    """
)
_LISTED = text(
    """
    SELECT coalesce(array_agg(s.id ORDER BY s.position), '{}') AS ids,
           coalesce(array_agg(s.id) FILTER (WHERE s.known), '{}') AS known,
           coalesce(sum(s.moves), 0) AS moves,
           min(i.effective_created_at) FILTER (WHERE NOT s.known) AS new_from
    FROM staged_items s JOIN work_items i ON i.id = s.id
    WHERE s.position >= :begin AND s.position < :end
    """
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
    await staging.prepare(connection)


async def merge(
    connection: Connection, stream: ValueStream, histories: Sequence[ItemHistory]
) -> Merged:
    """Merge histories into the stream, after `prepare`. Keys must not repeat among them.

    Raises UnknownStage.
    """
    await staging.clear(connection)
    await staging.stage(connection, stream, histories)
    return await merge_staged(connection, stream, 0, len(histories))


async def merge_staged(connection: Connection, stream: ValueStream, begin: int, end: int) -> Merged:
    """Merge the staged items from position `begin` up to, not including, `end`.

    The moves of new items are written with what they left, and the items with their facts; for
    known items, whose log lies in the database, both are derived afterwards.
    """
    scope = {"begin": begin, "end": end}
    of_stream = {"stream_id": stream.id, **scope}
    await connection.execute(_FIND_KNOWN, of_stream)
    await connection.execute(_NUMBER_NEW, scope)
    await _INSERT_ITEMS.rows(connection, of_stream)
    await connection.execute(_FIND_KNOWN, of_stream)
    any_known = await connection.scalar(_ANY_KNOWN, scope)
    insert = _INSERT_TRANSITIONS if any_known else _INSERT_ALL_TRANSITIONS
    moved = await insert.row(connection, of_stream)
    lifted = await connection.execute(_LIFT_OUTDATED_CANCELLATIONS, {"ids": moved.known})
    lifted_from = lifted.scalars().all()
    if moved.known:
        await transitions.derive_facts(connection, moved.known)
    renamed = (await connection.execute(_RENAME, scope)).all()
    cancelled = (await connection.execute(_CANCEL, scope)).all()
    blocked = await block_histories.merge(connection, stream.id, begin, end)
    listed = (await connection.execute(_LISTED, scope)).one()
    known = frozenset(listed.known)
    changed = [
        *lifted_from,
        *(row.retyped_from for row in renamed if row.retyped_from),
        *(row.cancelled_at for row in cancelled),
        *(instant for instant in (moved.earliest, listed.new_from) if instant),
    ]
    if changed:
        now = await transitions.clock(connection)
        await invalidations.invalidate(connection, stream.id, min(changed), now)
    updated = known & ({row.id for row in (*renamed, *cancelled)} | {*moved.known} | blocked.items)
    if updated:
        await connection.execute(_MARK_CHANGED, {"ids": sorted(updated)})
    return Merged(
        items_created=len(listed.ids) - len(known),
        items_updated=len(updated),
        items_unchanged=len(known - updated),
        transitions_created=moved.created,
        transitions_known=listed.moves - moved.created,
        blocks_created=blocked.created,
        blocks_ended=blocked.ended,
        ids=tuple(listed.ids),
        known=known,
    )
