"""The rows of a table of transitions, put in order by item, as histories."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from app.connectors.item_types import ItemTypes
from app.connectors.moves import Move, settle
from app.connectors.reading import Reading, ReadOptions, Tally, storable_title
from app.connectors.sheet import Sheet
from app.connectors.stage_names import StageNames
from app.connectors.texts import bounded, shown
from app.domain.value_stream import Stage
from app.domain.work_item import ItemHistory


class Told(NamedTuple):
    """What one row says; texts are '' and instants None where it says nothing.

    `at` is None as well where something is wrong with the row, which was told then.
    """

    key: str
    line: int
    at: datetime | None
    word: str
    said_at: str
    title: str
    type: str
    created: datetime | None
    said_created: str
    cancelled: datetime | None
    said_cancelled: str
    discarded: bool
    from_word: str
    event_id: str
    reason: str


@dataclass(slots=True)
class _Item:
    """What the rows so far say of one item, each move with its row."""

    key: str
    title: str = ""
    type: str = ""
    created: datetime | None = None
    created_line: int = 0
    cancelled: datetime | None = None
    discarded: bool = False
    moves: list[tuple[Move, Told]] = field(default_factory=list)
    seen: set[tuple[str, datetime]] = field(default_factory=set)
    events: dict[str, int] = field(default_factory=dict)


class ItemRows:
    """Turns rows that come item by item, those of one in the file's order, into histories.

    Whether a file has its newest rows first is known when all are read: then `run_backward` tells
    that those of one instant should have been read upward, by another one.
    """

    def __init__(
        self,
        sheet: Sheet,
        names: StageNames,
        options: ReadOptions,
        source: str,
        *,
        newest_first: bool,
    ) -> None:
        self.reading = Reading()
        self.tally = Tally()
        self._sheet = sheet
        self._names = names
        self._types = ItemTypes(options.types, self.tally)
        self._source = source
        self._newest_first = newest_first
        self._balance = 0
        self._tied = False
        self._item: _Item | None = None

    @property
    def run_backward(self) -> bool:
        """Tell whether rows of one instant were read downward and the file runs upward."""
        return self._tied and self._balance < 0 and not self._newest_first

    def read(self, rows: Iterable[Told]) -> list[ItemHistory]:
        """Return the histories of rows that are all there are."""
        return [*self.feed(rows), *self.end()]

    def feed(self, rows: Iterable[Told]) -> list[ItemHistory]:
        """Take further rows; return the histories of the items that they complete."""
        complete: list[ItemHistory] = []
        item = self._item
        for row in rows:
            if item is None or item.key != row.key:
                complete += self.end()
                item = self._item = _Item(row.key)
            self._read_row(row, item)
        return complete

    def end(self) -> list[ItemHistory]:
        """Return the history of the last item."""
        item, self._item = self._item, None
        return [self._settle(item)] if item is not None and item.moves else []

    def _read_row(self, row: Told, item: _Item) -> None:
        item.title = row.title or item.title
        item.type = row.type or item.type
        if not (self._agrees(row, item) and row.at is not None and self._is_news(row, item)):
            return
        # an unknown word is told once, by the names; the moves go on for the sake of the rest
        meaning = self._names.found(row.word)
        if meaning is not None:
            event_id = row.event_id or bounded(f"{row.word.casefold()}@{row.at.isoformat()}")
            origin = self._names.guess(row.from_word) if row.from_word else None
            move = Move(
                at=row.at,
                word=row.word,
                meaning=meaning,
                event_id=event_id,
                from_stage=origin.name if isinstance(origin, Stage) else None,
                reason=row.reason or None,
            )
            item.moves.append((move, row))

    def _agrees(self, row: Told, item: _Item) -> bool:
        """Take what a row says of the item's creation and cancellation, which are one each."""
        agrees = True
        if row.created is not None and item.created not in {None, row.created}:
            agrees = self._problem(
                row,
                "created",
                f"expected the item's one creation ({_iso(item.created)}, "
                f"line {item.created_line}), got {shown(row.said_created)}",
            )
        elif row.created is not None:
            item.created, item.created_line = row.created, item.created_line or row.line
        item.discarded = item.discarded or row.discarded
        if row.cancelled is not None and item.cancelled not in {None, row.cancelled}:
            message = f"expected the item's one cancellation ({_iso(item.cancelled)})"
            agrees = self._problem(row, "cancelled", f"{message}, got {shown(row.said_cancelled)}")
        elif row.cancelled is not None:
            item.cancelled = row.cancelled
        return agrees

    def _is_news(self, row: Told, item: _Item) -> bool:
        """Tell whether no earlier row said the same; an event id said of two things is wrong."""
        assert row.at is not None, "the caller has looked"  # noqa: S101 - for the type checker
        same = (row.word.casefold(), row.at)
        if same in item.seen:
            reason = "same item, stage and time as an earlier row"
            self.reading.skip(self._sheet.place_in(row.line, "to_stage"), reason)
            return False
        if row.event_id in item.events:
            line = item.events[row.event_id]
            return self._problem(
                row, "event_id", f"expected an event id of its own, got that of line {line}"
            )
        item.seen.add(same)
        if row.event_id:
            item.events[row.event_id] = row.line
        return True

    def _problem(self, row: Told, name: str, message: str) -> bool:
        """Tell what is wrong with a cell; returns that it is not right."""
        if not self.reading.is_full:
            self.reading.problem(self._sheet.place_in(row.line, name), message)
        return False

    def _settle(self, item: _Item) -> ItemHistory:
        """Turn what the rows said of one item into its history."""
        for (earlier, _), (later, _) in pairwise(item.moves):
            self._balance += (later.at > earlier.at) - (later.at < earlier.at)
        moves = item.moves[::-1] if self._newest_first else item.moves
        moves.sort(key=lambda entry: entry[0].at)
        self._tied = self._tied or len({move.at for move, _ in moves}) < len(moves)
        flag = "marked as cancelled"
        settled = settle([move for move, _ in moves], flag if item.discarded else None)
        first = moves[0][0].at
        created, cancelled = item.created or first, item.cancelled or settled.cancelled_at
        last, row = moves[-1]
        if item.cancelled is not None and last.at > item.cancelled:
            self._problem(
                row,
                "timestamp",
                f"expected no move after the item's cancellation ({_iso(item.cancelled)}), "
                f"got {shown(row.said_at)}",
            )
        if settled.revived:
            self.tally.add(
                "visits to a cancelled status that was left again were not kept", item.key
            )
        if cancelled is not None and not settled.transitions:
            cancelled = max(created, cancelled)
        return ItemHistory(
            title=storable_title(item.title, item.key, self.tally),
            type=self._types.of(item.type, item.key),
            created_at=created,
            transitions=settled.transitions,
            key=item.key,
            source=self._source,
            cancelled_at=cancelled,
            cancel_reason=settled.cancel_reason or (flag if item.cancelled else None),
        )


def _iso(instant: datetime | None) -> str:
    return instant.isoformat().replace("+00:00", "Z") if instant else ""
