"""The newest time first: of a long history that is to be rolled up, the last months come before.

Days are closed in order, since the WIP of one follows from the day before. A long history takes
many minutes, and what people ask about is mostly the end of it. Hours need no order, so those of
the last months are kept before all days, from now backwards.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from app.flow.calendar import hour_start, hours_between, local_day
from app.store import invalidations, kept_parts
from app.store.database import Connection
from app.store.invalidations import Mark
from app.store.rollups import Kept
from app.store.spans import Piece

LONG = timedelta(days=62)
"""A history of which more is still to be rolled up is worth doing some work twice."""


def next_hours(
    kept: Kept, since: datetime, settled: datetime, tz: tzinfo, long: timedelta
) -> tuple[datetime, datetime] | None:
    """Return which hours are to be kept next before any further day; None for none.

    Those from `since` on, half of what is `long` at once, the newest first.
    """
    ends = hour_start(settled) if kept.hours_from is None else kept.hours_from
    starts = max(since, hour_start(kept.filled_until), hour_start(ends - long / 2))
    is_behind = local_day(kept.filled_until, tz) + long < local_day(settled, tz)
    are_ahead = kept.hours_from is None or kept.hours_from > kept.filled_until
    return (starts, ends) if is_behind and are_ahead and starts < ends else None


async def keep_hours(
    connection: Connection,
    stream_id: int,
    kept: Kept,
    marks: Sequence[Mark],
    hours: tuple[datetime, datetime],
) -> Kept:
    """Keep the parts of these hours. What the marks tell of them is known from then on."""
    starts, ends = hours
    pieces = [Piece(*each) for each in hours_between(starts, ends)]
    await kept_parts.keep(connection, stream_id, pieces)
    # nothing is kept after the first ones, the newest
    until = None if kept.hours_from is None else ends
    await invalidations.spare(connection, marks, starts, until)
    return replace(kept, hours_from=starts, hours_until=kept.hours_until or ends)
