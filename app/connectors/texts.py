"""Text from files nobody vouches for: empty cells, control characters, lengths, quotations."""

import functools
import hashlib
import re

MAX_TITLE = 500
MAX_KEY = 200
"""Longest item key or event id; both are indexed, and an index entry is bounded."""

_EMPTY = frozenset({"", "null", "n/a", "-", "none"})
_LONGEST_EMPTY = max(map(len, _EMPTY))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SHOWN = 60
_WORD = 100


def clean(text: str) -> str:
    """Strip; control characters become spaces and halves of surrogate pairs U+FFFD.

    PostgreSQL stores neither NUL nor half a pair, and a title is one line.
    """
    if not text.isprintable():
        text = _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", text))
    return text.strip()


def said(cell: str) -> str:
    """Return what a cell says, clean; '' when it is empty."""
    plain = cell.strip()
    if len(plain) <= _LONGEST_EMPTY and plain.casefold() in _EMPTY:
        return ""
    return plain if plain.isprintable() else clean(plain)


def normal(word: str) -> str:
    """Return what counts when words are compared: letters and digits, whatever their case."""
    return _remembered(word) if len(word) <= _WORD else _normal(word)


def _normal(word: str) -> str:
    return re.sub(r"[\W_]+", "", word.casefold())


# a file has few words and says them often; a long text is no such word
_remembered = functools.lru_cache(maxsize=4096)(_normal)


def shown(value: object) -> str:
    """Quote a value for a message: short, on one line, printable in any terminal."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "an object"  # never its text, which may be endless
        case list():
            return "a list"
        case _:
            text = clean(str(value))
    if len(text) > _SHOWN:
        text = text[: _SHOWN - 1] + "…"
    return f"'{text}'"


def bounded(event_id: str) -> str:
    """Keep an event id short enough for an index; a long one ends in a digest of itself."""
    if len(event_id) <= MAX_KEY:
        return event_id
    digest = hashlib.sha256(event_id.encode("utf-8", "replace")).hexdigest()[:24]
    return f"{event_id[: MAX_KEY - 25]}:{digest}"
