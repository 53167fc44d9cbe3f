"""How the time that an answer rests on is cut: into closed days that are kept, and the rest.

Whatever flows adds up: what was moved on Monday plus what was moved on Tuesday is what was moved on
both. So a window is the closed days within it, whose parts are kept, and the spans between them,
which are counted from the log: mostly the two ends, and days in which something has been changed
since. States, such as WIP, are today's less what has flowed since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum

from app.flow.calendar import MICROSECOND, Window
from app.store.database import Connection
from app.store.queries import load_query

_KEPT_DAYS = load_query("kept_days")
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)


class Phase(IntEnum):
    """What a span of time counts for."""

    INSIDE = 0  # in the window
    AFTER = 1  # after the window, up to its `as_of`
    LATER = 2  # not known yet at `as_of`


@dataclass(frozen=True, slots=True)
class Day:
    """A closed local day whose parts are kept."""

    date: date
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time to be counted from the log, `[starts, ends)`."""

    phase: Phase
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Cut:
    """All time since a window's start: the kept days, each with its phase, and the other spans."""

    days: Sequence[tuple[Phase, Day]]
    spans: Sequence[Span]

    def inside(self) -> "Cut":
        """Return what lies in the window."""
        return Cut(
            [(phase, day) for phase, day in self.days if phase is Phase.INSIDE],
            [span for span in self.spans if span.phase is Phase.INSIDE],
        )


async def kept_days(connection: Connection, stream_id: int, starts: datetime) -> list[Day]:
    """Return the closed days since an instant whose kept parts hold."""
    asked = {"stream_id": stream_id, "starts": starts}
    return [Day(*row) for row in await connection.execute(_KEPT_DAYS, asked)]


def cut(window: Window, days: Iterable[Day]) -> Cut:
    """Cut all time since the window's start; `days` ascending. A day belongs to one phase whole."""
    known = window.as_of + MICROSECOND
    phases = [
        Span(Phase.INSIDE, window.start, window.end),
        Span(Phase.AFTER, window.end, max(window.end, known)),
        Span(Phase.LATER, max(window.end, known), _NEVER),
    ]
    ascending = list(days)
    kept: list[tuple[Phase, Day]] = []
    spans: list[Span] = []
    for phase in phases:
        since = phase.starts
        for day in ascending:
            if phase.starts <= day.starts and day.ends <= phase.ends:
                kept.append((phase.phase, day))
                spans += _unless_empty(phase.phase, since, day.starts)
                since = day.ends
        spans += _unless_empty(phase.phase, since, phase.ends)
    return Cut(kept, spans)


def _unless_empty(phase: Phase, starts: datetime, ends: datetime) -> list[Span]:
    return [Span(phase, starts, ends)] if starts < ends else []
