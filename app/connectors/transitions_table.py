"""Transitions as a table: one row for each move, as CSV or as JSON Lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from app.connectors import columns
from app.connectors.columns import KEY, TITLE, TYPE, Field
from app.connectors.instants import EXPECTED
from app.connectors.item_types import ItemTypes
from app.connectors.moves import Move, settle
from app.connectors.reading import Reading, ReadOptions, Tally, storable_title
from app.connectors.sheet import Row, Sheet
from app.connectors.stage_names import StageNames
from app.connectors.tables import Table, read_json_lines
from app.connectors.tables import read_csv as read_csv_table
from app.connectors.texts import MAX_KEY, bounded, normal, shown
from app.domain.errors import Place
from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import ItemHistory

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


def read_csv(data: bytes, file: str, stream: ValueStream, options: ReadOptions) -> Reading:
    """Read a CSV file of transitions; whatever the bytes, problems are told, never raised."""
    reading = Reading()
    table = read_csv_table(data, file, options.delimiter, reading)
    return _Reader(table, stream, options, reading, "csv").read() if table else reading


def read_jsonl(data: bytes, file: str, stream: ValueStream, options: ReadOptions) -> Reading:
    """Read JSON Lines of transitions, an object for each; problems are told, never raised."""
    reading = Reading()
    table = read_json_lines(data, file, reading)
    return _Reader(table, stream, options, reading, "jsonl").read() if table else reading


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


@dataclass(slots=True)
class _Item:
    """What the rows so far say of one item, each move with its row."""

    title: str = ""
    type: str = ""
    created: datetime | None = None
    created_line: int = 0
    cancelled: datetime | None = None
    discarded: bool = False
    moves: list[tuple[Move, Row]] = field(default_factory=list)
    seen: set[tuple[str, datetime]] = field(default_factory=set)
    events: dict[str, int] = field(default_factory=dict)


class _Reader:
    """Reads one table into histories."""

    def __init__(
        self, table: Table, stream: ValueStream, options: ReadOptions, reading: Reading, source: str
    ) -> None:
        self._table = table
        self._options = options
        self._reading = reading
        self._source = options.source or source
        self._tally = Tally()
        self._names = StageNames(stream, options.mapping)
        self._types = ItemTypes(options.types, self._tally)
        self._items: dict[str, _Item] = {}

    def read(self) -> Reading:
        """Read the table; the reading holds what came of it."""
        sheet = self._sheet()
        if sheet is not None:
            for row in sheet.rows:
                self._read_row(sheet, row)
            newest_first = self._newest_first()
            for key, item in self._items.items():
                self._settle(sheet, key, item, newest_first=newest_first)
            self._names.report(self._reading)
        return self._reading.finish(self._tally)

    def _sheet(self) -> Sheet | None:
        """Find the columns; None, with problems, when the file or the options cannot be right."""
        file, header = self._table.file, self._table.header
        stated = self._options.columns
        positions, problems = find_columns(header, stated)
        for message in problems:
            self._reading.problem(Place(file, 1), message)
        sound = self._names.check(file, self._reading)
        sound = self._types.check(file, self._reading) and sound
        if problems or not sound:
            return None
        self._reading.notes += columns.unused(header, positions.values())
        sheet = Sheet(self._table, positions, self._options, self._reading, self._tally)
        return sheet if sheet.expect_dates(("timestamp", "created", "cancelled")) else None

    def _read_row(self, sheet: Sheet, row: Row) -> None:
        if "field_name" in row.cells and row["field_name"].casefold() not in _STATUS_FIELDS:
            changed = shown(row["field_name"]) if row["field_name"] else "no named field"
            reason = f"changes {changed}, not the status"
            self._reading.skip(sheet.place(row, "field_name"), reason)
            return
        key, word = sheet.key(row), row["to_stage"]
        timestamp = sheet.instant(row, "timestamp")
        if not word:
            sheet.problem(row, "to_stage", "expected the stage moved to, got an empty cell")
        if not row["timestamp"]:
            sheet.problem(row, "timestamp", f"{EXPECTED}, got an empty cell")
        item = self._items.setdefault(key, _Item()) if key else _Item()
        self._read_facts(sheet, row, item)
        meaning = self._names.meaning(word, sheet.place(row, "to_stage")) if word else None
        if not row.sound or timestamp is None or not self._is_news(sheet, row, item, timestamp.at):
            return
        # an unknown word is told once, by the names; the moves go on for the sake of the rest
        if meaning is not None:
            event_id = row["event_id"] or bounded(f"{word.casefold()}@{timestamp.at.isoformat()}")
            origin = self._names.guess(row["from_stage"]) if row["from_stage"] else None
            move = Move(
                at=timestamp.at,
                word=word,
                meaning=meaning,
                event_id=event_id,
                from_stage=origin.name if isinstance(origin, Stage) else None,
                reason=row["reason"] or None,
            )
            item.moves.append((move, row))

    def _read_facts(self, sheet: Sheet, row: Row, item: _Item) -> None:
        """Read what a row says of the item itself; what changes over time is as last told."""
        item.title = row["title"] or item.title
        item.type = row["type"] or item.type
        created = sheet.instant(row, "created")
        if created is not None and item.created not in {None, created.at}:
            sheet.problem(
                row,
                "created",
                f"expected the item's one creation ({_iso(item.created)}, "
                f"line {item.created_line}), got {shown(row['created'])}",
            )
        elif created is not None:
            item.created, item.created_line = created.at, item.created_line or row.line
        flag = row["cancelled"].casefold()
        if flag in _YES:
            item.discarded = True
        elif flag and flag not in _NO:
            cancelled = sheet.instant(row, "cancelled")
            if cancelled is not None and item.cancelled not in {None, cancelled.at}:
                message = f"expected the item's one cancellation ({_iso(item.cancelled)})"
                sheet.problem(row, "cancelled", f"{message}, got {shown(row['cancelled'])}")
            elif cancelled is not None:
                item.cancelled = cancelled.at

    def _is_news(self, sheet: Sheet, row: Row, item: _Item, at: datetime) -> bool:
        """Tell whether no earlier row said the same; an event id said of two things is wrong."""
        event_id = row["event_id"]
        if len(event_id) > MAX_KEY:
            message = f"expected an event id of at most {MAX_KEY} characters, got {len(event_id)}"
            sheet.problem(row, "event_id", message)
            return False
        same = (row["to_stage"].casefold(), at)
        if same in item.seen:
            reason = "same item, stage and time as an earlier row"
            self._reading.skip(sheet.place(row, "to_stage"), reason)
            return False
        if event_id in item.events:
            message = f"expected an event id of its own, got that of line {item.events[event_id]}"
            sheet.problem(row, "event_id", message)
            return False
        item.seen.add(same)
        if event_id:
            item.events[event_id] = row.line
        return True

    def _newest_first(self) -> bool:
        """Tell whether the rows run backward in time: then those of one instant do as well."""
        balance = 0
        for item in self._items.values():
            for (earlier, _), (later, _) in pairwise(item.moves):
                balance += (later.at > earlier.at) - (later.at < earlier.at)
        return balance < 0

    def _settle(self, sheet: Sheet, key: str, item: _Item, *, newest_first: bool) -> None:
        """Turn what the rows said of one item into its history."""
        if not item.moves:
            return
        moves = item.moves[::-1] if newest_first else item.moves
        moves = sorted(moves, key=lambda entry: entry[0].at)
        flag = "marked as cancelled"
        settled = settle([move for move, _ in moves], flag if item.discarded else None)
        first = moves[0][0].at
        created, cancelled = item.created or first, item.cancelled or settled.cancelled_at
        last, row = moves[-1]
        if item.cancelled is not None and last.at > item.cancelled:
            sheet.problem(
                row,
                "timestamp",
                f"expected no move after the item's cancellation ({_iso(item.cancelled)}), "
                f"got {shown(row['timestamp'])}",
            )
        if settled.revived:
            self._tally.add("visits to a cancelled status that was left again were not kept", key)
        if cancelled is not None and not settled.transitions:
            cancelled = max(created, cancelled)
        self._reading.histories.append(
            ItemHistory(
                title=storable_title(item.title, key, self._tally),
                type=self._types.of(item.type, key),
                created_at=created,
                transitions=settled.transitions,
                key=key,
                source=self._source,
                cancelled_at=cancelled,
                cancel_reason=settled.cancel_reason or (flag if item.cancelled else None),
            )
        )


def _iso(instant: datetime | None) -> str:
    return instant.isoformat().replace("+00:00", "Z") if instant else ""
