"""Which writes may go by the shared statements; what is not plain goes the long way.

Plain is what happens now, to an item that is free, where no rule speaks about it. The statements
find out the rest: `store/sql/move_items.sql` and `create_items.sql`. Whatever they leave alone is
decided, refused or done by `move` and `create`, which know every case.
"""

from app.domain.transition import Moved
from app.store.idempotency import Keyed
from app.store.plain_items import Entered, PlainItem
from app.store.plain_moves import PlainMove
from app.usecases.create import Creation, source_of
from app.usecases.move import Expectation, Move


def plain_move(
    item_id: int, asked: Move, expected: Expectation, keyed: Keyed[Moved] | None
) -> PlainMove | None:
    """Return the row for a move; None for one that has to go the long way."""
    versions = expected.versions
    if asked.source_event_id is not None or (versions is not None and len(versions) != 1):
        return None
    return PlainMove(
        item_id=item_id,
        to_stage=asked.to_stage,
        instant=asked.timestamp,
        reason=asked.reason,
        actor_kind=asked.actor_kind,
        version_then=None if versions is None else next(iter(versions)),
        stage_then=expected.stage,
        keyed=keyed,
    )


def plain_item(creation: Creation, keyed: Keyed[Entered] | None) -> PlainItem | None:
    """Return the row for a new item; None for one that has to go the long way."""
    if creation.timestamp is not None:
        return None
    return PlainItem(
        title=creation.title,
        type=creation.type,
        stage=creation.stage,
        stream=creation.stream,
        source=source_of(creation),
        external_key=creation.external_key,
        reason=creation.reason,
        actor_kind=creation.actor_kind,
        keyed=keyed,
    )
