"""A table whose columns are known: cells by field, instants, titles, and where each stands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.connectors.instants import (
    DayOrder,
    Instant,
    Instants,
    NotAnInstantError,
    day_orders,
)
from app.connectors.reading import Reading, ReadOptions, Tally
from app.connectors.tables import Table
from app.connectors.texts import MAX_KEY
from app.domain.errors import Place


@dataclass(slots=True)
class Row:
    """One record: its line, its cells by field, and whether nothing is wrong with it so far."""

    line: int
    cells: dict[str, str]
    sound: bool = True

    def __getitem__(self, name: str) -> str:
        """Return a field's cell, '' when there is no such column."""
        return self.cells.get(name, "")


class Sheet:
    """The rows of a table under known columns. Every wrong cell becomes a problem, once."""

    def __init__(
        self,
        table: Table,
        positions: Mapping[str, int],
        options: ReadOptions,
        reading: Reading,
        tally: Tally,
    ) -> None:
        self._table = table
        self._positions = positions
        self._reading = reading
        self._instants = Instants(options, tally)
        reading.columns.update({name: table.header[at] for name, at in positions.items()})
        self._orders: dict[str, DayOrder] = {}

    def rows(self) -> Iterator[Row]:
        """Yield each sound record, in the file's order; others are told."""
        names, found = list(self._positions), False
        positions = list(self._positions.values())
        for line, cells in self._table.select(positions, self._reading):
            found = True
            yield Row(line, dict(zip(names, cells, strict=True)))
        if not found and not self._reading.problems:
            self._reading.notes.append("the file has a header and no rows")

    def expect_dates(self, names: Iterable[str]) -> bool:
        """Settle how the dates of these fields are written; False, with a problem, if it cannot."""
        if message := self._instants.check:
            self._reading.problem(Place(self._table.file, field="date_format"), message)
            return False
        if self._instants.needs_order:
            dated = {name: self._positions[name] for name in names if name in self._positions}
            self._orders, notes = day_orders({name: self._texts(at) for name, at in dated.items()})
            self._reading.notes.extend(notes)
        return True

    def _texts(self, position: int) -> Iterator[str]:
        """Yield one column's cells; what is wrong is told when the rows are read."""
        return (cells[0] for _, cells in self._table.select([position], Reading()))

    def place(self, row: Row, name: str) -> Place:
        """Return where a field of this row stands; its column is 0 when the file has none."""
        return self.place_in(row.line, name)

    def place_in(self, line: int, name: str) -> Place:
        """Return where a field of the row that starts at this line stands."""
        at = self._positions.get(name)
        if at is None:
            return Place(self._table.file, line, 0, name)
        return self._table.place(line, at, self.header(name))

    def header(self, name: str) -> str:
        """Return the header that a field goes by in this file."""
        return self._table.header[self._positions[name]]

    def problem(self, row: Row, name: str, message: str) -> None:
        """Tell what is wrong with a cell; the row is not sound any more."""
        row.sound = False
        self._reading.problem(self.place(row, name), message)

    def instant(self, row: Row, name: str) -> Instant | None:
        """Return the instant in a cell; None for an empty one, and, with a problem, a wrong one."""
        text = row[name]
        if not text:
            return None
        try:
            return self._instants.read(text, self._orders.get(name), place=f"line {row.line}")
        except NotAnInstantError as error:
            self.problem(row, name, str(error))
            return None

    def key(self, row: Row) -> str:
        """Return the item's key; '' with a problem when there is none that can be."""
        key = row["key"]
        if not key:
            self.problem(row, "key", "expected an item key, got an empty cell")
        elif len(key) > MAX_KEY:
            message = f"expected an item key of at most {MAX_KEY} characters, got {len(key)}"
            self.problem(row, "key", message)
        return key if row.sound else ""
