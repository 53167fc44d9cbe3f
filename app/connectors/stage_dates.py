"""Stage dates as a table: one row for each item, one column for the date it entered each stage.

Start and finish dates alone will do: they are the dates of the first active and first done stage.
"""

from dataclasses import dataclass

from app.connectors import columns, stage_columns
from app.connectors.file_texts import Content
from app.connectors.instants import Instant
from app.connectors.item_types import ItemTypes
from app.connectors.reading import Reading, ReadOptions, Tally, storable_title
from app.connectors.sheet import Row, Sheet
from app.connectors.stage_columns import CANCELLED, CREATED, STATE, Source
from app.connectors.stage_names import StageNames
from app.connectors.tables import Table, read_csv
from app.connectors.texts import bounded, shown
from app.domain.transition import Transition
from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory


def read(content: Content, file: str, stream: ValueStream, options: ReadOptions) -> Reading:
    """Read a CSV file of stage dates; whatever the bytes, problems are told, never raised."""
    reading = Reading()
    table = read_csv(content, file, options.delimiter, reading)
    return _Reader(stream, options, reading).read(table) if table else reading


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item entered a stage, as one of its cells says."""

    source: Source
    instant: Instant


class _Reader:
    """Reads one table into histories."""

    def __init__(self, stream: ValueStream, options: ReadOptions, reading: Reading) -> None:
        self._stream = stream
        self._options = options
        self._reading = reading
        self._tally = Tally()
        self._names = StageNames(stream, options.mapping)
        self._types = ItemTypes(options.types, self._tally)
        self._sources: list[Source] = []
        self._rows: dict[str, Row] = {}

    def read(self, table: Table) -> Reading:
        """Read the table; the reading holds what came of it."""
        sheet = self._sheet(table)
        if sheet is not None:
            for row in sheet.rows():
                history = self._history(sheet, row)
                if history is not None:
                    self._reading.histories.append(history)
        return self._reading.finish(self._tally)

    def _sheet(self, table: Table) -> Sheet | None:
        """Find the columns; None, with problems, when the file or the options cannot be right."""
        sound = self._names.check(table.file, self._reading)
        sound = self._types.check(table.file, self._reading) and sound
        found = stage_columns.resolve(
            table, self._stream, self._names, self._options, self._reading
        )
        if found is None or not sound:
            return None
        self._sources = found.sources
        self._reading.notes += columns.unused(table.header, found.positions.values())
        state = found.positions.pop(STATE.name, None)
        if state is not None:
            self._reading.notes.append(
                f"the column {shown(table.header[state])} tells no history, as it has no dates: "
                "each item stands where its dates put it"
            )
        sheet = Sheet(table, found.positions, self._options, self._reading, self._tally)
        dates = {CREATED.name, CANCELLED.name, *(source.field for source in found.sources)}
        return sheet if sheet.expect_dates(dates & found.positions.keys()) else None

    def _history(self, sheet: Sheet, row: Row) -> ItemHistory | None:
        """Return the item's history; None where the row says nothing, or something wrong."""
        key = sheet.key(row)
        created = sheet.instant(row, CREATED.name)
        entries = self._ordered(sheet, row, self._entries(sheet, row))
        cancelled = sheet.instant(row, CANCELLED.name)
        last = (entries[-1].source.field, entries[-1].instant) if entries else None
        if last is None and created is not None:
            last = (CREATED.name, created)
        if cancelled is not None and last is not None:
            cancelled = self._not_before(sheet, row, last, CANCELLED.name, cancelled)
        if not row.sound or not self._is_news(sheet, row, key):
            return None
        first = created or (entries[0].instant if entries else cancelled)
        if first is None:
            self._reading.skip(sheet.place(row, "key"), "no date in any column")
            return None
        return ItemHistory(
            title=storable_title(row["title"], key, self._tally),
            type=self._types.of(row["type"], key),
            created_at=first.at,
            transitions=tuple(
                Transition(
                    to_stage=entry.source.stage.name,
                    timestamp=entry.instant.at,
                    source_event_id=_event_id(entry),
                )
                for entry in entries
            ),
            key=key,
            source=self._options.source or "csv",
            cancelled_at=cancelled.at if cancelled else None,
            cancel_reason="cancelled date" if cancelled else None,
        )

    def _entries(self, sheet: Sheet, row: Row) -> list[_Entry]:
        """Return the item's entries in stage order, for each stage its earliest."""
        entries: dict[str, _Entry] = {}
        for source in self._sources:
            instant = sheet.instant(row, source.field)
            known = entries.get(source.stage.name)
            if instant and (known is None or instant.at < known.instant.at):
                entries[source.stage.name] = _Entry(source, instant)
        return list(entries.values())

    def _ordered(self, sheet: Sheet, row: Row, entries: list[_Entry]) -> list[_Entry]:
        """Return the entries when each is on or after the one before; others are problems."""
        ordered: list[_Entry] = []
        for entry in entries:
            instant: Instant | None = entry.instant
            if ordered:
                last = (ordered[-1].source.field, ordered[-1].instant)
                instant = self._not_before(sheet, row, last, entry.source.field, entry.instant)
            if instant is not None:
                ordered.append(_Entry(entry.source, instant))
        return ordered

    def _not_before(
        self, sheet: Sheet, row: Row, earlier: tuple[str, Instant], name: str, later: Instant
    ) -> Instant | None:
        """Return `later`, not before `earlier`; a day without time is any time of that day."""
        earlier_name, bound = earlier[0], earlier[1].at
        if later.at >= bound:
            return later
        zone = self._options.tz
        if later.day_only and later.at.astimezone(zone).date() == bound.astimezone(zone).date():
            return Instant(bound, day_only=True)
        sheet.problem(
            row,
            name,
            f"expected a date on or after that of {shown(sheet.header(earlier_name))} "
            f"({row[earlier_name]}), got {shown(row[name])}",
        )
        return None

    def _is_news(self, sheet: Sheet, row: Row, key: str) -> bool:
        """Tell whether no earlier row is this item's; the same row again is skipped."""
        known = self._rows.setdefault(key, row)
        if known is row:
            return True
        if known.cells == row.cells:
            self._reading.skip(sheet.place(row, "key"), "same as an earlier row")
        else:
            message = f"expected one row for each item, got {shown(key)} again (line {known.line})"
            sheet.problem(row, "key", message)
        return False


def _event_id(entry: _Entry) -> str:
    """Return an id that reading the same dates again gives again."""
    return bounded(f"{entry.source.stage.name.casefold()}@{entry.instant.at.isoformat()}")
