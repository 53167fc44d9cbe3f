"""Text from a file's bytes: its encoding found out, then read as often as needed, line by line."""

import codecs
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.connectors.reading import Reading
from app.domain.errors import Place

Content = bytes | Callable[[], BinaryIO]
"""What a file holds, or how it is opened; opened, it is read from the beginning."""

_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
}
_BLOCK = 1 << 20
_SAMPLE = 65_536  # characters that decide about array or objects, and about the delimiter


@dataclass(frozen=True, slots=True)
class Text:
    """A text that does not have to fit into memory.

    `sample` is its beginning, `ends` the number of its line feeds, None where nobody counted.
    """

    content: Content
    encoding: str
    sample: str
    ends: int | None

    def lines(self, newline: str) -> Iterator[str]:
        """Yield the lines, with their ends as they are; `newline` as in `open`."""
        with io.TextIOWrapper(
            _open(self.content), self.encoding, errors="replace", newline=newline
        ) as opened:
            yield from opened


def text_of(content: Content, file: str, reading: Reading) -> Text | None:
    """Find out the encoding: UTF-8, UTF-16 with a byte order mark, else Windows-1252, with a note.

    None, with a problem, for a file that is no text at all.
    """
    with _open(content) as opened:
        start = opened.read(_BLOCK)
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            reading.problem(Place(file, 1), f"expected a text file, got {name}: export it as text")
            return None
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    ends = None
    if encoding != "utf-16":
        is_utf8, ends = _scan(content)
        if not is_utf8:
            encoding = "cp1252"
            reading.notes.append("the text is not UTF-8 and was read as Windows-1252")
    with io.TextIOWrapper(_open(content), encoding, errors="replace", newline="") as text:
        sample = text.read(_SAMPLE)
        block = sample
        while block and not block.strip():
            block = text.read(_BLOCK)
    if not block:
        reading.problem(Place(file, 1), "expected a text with records, got an empty file")
        return None
    return Text(content, encoding, sample, ends)


def decode(data: bytes, file: str, reading: Reading) -> str | None:
    """Return the whole text; None, with a problem, for a file that is no text at all."""
    text = text_of(data, file, reading)
    return None if text is None else data.decode(text.encoding, "replace")


def content_bytes(content: Content) -> bytes:
    """Return all bytes of a file."""
    with _open(content) as opened:
        return opened.read()


def _open(content: Content) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content()


def _scan(content: Content) -> tuple[bool, int]:
    """Tell whether the bytes are UTF-8, and count their line feeds."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, ends = True, 0
    with _open(content) as opened:
        while block := opened.read(_BLOCK):
            ends += block.count(b"\n")
            is_utf8 = is_utf8 and _decodes(decoder, block)
    return is_utf8 and _decodes(decoder, b"", final=True), ends


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True
