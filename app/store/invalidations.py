"""What has changed in time that is already rolled up: left by the writers, taken by the roll-up.

A change of an item at an instant can touch the numbers of any period from that instant to the
item's last event: WIP in between, its first finish, the durations that end there. It touches
nothing before the instant, and nothing of other items. So a mark is a span of time: from the
changed instant to the item's last event, or without an end when the change is at the item's end,
because then its state differs ever since.

What happened a moment ago needs no mark: time is closed only `GRACE` later, and after every
transaction that was under way has ended. That keeps live moves free of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, text

from app.flow.calendar import MICROSECOND
from app.store.database import Connection
from app.store.tables import rollup_invalidations as marks

GRACE = timedelta(seconds=10)
"""How late an event may be told without leaving a mark."""

_MARGIN = timedelta(seconds=5)
"""For the clock of another server, which becomes the primary."""

# A transaction writes no unmarked event earlier than its own beginning less GRACE. So what lies
# before the oldest one's beginning less GRACE is either seen from now on, or will be marked.
_OLDEST_TRANSACTION = text(
    """
    SELECT least(clock_timestamp(), min(xact_start))
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      -- a vacuum takes long and tells of no events
      AND backend_type = 'client backend'
    """
)

_SHORTEN = text(
    "UPDATE rollup_invalidations SET from_instant = :until "
    "WHERE id = ANY (:ids) AND from_instant < :until"
)


_END_BEFORE = text(
    "UPDATE rollup_invalidations SET through_instant = :through "
    "WHERE id = ANY (:ids) AND (through_instant IS NULL OR through_instant > :through)"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One span of time whose numbers have to be computed again; no end means until now."""

    id: int
    from_instant: datetime
    through: datetime | None

    def touches(self, starts: datetime, ends: datetime) -> bool:
        """Tell whether a stretch of time, `[starts, ends)`, has to be computed again."""
        return self.from_instant < ends and (self.through is None or self.through >= starts)


async def invalidate(
    connection: Connection,
    stream_id: int,
    changed: datetime,
    now: datetime,
    through: datetime | None = None,
) -> None:
    """Tell that an item was changed at an instant, in effect through another one or ever since.

    In the transaction of the change itself. Does nothing for what has just happened.
    """
    if changed < now - GRACE:
        end = None if through is None else max(through, changed)
        await connection.execute(
            insert(marks).values(
                value_stream_id=stream_id, from_instant=changed, through_instant=end
            )
        )


async def settled(connection: Connection) -> datetime:
    """Return an instant before which nothing can change any more without leaving a mark.

    To be read before the data are. The sessions of other database users do not show when their
    transactions began, so whoever writes as another user has to run `vsm rebuild`.
    """
    oldest: datetime = (await connection.execute(_OLDEST_TRANSACTION)).scalar_one()
    return oldest - GRACE - _MARGIN


async def pending(connection: Connection, stream_id: int) -> list[Mark]:
    """Return the marks of a stream that are committed."""
    columns = marks.c
    query = select(columns.id, columns.from_instant, columns.through_instant).where(
        columns.value_stream_id == stream_id
    )
    return [Mark(*row) for row in await connection.execute(query)]


async def consume(connection: Connection, seen: Sequence[Mark], until: datetime) -> list[Mark]:
    """Take these marks away as far as they lie before an instant; returns what is left of them."""
    over = [mark for mark in seen if mark.through is not None and mark.through < until]
    await forget(connection, over)
    left = [mark for mark in seen if mark not in over]
    await connection.execute(_SHORTEN, {"ids": [mark.id for mark in left], "until": until})
    return [replace(mark, from_instant=max(mark.from_instant, until)) for mark in left]


async def spare(
    connection: Connection, seen: Sequence[Mark], since: datetime, until: datetime | None
) -> None:
    """Let marks end before an instant: what is kept of the time from there on knows of them.

    But not those that reach as far as `until`, from when on more had been kept before.
    """
    within = [m for m in seen if until is None or (m.through is not None and m.through < until)]
    over = [mark for mark in within if mark.from_instant >= since]
    await forget(connection, over)
    left = [mark.id for mark in within if mark not in over]
    await connection.execute(_END_BEFORE, {"ids": left, "through": since - MICROSECOND})


async def forget(connection: Connection, seen: Sequence[Mark]) -> None:
    """Take marks away altogether."""
    if seen:
        await connection.execute(delete(marks).where(marks.c.id.in_([mark.id for mark in seen])))
