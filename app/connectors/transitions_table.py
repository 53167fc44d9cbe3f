"""Transitions as a table: one row for each move, as CSV or as JSON Lines."""

from collections.abc import Iterator, Mapping, Sequence

from app.connectors import columns
from app.connectors.columns import KEY, TITLE, TYPE, Field
from app.connectors.file_texts import Content
from app.connectors.instants import EXPECTED
from app.connectors.item_rows import ItemRows, Told
from app.connectors.item_types import ItemTypes
from app.connectors.reading import Reading, ReadOptions, Tally
from app.connectors.sheet import Row, Sheet
from app.connectors.stage_names import StageNames
from app.connectors.tables import Table, read_json_lines
from app.connectors.tables import read_csv as read_csv_table
from app.connectors.texts import MAX_KEY, normal, shown
from app.domain.errors import Place
from app.domain.value_stream import ValueStream

FIELDS = (
    KEY,
    TITLE,
    TYPE,
    Field(
        "to_stage",
        (
            *("to stage", "to", "stage", "status", "original to value", "to status", "to state"),
            *("to string", "new status", "new state", "new stage", "new value", "to value"),
            *("state", "column", "stage name"),
        ),
        required=True,
    ),
    Field(
        "timestamp",
        (
            *("timestamp", "date", "changed at", "created date", "transitioned at", "moved at"),
            *("occurred at", "entered at", "entered", "changed", "change date", "changed date"),
            *("transition date", "datetime", "date time", "time", "at", "when", "created at"),
        ),
        required=True,
    ),
    Field("created", ("created", "created at", "item created", "creation date", "created date")),
    Field(
        "from_stage",
        (
            *("from stage", "from", "original from value", "from status", "from state"),
            *("from string", "old status", "old state", "old stage", "old value", "from value"),
            *("previous status", "previous state", "previous stage"),
        ),
    ),
    Field("event_id", ("event id", "source event id", "changelog id", "change id", "history id")),
    Field("reason", ("reason", "comment")),
    Field("cancelled", ("cancelled", "canceled", "cancelled at", "canceled at", "cancelled date")),
    Field("field_name", ("field name", "field")),
)
NAMES = tuple(each.name for each in FIELDS)
_STATUS_FIELDS = frozenset({"status", "state", "stage"})
_YES = frozenset({"yes", "true", "1", "y", "x"})
_NO = frozenset({"no", "false", "0", "n"})


def read_csv(content: Content, file: str, stream: ValueStream, options: ReadOptions) -> Reading:
    """Read a CSV file of transitions; whatever the bytes, problems are told, never raised."""
    return _in_memory(open_csv(content, file, stream, options))


def read_jsonl(content: Content, file: str, stream: ValueStream, options: ReadOptions) -> Reading:
    """Read JSON Lines of transitions, an object for each; problems are told, never raised."""
    return _in_memory(open_jsonl(content, file, stream, options))


def open_csv(
    content: Content, file: str, stream: ValueStream, options: ReadOptions
) -> "TransitionsTable":
    """Find the columns of a CSV file of transitions, whose rows are read afterwards."""
    reading = Reading()
    table = read_csv_table(content, file, options.delimiter, reading)
    return TransitionsTable(table, stream, options, reading, "csv")


def open_jsonl(
    content: Content, file: str, stream: ValueStream, options: ReadOptions
) -> "TransitionsTable":
    """Find the keys of JSON Lines of transitions, which are read afterwards."""
    reading = Reading()
    table = read_json_lines(content, file, reading)
    return TransitionsTable(table, stream, options, reading, "jsonl")


def find_columns(
    header: Sequence[str], stated: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """Return each field's column, and what is wrong; some headers mean more beside others."""
    positions, problems = columns.find(header, FIELDS, stated)

    def guessed(name: str, *headers: str) -> bool:
        at = None if name in stated else positions.get(name)
        return at is not None and normal(header[at]) in headers

    if "field_name" in positions:  # a changelog of all fields: its rows are changes
        free = [at for at, text in enumerate(header) if normal(text) == "id"]
        if len(free) == 1 and "event_id" not in positions and free[0] not in positions.values():
            positions["event_id"] = free[0]
        if guessed("created", "createdat", "createddate"):
            del positions["created"]
    elif (
        "from_stage" not in positions
        and guessed("to_stage", *_STATUS_FIELDS)
        and guessed("timestamp", "createdat", "createddate")
    ):
        # an item's state beside its creation: the state was not entered then
        del positions["timestamp"]
    problems += columns.unknown(stated, NAMES) + columns.missing(FIELDS, positions, header)
    return positions, problems


class TransitionsTable:
    """Reads one table: its rows first, then, once these are put in order by item, its histories.

    `lines` says about how many lines there are, for those who wait; None when nobody knows.
    """

    def __init__(
        self,
        table: Table | None,
        stream: ValueStream,
        options: ReadOptions,
        reading: Reading,
        source: str,
    ) -> None:
        self.reading = reading
        self._tally = Tally()
        self._options = options
        self._source = options.source or source
        self._names = StageNames(stream, options.mapping)
        self.lines = table.text.ends if table is not None else None
        self._sheet = self._find_sheet(table) if table is not None else None

    def rows(self) -> Iterator[Told]:
        """Yield what each row says, in the file's order, up to too many problems."""
        if self._sheet is not None:
            for row in self._sheet.rows():
                told = self._told(self._sheet, row)
                if told is not None:
                    yield told
                if self.reading.is_full:
                    return

    def items(self, *, newest_first: bool) -> ItemRows | None:
        """Return what turns the rows, item by item, into histories; None when there are none."""
        if self._sheet is None:
            return None
        return ItemRows(
            self._sheet, self._names, self._options, self._source, newest_first=newest_first
        )

    def finish(self, items: ItemRows | None) -> Reading:
        """Complete the reading with what the items' rows had to tell."""
        if items is not None:
            self._names.report(self.reading)
            self.reading.add(items.reading)
            self._tally.extend(items.tally)
        return self.reading.finish(self._tally)

    def _find_sheet(self, table: Table) -> Sheet | None:
        """Find the columns; None, with problems, when the file or the options cannot be right."""
        stated = self._options.columns
        positions, problems = find_columns(table.header, stated)
        for message in problems:
            self.reading.problem(Place(table.file, 1), message)
        sound = self._names.check(table.file, self.reading)
        sound = (
            ItemTypes(self._options.types, self._tally).check(table.file, self.reading) and sound
        )
        if problems or not sound:
            return None
        self.reading.notes += columns.unused(table.header, positions.values())
        sheet = Sheet(table, positions, self._options, self.reading, self._tally)
        return sheet if sheet.expect_dates(("timestamp", "created", "cancelled")) else None

    def _told(self, sheet: Sheet, row: Row) -> Told | None:
        """Return what a row says; None where it says nothing of an item's status."""
        if "field_name" in row.cells and row["field_name"].casefold() not in _STATUS_FIELDS:
            changed = shown(row["field_name"]) if row["field_name"] else "no named field"
            reason = f"changes {changed}, not the status"
            self.reading.skip(sheet.place(row, "field_name"), reason)
            return None
        key, word = sheet.key(row), row["to_stage"]
        timestamp = sheet.instant(row, "timestamp")
        if not word:
            sheet.problem(row, "to_stage", "expected the stage moved to, got an empty cell")
        if not row["timestamp"]:
            sheet.problem(row, "timestamp", f"{EXPECTED}, got an empty cell")
        created = sheet.instant(row, "created")
        flag = row["cancelled"].casefold()
        discarded = flag in _YES
        cancelled = None
        if flag and not discarded and flag not in _NO:
            cancelled = sheet.instant(row, "cancelled")
        if word and self._names.found(word) is None:
            self._names.meaning(word, sheet.place(row, "to_stage"))
        event_id = row["event_id"]
        if row.sound and len(event_id) > MAX_KEY:
            message = f"expected an event id of at most {MAX_KEY} characters, got {len(event_id)}"
            sheet.problem(row, "event_id", message)
        if not key:
            return None
        return Told(
            key,
            row.line,
            timestamp.at if timestamp and row.sound else None,
            word,
            row["timestamp"],
            row["title"],
            row["type"],
            created.at if created else None,
            row["created"],
            cancelled.at if cancelled else None,
            row["cancelled"],
            discarded,
            row["from_stage"],
            event_id,
            row["reason"],
        )


def _in_memory(table: TransitionsTable) -> Reading:
    """Read a table whose rows fit into memory."""
    by_item: dict[str, list[Told]] = {}
    for told in table.rows():
        by_item.setdefault(told.key, []).append(told)
    rows = [told for each in by_item.values() for told in each]
    items = table.items(newest_first=False)
    histories = items.read(rows) if items else []
    if items and items.run_backward:
        items = table.items(newest_first=True)
        histories = items.read(rows) if items else []
    reading = table.finish(items)
    reading.histories = histories
    return reading
