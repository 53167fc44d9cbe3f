"""How full a stage is, for someone who is about to enter it."""

from dataclasses import dataclass, replace

from sqlalchemy import func, select

from app.domain.value_stream import Stage, WipPolicy
from app.store.database import Connection
from app.store.tables import stages, work_items


@dataclass(frozen=True, slots=True)
class StageLoad:
    """A stage with the limit it has at this moment, and the live items in it beside one's own."""

    stage: Stage
    others: int


async def reserve(connection: Connection, stream_id: int, stage: Stage, item_id: int) -> StageLoad:
    """Keep others from entering the stage by its rules until the transaction ends, and count.

    Whoever enters takes turns here, after the item's own row: always item, then stage, so that two
    who cross cannot wait for each other. Who leaves does not wait; until that is committed, the
    item still counts.
    """
    limits = (
        select(stages.c.wip_limit, stages.c.wip_policy)
        .where(stages.c.id == stage.id)
        .with_for_update(key_share=True)
    )
    wip_limit, wip_policy = (await connection.execute(limits)).one()
    # a statement of its own: one that waited for the lock still sees what was before
    items = select(func.count()).where(
        work_items.c.value_stream_id == stream_id,
        work_items.c.current_stage_id == stage.id,
        work_items.c.cancelled_at.is_(None),
        work_items.c.id != item_id,
    )
    others = (await connection.execute(items)).scalar_one()
    current = replace(stage, wip_limit=wip_limit, wip_policy=WipPolicy(wip_policy))
    return StageLoad(current, others)
