"""Both ways to read a stretch of time: what is kept of it, and what the log says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Row, TextClause

from app.flow.calendar import Window, elapsed_us
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.spans import Cut, cut_by_what_is_kept, time_since


@dataclass(frozen=True, slots=True)
class Cutting:
    """One way to cut time, and its rows: of what is kept, and counted from the log."""

    connection: Connection
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
        return cls(connection, selection.window, {**asked, "by_type": by_type}, found)

    def inside(self) -> Self:
        """Return the same for the window alone."""
        return replace(self, cut=self.cut.inside())

    async def placed(
        self, counted: TextClause, kept: TextClause, **asked: object
    ) -> list[tuple[int, int, Row[Any]]]:
        """Return the rows with their slot, and how far before the end of it theirs lies."""
        counted_rows, kept_rows = await self._counted(counted), await self._kept(kept, asked)
        spans = self.cut.counted
        lies = [elapsed_us(span.ends, span.until) for span in spans]
        return [
            *((spans[row.span - 1].slot, lies[row.span - 1], row) for row in counted_rows),
            *((row.slot, 0, row) for row in kept_rows),
        ]

    async def rows(self, counted: TextClause, kept: TextClause) -> list[Row[Any]]:
        """Return the rows of both."""
        return [*await self._counted(counted), *await self._kept(kept, {})]

    async def _counted(self, query: TextClause) -> Sequence[Row[Any]]:
        spans = self.cut.counted
        if not spans:
            return []
        edges = {"starts": [s.starts for s in spans], "ends": [s.ends for s in spans]}
        return (await self.connection.execute(query, {**self.asked, **edges})).all()

    async def _kept(self, query: TextClause, asked: Mapping[str, object]) -> Sequence[Row[Any]]:
        pieces = self.cut.kept
        if not pieces:
            return []
        edges = {
            "starts": [each.starts for each in pieces],
            "ends": [each.ends for each in pieces],
            "slots": [each.slot for each in pieces],
            "untils": [each.until for each in pieces],
        }
        return (await self.connection.execute(query, {**self.asked, **asked, **edges})).all()
