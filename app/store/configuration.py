"""What a definition changes where it is kept: streams, stages, moves that mean other stages now."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, null, select, text, update

from app.domain.errors import UnknownStream
from app.domain.instants import EARLIEST
from app.domain.stream_changes import StageFates
from app.domain.value_stream import Stage, ValueStream
from app.domain.working_time import to_plain
from app.store.database import Connection
from app.store.tables import (
    allowed_moves,
    stage_limits,
    stages,
    stream_versions,
    value_streams,
    work_items,
)

BATCH = 2000
"""Items whose facts are derived by one statement."""

_USES = text(
    """
    SELECT s.id,
           (SELECT count(*) FROM work_items i WHERE i.current_stage_id = s.id) AS items,
           (SELECT count(*) FROM stage_transitions t
            WHERE t.value_stream_id = s.value_stream_id AND t.to_stage_id = s.id
              AND t.voided_at IS NULL) AS moves
    FROM stages s
    WHERE s.id = ANY (:stage_ids)
    """
)
# The log is rewritten where it names a stage that is merged away; what was recorded stays beside.
_MERGE_MOVES = text(
    """
    UPDATE stage_transitions t
    SET to_stage_id = coalesce(entered.into_id, t.to_stage_id),
        from_stage_id = coalesce(departed.into_id, t.from_stage_id),
        recorded_stage_id = CASE WHEN entered.into_id IS NULL THEN t.recorded_stage_id
                                 ELSE coalesce(t.recorded_stage_id, t.to_stage_id) END
    FROM stage_transitions before
    LEFT JOIN unnest(CAST(:ids AS integer[]), CAST(:into_ids AS integer[]))
           AS entered (id, into_id) ON entered.id = before.to_stage_id
    LEFT JOIN unnest(CAST(:ids AS integer[]), CAST(:into_ids AS integer[]))
           AS departed (id, into_id) ON departed.id = before.from_stage_id
    WHERE t.id = before.id AND before.value_stream_id = :stream_id
      AND (entered.into_id IS NOT NULL OR departed.into_id IS NOT NULL)
    RETURNING t.work_item_id
    """
)
_MERGE_BROKEN_RULES = text(
    """
    UPDATE broken_rules b SET stage_id = merged.into_id
    FROM unnest(CAST(:ids AS integer[]), CAST(:into_ids AS integer[])) AS merged (id, into_id)
    WHERE b.stage_id = merged.id
    """
)
# stages that were merged into this one before point to where it goes, so that one step suffices
_MERGE_STAGES = text(
    """
    UPDATE stages s SET merged_into = merged.into_id
    FROM unnest(CAST(:ids AS integer[]), CAST(:into_ids AS integer[])) AS merged (id, into_id)
    WHERE s.id = merged.id OR s.merged_into = merged.id
    """
)


@dataclass(frozen=True, slots=True)
class StageUse:
    """How many items are in a stage now, and how many moves into it there were."""

    items: int
    moves: int


async def uses(connection: Connection, stage_ids: Sequence[int]) -> Mapping[int, StageUse]:
    """Tell what refers to these stages; void moves do not count."""
    found = await connection.execute(_USES, {"stage_ids": list(stage_ids)})
    return {row.id: StageUse(row.items, row.moves) for row in found}


async def add_stream(connection: Connection, stream: ValueStream) -> int:
    """Store a new stream with its stages; its limits count for all its past. Returns its id."""
    added = await connection.execute(
        insert(value_streams)
        .values(key=stream.key, **_stream_columns(stream))
        .returning(value_streams.c.id)
    )
    stream_id = int(added.scalar_one())
    ids = await _add_stages(connection, stream_id, stream.stages)
    limited = [stage for stage in stream.stages if stage.wip_limit is not None]
    await set_limits(connection, limited, ids, EARLIEST)
    await _allow_moves(connection, stream_id, stream, ids)
    return stream_id


async def set_stream(connection: Connection, stream: ValueStream, wanted: ValueStream) -> None:
    """Store what the stream says of itself, without its stages and its rules about them."""
    await connection.execute(
        update(value_streams)
        .where(value_streams.c.id == stream.id)
        .values(**_stream_columns(wanted))
    )


async def bump_version(connection: Connection, stream: ValueStream) -> None:
    """Give the definitions a new version: what was computed by the old one is out of date."""
    await connection.execute(
        update(value_streams)
        .where(value_streams.c.id == stream.id)
        .values(definitions_version=stream.definitions_version + 1)
    )


async def arrange_stages(
    connection: Connection,
    stream: ValueStream,
    wanted: ValueStream,
    fates: StageFates,
    now: datetime,
) -> dict[str, int]:
    """Store stages and rules about moves; returns the ids of the stages by their names.

    First all are retired, then those that stay come back under their new names and orders: names
    and orders are unique among stages in use, at every moment.
    """
    of_stream = stages.c.value_stream_id == stream.id
    in_use = stages.c.retired_at.is_(None)
    await connection.execute(update(stages).where(of_stream, in_use).values(retired_at=now))
    ids = {new.name: old.id for old, new in fates.kept}
    for old, new in fates.kept:
        await connection.execute(
            update(stages).where(stages.c.id == old.id).values(retired_at=null(), **_columns(new))
        )
    ids |= await _add_stages(connection, stream.id, fates.added)
    await _allow_moves(connection, stream.id, wanted, ids)
    return ids


async def merge(connection: Connection, stream_id: int, into: Mapping[int, int]) -> list[int]:
    """Let everything that names one of these stages mean another one; returns the items touched.

    What each move left and the items' facts have to be derived anew for these.
    """
    merged: dict[str, Any] = {"ids": list(into), "into_ids": list(into.values())}
    await connection.execute(_MERGE_STAGES, merged)
    await connection.execute(_MERGE_BROKEN_RULES, merged)
    touched = await connection.execute(_MERGE_MOVES, {**merged, "stream_id": stream_id})
    return sorted(set(touched.scalars()))


async def item_ids(connection: Connection, stream_id: int) -> AsyncIterator[list[int]]:
    """Return the ids of all items of a stream, in batches."""
    after = 0
    while True:
        query = (
            select(work_items.c.id)
            .where(work_items.c.value_stream_id == stream_id, work_items.c.id > after)
            .order_by(work_items.c.id)
            .limit(BATCH)
        )
        found = list((await connection.execute(query)).scalars())
        if not found:
            return
        yield found
        after = found[-1]


async def set_limits(
    connection: Connection, changed: Sequence[Stage], ids: Mapping[str, int], since: datetime
) -> None:
    """Let limits count from an instant on, whatever was to count later; no limit ends one."""
    for stage in changed:
        of_stage = stage_limits.c.stage_id == ids[stage.name]
        later = stage_limits.c.effective_from >= since
        await connection.execute(delete(stage_limits).where(of_stage, later))
    rows = [
        {"stage_id": ids[stage.name], "effective_from": since, "wip_limit": stage.wip_limit}
        for stage in changed
    ]
    if rows:
        await connection.execute(insert(stage_limits), rows)


async def add_version(
    connection: Connection,
    stream: ValueStream,
    applied_at: datetime,
    effective_from: datetime,
    definition: object,
    changes: object,
) -> None:
    """Note what was applied to a stream, and what it changed."""
    await connection.execute(
        insert(stream_versions).values(
            value_stream_id=stream.id,
            definitions_version=stream.definitions_version,
            applied_at=applied_at,
            effective_from=effective_from,
            definition=definition,
            changes=changes,
        )
    )


async def versions(connection: Connection, key: str) -> Sequence[Row[Any]]:
    """Return what was applied to a stream, newest first; raises UnknownStream."""
    of_key = value_streams.c.key == key
    stream_id = await connection.scalar(select(value_streams.c.id).where(of_key))
    if stream_id is None:
        raise UnknownStream(key)
    columns = stream_versions.c
    query = select(stream_versions).where(columns.value_stream_id == stream_id)
    return (await connection.execute(query.order_by(columns.id.desc()))).all()


def _stream_columns(stream: ValueStream) -> dict[str, Any]:
    level, calendar = stream.service_level, stream.calendar
    return {
        "name": stream.name,
        "description": stream.description,
        "is_default": stream.is_default,
        "time_zone": str(stream.zone_info),
        "move_policy": stream.moves.policy,
        "backward_reason": stream.moves.backward_reason,
        "service_level_percent": level.percent if level else None,
        "service_level_hours": level.hours if level else None,
        "working_time": null() if calendar is None else to_plain(calendar),
    }


def _columns(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "order": stage.order,
        "type": stage.type,
        "category": stage.category,
        "wip_limit": stage.wip_limit,
        "wip_policy": stage.wip_policy,
        "description": stage.description,
    }


async def _add_stages(
    connection: Connection, stream_id: int, added: Sequence[Stage]
) -> dict[str, int]:
    """Store new stages; returns their ids by their names."""
    if not added:
        return {}
    rows = [{"value_stream_id": stream_id, **_columns(stage)} for stage in added]
    statement = insert(stages).values(rows).returning(stages.c.name, stages.c.id)
    return {row.name: row.id for row in await connection.execute(statement)}


async def _allow_moves(
    connection: Connection, stream_id: int, wanted: ValueStream, ids: Mapping[str, int]
) -> None:
    """Store which moves are allowed, and no others."""
    of_stream = allowed_moves.c.value_stream_id == stream_id
    await connection.execute(delete(allowed_moves).where(of_stream))
    pairs = {tuple(ids[wanted.stage(name).name] for name in pair) for pair in wanted.moves.allowed}
    rows = [
        {"value_stream_id": stream_id, "from_stage_id": left, "to_stage_id": entered}
        for left, entered in sorted(pairs)
    ]
    if rows:
        await connection.execute(insert(allowed_moves), rows)
