"""Rows made into dataclasses, with the durations that PostgreSQL has packed in them."""

import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from app.flow.runs import Run
from app.store.queries import Row

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VALUE_BYTES = 8

_SHORT_BYTES = 64 * VALUE_BYTES
"""Packed runs of fewer bytes are joined: each run costs something for each percentile."""

_Part = TypeVar("_Part", bound="DataclassInstance")


def unpack(packed: bytes) -> Run:
    """Read integers as part_items.sql and others pack them."""
    run = array("q", packed)
    if sys.byteorder == "little":
        run.byteswap()
    return run


def part(kind: type[_Part], row: Row, **known: Any) -> _Part:
    """Make a part, a dataclass, of a row; PostgreSQL adds up integers to numerics."""
    values = {name: read(row[name]) for name, read in _readers(kind) if name not in known}
    return kind(**values, **known)


@cache
def _readers(kind: "type[DataclassInstance]") -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Tell how each field of a kind of parts is read: a text, a number, or packed durations."""
    read: dict[object, Callable[[Any], Any]] = {str: str, int: int, Sequence[Run]: _runs}
    return tuple((each.name, read[each.type]) for each in fields(kind))


def _runs(packed: bytes | Sequence[bytes] | None) -> tuple[Run, ...]:
    """Return packed durations as few runs: those of hours are short, and sorted into one."""
    if packed is None:
        return ()
    if isinstance(packed, bytes):
        return (unpack(packed),)
    short = [each for each in packed if len(each) < _SHORT_BYTES]
    found = [unpack(each) for each in packed if len(each) >= _SHORT_BYTES]
    if short:
        found.append(array("q", sorted(unpack(b"".join(short)))))
    return tuple(found)


@cache
def packed_fields(kind: "type[DataclassInstance]") -> tuple[str, ...]:
    """Return the names of the fields that hold runs."""
    return tuple(name for name, read in _readers(kind) if read is _runs)
