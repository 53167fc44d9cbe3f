"""How the time that an answer rests on is cut: into pieces that are kept, and the rest.

Whatever flows adds up: what was moved on Monday plus what was moved on Tuesday is what was moved on
both. So a window is the closed days within it, and the closed hours where no whole day fits, whose
parts are kept; the spans between them are counted from the log: mostly less than an hour at either
end, and time in which something has been changed since. States, such as WIP, are today's less what
has flowed since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import pairwise

from app.flow.calendar import MICROSECOND, Window
from app.store.database import Connection
from app.store.queries import load_query

_KEPT_DAYS = load_query("kept_days")
_KEPT_HOURS = load_query("kept_hours")
_EVER_AFTER = timedelta(days=200 * 365)
"""Beyond all that has happened, and short enough for the database to tell it to the microsecond."""


class Phase(IntEnum):
    """What a span of time counts for."""

    INSIDE = 0  # in the window
    AFTER = -1  # after the window, up to its `as_of`
    LATER = -2  # not known yet at `as_of`


@dataclass(frozen=True, slots=True)
class Piece:
    """A closed local day, or a closed hour or shorter time, whose parts are kept.

    `version` is that of all that is kept.
    """

    starts: datetime
    ends: datetime
    version: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, `[starts, ends)`, and what it counts for.

    `slot` is the number of the window's bucket that it lies in, from 0, or the phase after it.
    `until` is where that bucket or phase ends; of the last one, where it begins.
    """

    slot: int
    starts: datetime
    ends: datetime
    until: datetime

    @property
    def phase(self) -> Phase:
        """What it counts for."""
        return phase_of(self.slot)


@dataclass(frozen=True, slots=True)
class Cut:
    """All time since a window's start: what is kept, and what has to be counted.

    `version` is another one whenever anything is kept anew.
    """

    kept: Sequence[Span]
    counted: Sequence[Span]
    version: str = ""

    def inside(self) -> "Cut":
        """Return what lies in the window."""
        return replace(
            self,
            kept=[each for each in self.kept if each.slot >= 0],
            counted=[each for each in self.counted if each.slot >= 0],
        )


def phase_of(slot: int) -> Phase:
    """Tell what the bucket or phase of this number counts for."""
    return Phase.INSIDE if slot >= 0 else Phase(slot)


def time_since(window: Window, edges: Sequence[datetime] = ()) -> list[Span]:
    """Return all time since the window's start; in the window, cut where its buckets begin.

    `edges` are the window's start, where each further bucket begins, and its end.
    """
    known = max(window.end, window.as_of + MICROSECOND)
    buckets = pairwise(edges or (window.start, window.end))
    spans = [
        *(Span(slot, starts, ends, ends) for slot, (starts, ends) in enumerate(buckets)),
        Span(Phase.AFTER, window.end, known, known),
        Span(Phase.LATER, known, known + _EVER_AFTER, known),
    ]
    return [each for each in spans if each.starts < each.ends]


def cut(spans: Iterable[Span], pieces: Sequence[Piece]) -> Cut:
    """Cut adjacent or distant spans, ascending, into the pieces that lie in one of them whole.

    The pieces ascend and do not overlap.
    """
    kept: list[Span] = []
    counted: list[Span] = []
    waiting = iter(pieces)
    piece = next(waiting, None)
    for span in spans:
        since = span.starts
        while piece is not None and piece.starts < span.ends:
            if span.starts <= piece.starts and piece.ends <= span.ends:
                kept.append(Span(span.slot, piece.starts, piece.ends, span.until))
                counted += _unless_empty(span, since, piece.starts)
                since = piece.ends
            elif piece.ends > span.ends:
                break  # it reaches into the next span
            piece = next(waiting, None)
        counted += _unless_empty(span, since, span.ends)
    return Cut(kept, counted, pieces[0].version if pieces else "")


async def cut_by_what_is_kept(connection: Connection, stream_id: int, spans: Sequence[Span]) -> Cut:
    """Cut spans into the stream's closed days, then hours, whose kept parts hold, and the rest."""
    days = cut(spans, await kept_days(connection, stream_id, spans[0].starts))
    hours = cut(days.counted, await kept_hours(connection, stream_id, days.counted))
    # one and the same, in one snapshot
    version = "/".join(sorted({days.version, hours.version} - {""}))
    return Cut([*days.kept, *hours.kept], hours.counted, version)


async def kept_days(connection: Connection, stream_id: int, starts: datetime) -> list[Piece]:
    """Return the closed days since an instant whose kept parts hold."""
    asked = {"stream_id": stream_id, "starts": starts}
    return [Piece(*row) for row in await _KEPT_DAYS.rows(connection, asked)]


async def kept_hours(connection: Connection, stream_id: int, spans: Sequence[Span]) -> list[Piece]:
    """Return the closed hours within the spans whose kept parts hold."""
    asked = {
        "stream_id": stream_id,
        "starts": [each.starts for each in spans],
        "ends": [each.ends for each in spans],
    }
    return [Piece(*row) for row in await _KEPT_HOURS.rows(connection, asked)]


def _unless_empty(span: Span, starts: datetime, ends: datetime) -> list[Span]:
    return [Span(span.slot, starts, ends, span.until)] if starts < ends else []
