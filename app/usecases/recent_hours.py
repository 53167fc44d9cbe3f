"""The newest time first: of a long history that is to be rolled up, the last months come before.

Days are closed in order, since the WIP of one follows from the day before. A long history takes
many minutes, and what people ask about is mostly the end of it. Hours need no order, so those of
the last months are kept before all days, from now backwards.

A change that reaches far back, as an import of years does, makes all since then such a history.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from app.flow.calendar import day_start, hour_start, hours_between, local_day
from app.store import invalidations, kept_parts, rollups
from app.store.database import Connection
from app.store.invalidations import Mark
from app.store.rollups import Kept
from app.store.spans import Piece

LONG = timedelta(days=62)
"""A history of which more is still to be rolled up is worth doing some work twice."""


async def set_back(
    connection: Connection,
    stream_id: int,
    kept: Kept,
    marks: Sequence[Mark],
    tz: tzinfo,
    long: timedelta,
) -> Kept:
    """Keep no more than what lies before a change of which `long` and more has to be counted anew.

    What follows it is read from the log until it is kept again, as it would be without this.
    """
    recent = kept.filled_until - long
    far = [
        mark.from_instant
        for mark in marks
        if mark.from_instant < recent and (mark.through is None or mark.through >= recent)
    ]
    if not far or kept.filled_from == kept.filled_until:
        return kept
    day = local_day(max(kept.filled_from, min(far)), tz)
    await rollups.forget_counts(connection, stream_id, since=day)
    await kept_parts.drop(connection, stream_id, pieces_of(kept.burst_edges))
    return replace(
        kept,
        filled_until=day_start(day, tz),
        hours_from=None,
        hours_until=None,
        burst_edges=(),
    )


def next_hours(
    kept: Kept, since: datetime, settled: datetime, tz: tzinfo, long: timedelta
) -> tuple[datetime, datetime] | None:
    """Return which hours are to be kept next before any further day; None for none.

    Those from `since` on, half of what is `long` at once, the newest first.
    """
    ends = hour_start(settled) if kept.hours_from is None else kept.hours_from
    starts = max(since, hour_start(kept.filled_from), hour_start(ends - long / 2))
    is_behind = local_day(kept.filled_until, tz) + long < local_day(settled, tz)
    return (starts, ends) if is_behind and starts < ends else None


async def keep_hours(
    connection: Connection,
    stream_id: int,
    kept: Kept,
    marks: Sequence[Mark],
    hours: tuple[datetime, datetime],
) -> Kept:
    """Keep the parts of these hours. What the marks tell of them is known from then on.

    Marks in closed days stay: these are still to be counted anew.
    """
    starts, ends = hours
    pieces = [Piece(*each) for each in hours_between(starts, ends)]
    await kept_parts.keep(connection, stream_id, pieces)
    # nothing is kept after the first ones, the newest
    until = None if kept.hours_from is None else ends
    open_marks = [mark for mark in marks if mark.from_instant >= kept.filled_until]
    await invalidations.spare(connection, open_marks, starts, until)
    return replace(kept, hours_from=starts, hours_until=kept.hours_until or ends)


def pieces_of(edges: Sequence[datetime]) -> list[Piece]:
    """Return the adjacent pieces between these edges."""
    return [Piece(*each) for each in pairwise(edges)]
