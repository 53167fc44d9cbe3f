"""Tables from bytes: encoding, delimiter, records with their lines; CSV or JSON Lines."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.connectors.json_text import JsonProblemError, parse
from app.connectors.reading import Reading
from app.connectors.texts import clean, is_empty, shown
from app.domain.errors import Place

DELIMITERS = (",", ";", "\t", "|")
MAX_KEYS = 1000
"""Most different keys in a JSON Lines file: with more, the keys are data."""

_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
}
_SAMPLE = 65_536  # characters that decide about the delimiter
_EXCEL_HINT = re.compile(r"sep=([^\"\r\n])\r?\n", re.IGNORECASE)
_NAMES = {";": "a semicolon", "\t": "a tab", "|": "a bar"}


class Table(Protocol):
    """A header, and records with the physical line each starts at."""

    file: str
    header: list[str]

    def select(self, positions: Sequence[int], reading: Reading) -> Iterator[tuple[int, list[str]]]:
        """Yield each sound record's line and its cells at these positions; '' says nothing."""
        ...

    def place(self, line: int, position: int, name: str) -> Place:
        """Return where the cell of a field stands."""
        ...


def decode(data: bytes, file: str, reading: Reading) -> str | None:
    """Return the text: UTF-8, UTF-16 with a byte order mark, or else Windows-1252, with a note.

    None, with a problem, for a file that is no text at all.
    """
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            reading.problem(Place(file, 1), f"expected a text file, got {name}: export it as text")
            return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        reading.notes.append("the text is not UTF-8 and was read as Windows-1252")
        text = data.decode("cp1252", "replace")
    if not text.strip():
        reading.problem(Place(file, 1), "expected a text with records, got an empty file")
        return None
    return text


@dataclass(slots=True)
class CsvTable:
    """A CSV file's records; a sound one has as many cells as the header."""

    file: str
    header: list[str] = field(default_factory=list)
    records: list[tuple[int, list[str]]] = field(default_factory=list)

    def select(self, positions: Sequence[int], reading: Reading) -> Iterator[tuple[int, list[str]]]:
        """Yield each sound record's line and its cells at these positions; '' says nothing."""
        wanted = len(self.header)
        for line, cells in self.records:
            if len(cells) != wanted and not self._blank_surplus(cells):
                at = min(len(cells), wanted)
                place = self.place(line, at, self.header[at] if at < wanted else "")
                reading.problem(
                    place, f"expected {wanted} fields as in the header, got {len(cells)}"
                )
                continue
            chosen = [cells[position] for position in positions]
            yield line, ["" if is_empty(cell) else clean(cell) for cell in chosen]

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
    header: list[str] = field(default_factory=list)
    objects: list[tuple[int, dict[str, object]]] = field(default_factory=list)

    def select(self, positions: Sequence[int], reading: Reading) -> Iterator[tuple[int, list[str]]]:
        """Yield each sound object's line and its values at these positions, as text."""
        names = [self.header[position] for position in positions]
        for line, values in self.objects:
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


def read_csv(data: bytes, file: str, delimiter: str | None, reading: Reading) -> CsvTable | None:
    """Read a CSV file with a header; None, with a problem, when there is no table in it."""
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        reading.problem(Place(file), f"expected one character to delimit, got {shown(delimiter)}")
        return None
    text = decode(data, file, reading)
    if text is None:
        return None
    skipped = 0
    if told := _EXCEL_HINT.match(text):
        delimiter, text, skipped = delimiter or told[1], text[told.end() :], 1
    chosen = delimiter or _detect(text)
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
    return CsvTable(file, [clean(cell) for cell in header], list(records))


def read_json_lines(data: bytes, file: str, reading: Reading) -> JsonTable | None:
    """Read one JSON object per line; None, with a problem, when there is none."""
    text = decode(data, file, reading)
    if text is None:
        return None
    if text.lstrip().startswith("["):
        reading.problem(
            Place(file, 1),
            "expected one JSON object per line, got an array; `jq -c '.[]'` makes lines of it",
        )
        return None
    table = JsonTable(file)
    keys: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse(line)
        except JsonProblemError as problem:
            reading.problem(Place(file, number, problem.column), str(problem))
            continue
        if not isinstance(value, dict):
            reading.problem(Place(file, number), f"expected a JSON object, got {shown(line)}")
            continue
        table.objects.append((number, value))
        keys.update(dict.fromkeys(value))
        if len(keys) > MAX_KEYS:
            reading.problem(
                Place(file, number),
                f"expected the same few keys in every line, got more than {MAX_KEYS} different",
            )
            return None
    table.header = list(keys)
    return table


def _records(
    text: str, delimiter: str, skipped: int, file: str, reading: Reading
) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the line it starts at; stop at a broken one."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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
        if any(cell.strip() for cell in cells):
            yield line, cells


def _detect(text: str) -> str:
    """Return the delimiter that divides the header into most fields."""
    sample = text[:_SAMPLE]

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
            return "" if is_empty(value) else clean(value)
        case _:
            return repr(value)
