"""Temporary tables that histories are merged from, filled by COPY.

Items are numbered by `position`, in the order they were told; a range of them is merged at once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text

from app.domain.errors import UnknownStage
from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory
from app.store.database import Connection

_TABLES = (
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_items (
        position integer PRIMARY KEY, title text, type text, created_at timestamptz, source text,
        key text, cancelled_at timestamptz, cancel_reason text, moves integer,
        id bigint, known boolean DEFAULT false
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_transitions (
        item integer, position integer, to_stage_id integer, asserted_from_stage_id integer,
        timestamp timestamptz, source_event_id text, reason text, actor_kind text,
        PRIMARY KEY (item, position)
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_blocks (
        item integer, position integer, started_at timestamptz, ended_at timestamptz, reason text,
        source_event_id text, PRIMARY KEY (item, position)
    ) ON COMMIT DROP
    """,
)
_ITEMS = (
    *("position", "title", "type", "created_at", "source", "key"),
    *("cancelled_at", "cancel_reason", "moves"),
)
_TRANSITIONS = (
    *("item", "position", "to_stage_id", "asserted_from_stage_id", "timestamp"),
    *("source_event_id", "reason", "actor_kind"),
)
_BLOCKS = ("item", "position", "started_at", "ended_at", "reason", "source_event_id")

Record = tuple[Any, ...]


async def prepare(connection: Connection) -> None:
    """Make the tables, which are gone at the end of the transaction."""
    for table in _TABLES:
        await connection.execute(text(table))
    await connection.execute(text("SET LOCAL work_mem = '64MB'"))


async def clear(connection: Connection) -> None:
    """Forget what is staged."""
    await connection.execute(text("TRUNCATE staged_items, staged_transitions, staged_blocks"))


async def drop_from(connection: Connection, position: int) -> None:
    """Forget the items from this position on."""
    for table, number in (("items", "position"), ("transitions", "item"), ("blocks", "item")):
        statement = f"DELETE FROM staged_{table} WHERE {number} >= :position"  # noqa: S608 - ours
        await connection.execute(text(statement), {"position": position})


async def stage(
    connection: Connection, stream: ValueStream, histories: Sequence[ItemHistory], first: int = 0
) -> None:
    """Add histories, numbered from `first`; raises UnknownStage."""
    items = [
        (
            *(n, h.title, h.type, h.created_at, h.source, h.key),
            *(h.cancelled_at, h.cancel_reason, len(h.transitions)),
        )
        for n, h in enumerate(histories, start=first)
    ]
    await copy_into(connection, "staged_items", _ITEMS, items)
    moves = list(_moves(stream, histories, first))
    await copy_into(connection, "staged_transitions", _TRANSITIONS, moves)
    blocks = [
        (item, n, block.started, block.ended, block.reason, block.source_event_id)
        for item, history in enumerate(histories, start=first)
        for n, block in enumerate(history.blocks)
    ]
    if blocks:
        await copy_into(connection, "staged_blocks", _BLOCKS, blocks)


async def copy_into(
    connection: Connection, table: str, columns: Sequence[str], records: Sequence[Record]
) -> None:
    """COPY through the driver, inside the transaction that SQLAlchemy has begun."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None, "the connection is checked out"  # noqa: S101 - for the type checker
    await driver.copy_records_to_table(table, records=records, columns=columns)


def _moves(stream: ValueStream, histories: Sequence[ItemHistory], first: int) -> Iterator[Record]:
    """Yield the rows of moves; of one source event within an item only its first."""
    ids: dict[str | None, int | None] = {None: None}
    for item, history in enumerate(histories, start=first):
        events: set[str] = set()
        for position, move in enumerate(history.transitions):
            event = move.source_event_id
            if event is not None:
                if event in events:
                    continue
                events.add(event)
            stage_id = ids.get(move.to_stage)
            if stage_id is None:
                stage_id = ids[move.to_stage] = stream.stage(move.to_stage).id
            asserted = move.from_stage
            if asserted not in ids:
                ids[asserted] = _stage_id(stream, asserted)
            yield (
                *(item, position, stage_id, ids[asserted], move.timestamp, event),
                *(move.reason, move.actor_kind),
            )


def _stage_id(stream: ValueStream, asserted: str | None) -> int | None:
    """Return the stage a sender said was left; a name that the stream lacks says nothing."""
    try:
        return stream.stage(asserted).id if asserted else None
    except UnknownStage:
        return None
