"""How full stages were: for how long there lay how many items in them.

What is kept of a piece of time, and what is counted of any other, tells this as differences to the
number of items just before. So it holds whatever that number was, and whatever the limits are.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from sqlalchemy import Row

from app.flow.calendar import elapsed_us
from app.flow.runs import Run
from app.store.database import Connection
from app.store.measurements import Selection, planned_once
from app.store.packed import unpack
from app.store.parts import NO_STAGE
from app.store.queries import load_query
from app.store.spans import Cut, Span, cut_by_what_is_kept

_PART_LEVELS, _KEPT_LEVELS = load_query("part_levels"), load_query("kept_levels")


@dataclass(frozen=True, slots=True)
class Profile:
    """What came to a stage less what left it in a piece of time, and how full it was meanwhile.

    `levels` are differences to the number of items just before, ascending; `spent` are the
    microseconds with each of them.
    """

    step: int
    levels: Run
    spent: Run

    @classmethod
    def of(cls, row: Row[Any]) -> "Profile":
        """Read what part_levels.sql packs."""
        return cls(int(row.step), unpack(row.levels), unpack(row.spent))

    def time_with(self, before: int, fewest: int, most: int | None) -> int:
        """Return the microseconds with `fewest` to `most` items, None for any number above."""
        low = bisect_left(self.levels, fewest - before)
        high = len(self.levels) if most is None else bisect_right(self.levels, most - before)
        return sum(self.spent[low:high])


class Courses:
    """How full stages were in several stretches of time, numbered from 0."""

    def __init__(
        self,
        pieces: Mapping[int, Sequence[Span]],
        profiles: Mapping[tuple[int, datetime], Profile],
    ) -> None:
        self._pieces = pieces
        self._profiles = profiles

    def step(self, stretch: int, stage_id: int) -> int:
        """Return what came to a stage less what left it."""
        return sum(self._steps(stretch, stage_id))

    def time_with(
        self, stretch: int, stage_id: int, before: int, fewest: int, most: int | None = None
    ) -> int:
        """Return the microseconds with `fewest` to `most` items in a stage, None: or more.

        `before` is the number of items just before the stretch.
        """
        found = 0
        items = accumulate(self._steps(stretch, stage_id), initial=before)
        for piece, now in zip(self._pieces[stretch], items, strict=False):
            profile = self._profiles.get((stage_id, piece.starts))
            if profile is not None:
                found += profile.time_with(now, fewest, most)
            elif now >= fewest and (most is None or now <= most):
                found += elapsed_us(piece.starts, piece.ends)
        return found

    def _steps(self, stretch: int, stage_id: int) -> Iterable[int]:
        for piece in self._pieces[stretch]:
            profile = self._profiles.get((stage_id, piece.starts))
            yield 0 if profile is None else profile.step


async def courses(
    connection: Connection, selection: Selection, stretches: Sequence[tuple[datetime, datetime]]
) -> Courses:
    """Tell how full stages were in these stretches of time, which ascend and do not overlap.

    Counted are the selected items, however their working time is measured.
    """
    spans = [Span(slot, starts, ends, ends) for slot, (starts, ends) in enumerate(stretches)]
    async with planned_once(connection):
        time, kept = await _kept(connection, selection, spans)
        counted = await _counted(connection, selection, time.counted)
    pieces: defaultdict[int, list[Span]] = defaultdict(list)
    for span in sorted([*time.kept, *time.counted], key=lambda each: each.starts):
        pieces[span.slot].append(span)
    return Courses(pieces, kept | counted)


Profiles = dict[tuple[int, datetime], Profile]


async def _kept(
    connection: Connection, selection: Selection, spans: Sequence[Span]
) -> tuple[Cut, Profiles]:
    """Return what is kept of the spans; what a version before kept without levels is counted."""
    types = selection.parameters["types"]
    if isinstance(types, list) and len(types) != 1:
        return Cut([], spans), {}  # kept is how full stages were of one type, or of all
    time = await cut_by_what_is_kept(connection, selection.stream_id, spans)
    if not time.kept:
        return time, {}
    asked = {
        "stream_id": selection.stream_id,
        "starts": [each.starts for each in time.kept],
        "ends": [each.ends for each in time.kept],
        "type": types[0] if isinstance(types, list) else "",
    }
    rows = await _KEPT_LEVELS.rows(connection, asked)
    looked_at = {row.starts for row in rows if row.stage_id == NO_STAGE}
    known = [each for each in time.kept if each.starts in looked_at]
    unknown = [each for each in time.kept if each.starts not in looked_at]
    found = {(row.stage_id, row.starts): Profile.of(row) for row in rows if row.stage_id}
    return Cut(known, [*time.counted, *unknown], time.version), found


async def _counted(connection: Connection, selection: Selection, spans: Sequence[Span]) -> Profiles:
    if not spans:
        return {}
    asked = {
        "stream_id": selection.stream_id,
        "types": selection.parameters["types"],
        "starts": [each.starts for each in spans],
        "ends": [each.ends for each in spans],
        "by_type": False,
    }
    rows = await _PART_LEVELS.rows(connection, asked)
    return {
        (row.stage_id, spans[row.span - 1].starts): Profile.of(row) for row in rows if row.stage_id
    }
