"""Both ways to read a stretch of time: what is kept of it, and what the log says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, Self, TypeVar

from app.flow.calendar import Window, elapsed_us
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.memory import Key, Kind, memory_of
from app.store.queries import Query, Row
from app.store.spans import Cut, cut_by_what_is_kept, time_since
from app.store.turns import Turns


class Slotted(Protocol):
    """A part of the time, which says in which slot it lies."""

    @property
    def slot(self) -> int: ...  # noqa: D102


P = TypeVar("P", bound=Slotted)
T = TypeVar("T")
PartOf = Callable[[Row, int], P]
"""Makes a part of a row and the number of its slot."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """One way to cut time, and its rows: of what is kept, and counted from the log."""

    connection: Connection
    turns: Turns
    stream_id: int
    window: Window
    asked: Mapping[str, object]
    cut: Cut

    @classmethod
    async def of(
        cls,
        connection: Connection,
        selection: Selection,
        edges: Sequence[datetime] = (),
        *,
        by_type: bool = True,
    ) -> Self:
        """Cut all time since the selection's window began; in it, also at the edges of buckets."""
        asked = {name: selection.parameters[name] for name in ("stream_id", "types", "calendar")}
        time = time_since(selection.window, edges)
        # what is kept is elapsed time
        is_kept = selection.calendar is None
        found = (
            await cut_by_what_is_kept(connection, selection.stream_id, time)
            if is_kept
            else Cut([], time)
        )
        return cls(
            connection,
            Turns(connection),
            selection.stream_id,
            selection.window,
            {**asked, "by_type": by_type},
            found,
        )

    def inside(self) -> Self:
        """Return the same for the window alone."""
        return replace(self, cut=self.cut.inside())

    async def placed(self, counted: Query, kept: Query) -> list[tuple[int, Row]]:
        """Return the rows with their slot."""
        spans = self.cut.counted
        return [
            *((spans[row.span - 1].slot, row) for row in await self.counted(counted)),
            *((row.slot, row) for row in await self._kept(kept, {})),
        ]

    async def rows(self, counted: Query, kept: Query) -> list[Row]:
        """Return the rows of both."""
        return [*await self.counted(counted), *await self._kept(kept, {})]

    async def counted_parts(self, query: Query, part: PartOf[P]) -> list[tuple[int, P]]:
        """Return what is counted, with the microseconds from its span's end to its slot's."""
        spans = self.cut.counted
        lies = [elapsed_us(span.ends, span.until) for span in spans]
        return [
            (lies[row.span - 1], part(row, spans[row.span - 1].slot))
            for row in await self.counted(query)
        ]

    async def kept_parts(
        self, query: Query, part: PartOf[P], kind: Kind[list[P]], **asked: object
    ) -> list[tuple[int, P]]:
        """Return what is kept, with the microseconds from where it reaches to its slot's end."""

        def placed(row: Row) -> P:
            return part(row, row.slot)

        reached, untils = self._reached(), {each.slot: each.until for each in self.cut.kept}
        lies = {slot: elapsed_us(reached[slot], until) for slot, until in untils.items()}
        return [
            (lies[each.slot], each) for each in await self.remembered(query, placed, kind, **asked)
        ]

    async def remembered(
        self, query: Query, part: Callable[[Row], T], kind: Kind[list[T]], **asked: object
    ) -> list[T]:
        """Return what is kept, remembered from the time before if that was asked for then.

        A window's closed time is the same until another hour is closed.
        """
        memory = memory_of(self.connection)
        key = self._question(query, asked)
        parts = memory.recall(key, kind)
        if parts is None:
            parts = [part(row) for row in await self._kept(query, asked)]
            memory.remember(key, parts, kind)
        return parts

    def _reached(self) -> dict[int, datetime]:
        """Return where the last kept piece of each slot ends."""
        found: dict[int, datetime] = {}
        for each in self.cut.kept:
            found[each.slot] = max(found.get(each.slot, each.ends), each.ends)
        return found

    def _question(self, query: Query, asked: Mapping[str, object]) -> Key:
        """Return what tells one question about kept pieces from another one."""
        given = {**self.asked, **asked}
        values = (tuple(each) if isinstance(each, list) else each for each in given.values())
        pieces = ((each.slot, each.starts, each.ends) for each in self.cut.kept)
        return Key(self.stream_id, self.cut.version, (query.name, *values, *pieces))

    async def counted(self, query: Query) -> list[Row]:
        """Return the rows of what has to be counted."""
        spans = self.cut.counted
        if not spans:
            return []
        edges = {"starts": [s.starts for s in spans], "ends": [s.ends for s in spans]}
        return await self.turns.rows(query, {**self.asked, **edges})

    async def _kept(self, query: Query, asked: Mapping[str, object]) -> list[Row]:
        pieces = self.cut.kept
        if not pieces:
            return []
        reached = self._reached()
        edges = {
            "starts": [each.starts for each in pieces],
            "ends": [each.ends for each in pieces],
            "slots": [each.slot for each in pieces],
            "untils": [reached[each.slot] for each in pieces],
        }
        return await self.turns.rows(query, {**self.asked, **asked, **edges})
