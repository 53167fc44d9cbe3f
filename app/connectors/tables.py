"""Tables from bytes: encoding, delimiter, records with their lines; CSV or JSON Lines."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from app.connectors.file_texts import Content, Text, text_of
from app.connectors.json_text import JsonProblemError, parse
from app.connectors.reading import Reading
from app.connectors.texts import clean, said, shown
from app.domain.errors import Place

DELIMITERS = (",", ";", "\t", "|")
MAX_KEYS = 1000
"""Most different keys in a JSON Lines file: with more, the keys are data."""

_EXCEL_HINT = re.compile(r"sep=([^\"\r\n])\r?\n", re.IGNORECASE)
_NAMES = {";": "a semicolon", "\t": "a tab", "|": "a bar"}


class Table(Protocol):
    """A header, and records with the physical line each starts at."""

    file: str
    text: Text
    header: list[str]

    def select(self, positions: Sequence[int], reading: Reading) -> Iterator[tuple[int, list[str]]]:
        """Yield each sound record's line and its cells at these positions; '' says nothing."""
        ...

    def place(self, line: int, position: int, name: str) -> Place:
        """Return where the cell of a field stands."""
        ...


@dataclass(slots=True)
class CsvTable:
    """A CSV file's records; a sound one has as many cells as the header."""

    file: str
    text: Text
    delimiter: str
    skipped: int
    header: list[str]

    def select(self, positions: Sequence[int], reading: Reading) -> Iterator[tuple[int, list[str]]]:
        """Yield each sound record's line and its cells at these positions; '' says nothing."""
        wanted = len(self.header)
        records = _records(self.text, self.delimiter, self.skipped, self.file, reading)
        for line, cells in islice(records, 1, None):
            if len(cells) != wanted and not self._blank_surplus(cells):
                at = min(len(cells), wanted)
                place = self.place(line, at, self.header[at] if at < wanted else "")
                reading.problem(
                    place, f"expected {wanted} fields as in the header, got {len(cells)}"
                )
                continue
            yield line, [said(cells[position]) for position in positions]

    def _blank_surplus(self, cells: list[str]) -> bool:
        """Tell whether a record has all its fields and only blank ones more."""
        wanted = len(self.header)
        return len(cells) > wanted and not any(cell.strip() for cell in cells[wanted:])

    def place(self, line: int, position: int, name: str) -> Place:
        """Return where a cell stands: the column is the field's number in its record."""
        return Place(self.file, line, position + 1, name)


@dataclass(slots=True)
class JsonTable:
    """A JSON Lines file's objects; the header is the union of their keys."""

    file: str
    text: Text
    header: list[str] = field(default_factory=list)

    def select(self, positions: Sequence[int], reading: Reading) -> Iterator[tuple[int, list[str]]]:
        """Yield each sound object's line and its values at these positions, as text."""
        names = [self.header[position] for position in positions]
        for line, values in _objects(self.text, self.file, Reading()):  # what is no object is told
            chosen = [values.get(name) for name in names]
            if odd := [at for at, value in enumerate(chosen) if isinstance(value, dict | list)]:
                kind = "an object" if isinstance(chosen[odd[0]], dict) else "an array"
                place = self.place(line, positions[odd[0]], names[odd[0]])
                reading.problem(place, f"expected a text or a number, got {kind}")
                continue
            yield line, [_text(value) for value in chosen]

    def place(self, line: int, position: int, name: str) -> Place:
        """Return where a value stands; an object's values have no column."""
        del position
        return Place(self.file, line, 0, name)


def read_csv(
    content: Content, file: str, delimiter: str | None, reading: Reading
) -> CsvTable | None:
    """Read a CSV file's header; None, with a problem, when there is no table in it."""
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        reading.problem(Place(file), f"expected one character to delimit, got {shown(delimiter)}")
        return None
    text = text_of(content, file, reading)
    if text is None:
        return None
    sample, skipped = text.sample, 0
    if told := _EXCEL_HINT.match(sample):
        delimiter, sample, skipped = delimiter or told[1], sample[told.end() :], 1
    chosen = delimiter or _detect(sample)
    records = _records(text, chosen, skipped, file, reading)
    line, header = next(records, (1, []))
    if len(header) <= 1:
        got = shown(header[0]) if header else "none"
        reading.problem(
            Place(file, line, 1),
            f"expected a CSV file with a header of several columns, got {got}; "
            "--delimiter states what divides them, if not a comma, semicolon, tab or bar",
        )
        return None
    if delimiter is None and chosen != ",":
        reading.notes.append(f"fields are delimited by {_NAMES[chosen]}, detected in the header")
    return CsvTable(file, text, chosen, skipped, [clean(cell) for cell in header])


def read_json_lines(content: Content, file: str, reading: Reading) -> JsonTable | None:
    """Read the keys of one JSON object per line; None, with a problem, when there is none."""
    text = text_of(content, file, reading)
    if text is None:
        return None
    if text.sample.lstrip().startswith("["):
        reading.problem(
            Place(file, 1),
            "expected one JSON object per line, got an array; `jq -c '.[]'` makes lines of it",
        )
        return None
    keys: dict[str, None] = {}
    for number, values in _objects(text, file, reading):
        keys.update(dict.fromkeys(values))
        if len(keys) > MAX_KEYS:
            reading.problem(
                Place(file, number),
                f"expected the same few keys in every line, got more than {MAX_KEYS} different",
            )
            return None
    return JsonTable(file, text, list(keys))


def _objects(text: Text, file: str, reading: Reading) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the object of each line that has one, with its number."""
    for number, line in enumerate(text.lines(newline="\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse(line.removesuffix("\n"))
        except JsonProblemError as problem:
            reading.problem(Place(file, number, problem.column), str(problem))
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            reading.problem(Place(file, number), f"expected a JSON object, got {shown(line)}")


def _records(
    text: Text, delimiter: str, skipped: int, file: str, reading: Reading
) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the line it starts at; stop at a broken one."""
    lines = islice(text.lines(newline=""), skipped, None)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # what follows a quote that does not close is not where it seems to be
            reading.problem(
                Place(file, line),
                "expected fields whose quotes close before the next delimiter, "
                "got one that does not; quotes inside a field are doubled, and a field has "
                "at most 131,072 characters",
            )
            return
        if not all(map(_is_blank, cells)):
            yield line, cells


def _is_blank(cell: str) -> bool:
    return not cell or cell.isspace()


def _detect(sample: str) -> str:
    """Return the delimiter that divides the header into most fields."""

    def width(delimiter: str) -> int:
        try:
            rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            return next((len(row) for row in rows if any(row)), 0)
        except csv.Error:
            return 0

    return max(DELIMITERS, key=width)


def _text(value: object) -> str:
    """Return a JSON value as the text of a cell."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return said(value)
        case _:
            return repr(value)
