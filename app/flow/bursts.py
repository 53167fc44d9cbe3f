"""Where the time since the last closed hour is cut when much has happened in it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.flow.calendar import hour_start, utc

SLOT = timedelta(minutes=5)
"""Pieces are joined to ones of about this length when time has gone on."""


def slot_start(instant: datetime) -> datetime:
    """Return where the five minutes of the clock began that hold the instant."""
    at = utc(instant)
    return hour_start(at) + (at - hour_start(at)) // SLOT * SLOT


def grown(edges: Sequence[datetime], until: datetime) -> list[datetime]:
    """Return the edges of adjacent pieces, from the first of these edges on, grown to an instant.

    No piece reaches over the start of an hour. Within the last five minutes the pieces stay as
    they are; those of the minutes before are joined, so that there are never many of them.

    >>> at = lambda minute, second=0: datetime(2026, 1, 5, 9, minute, second)
    >>> [f"{each:%M:%S}" for each in grown([at(0)], at(17, 20))]
    ['00:00', '15:00', '17:20']
    >>> [f"{each:%M:%S}" for each in grown([at(0), at(15), at(17, 20)], at(19, 59))]
    ['00:00', '15:00', '17:20', '19:59']
    >>> [f"{each:%M:%S}" for each in grown([at(0), at(15), at(17, 20)], at(20, 5))]
    ['00:00', '15:00', '20:00', '20:05']
    """
    slot = slot_start(until)
    hours = []
    hour = hour_start(edges[0]) + timedelta(hours=1)
    while hour < until:
        hours.append(hour)
        hour += timedelta(hours=1)
    lasting = [each for each in edges if each >= slot or each == slot_start(each)]
    found = {*lasting, *hours, slot, until}
    return sorted(each for each in found if edges[0] <= each <= until)
