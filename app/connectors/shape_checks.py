"""Nodes of a file held against a shape: what is sound of them as plain values, and all mistakes."""

import math
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import yaml

from app.connectors.shapes import Entries, Items, Number, Shape, Text, Truth, Whole
from app.connectors.texts import clean, normal, shown
from app.connectors.yaml_nodes import (
    Findings,
    is_plain,
    kind_of,
    text_of,
    told,
    told_for_text,
)

Path = tuple[str | int, ...]
"""The way to a value: names of fields and positions in lists, from 0."""

_UNQUOTED = frozenset({"int", "float", "timestamp"})
"""What YAML may take a date or a time for."""
_WHOLE = re.compile(r"0|[1-9][0-9]{0,11}")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,30})?(e[+-]?[0-9]{1,2})?", re.IGNORECASE)


@dataclass(slots=True)
class Checks:
    """Checks of one file. Values that are not sound are left out of what `value` returns."""

    findings: Findings
    marks: dict[Path, yaml.Mark] = field(default_factory=dict)

    def problem(self, path: Path, message: str) -> None:
        """Add a problem where a value stands; where it does not, at the nearest one around it."""
        around = path
        while around and around not in self.marks:
            around = around[:-1]
        self.findings.add(self.marks.get(around), message, written(path))

    def line(self, path: Path) -> int:
        """Return the line of a value that stands in the file, from 1."""
        return int(self.marks[path].line) + 1

    def value(self, node: yaml.Node, shape: Shape, path: Path = ()) -> Any:
        """Return the plain value of a node; None, with a problem, where it has another shape."""
        self.marks[path] = node.start_mark
        found: Any
        match shape:
            case Text():
                found = self._text(shape, node, path)
            case Whole():
                found = self._whole(shape, node, path)
            case Number():
                found = self._number(shape, node, path)
            case Truth():
                found = self._truth(shape, node, path)
            case Items():
                found = self._items(shape, node, path)
            case Entries():
                found = self._entries(shape, node, path)
        return found

    def _unexpected(self, path: Path, expected: str, got: str) -> None:
        self.problem(path, f"expected {expected}, got {got}")

    def _text(self, shape: Text, node: yaml.Node, path: Path) -> str | None:
        is_text = isinstance(node, yaml.ScalarNode) and (
            kind_of(node) == "str" or (shape.unquoted and kind_of(node) in _UNQUOTED)
        )
        if not is_text or not isinstance(node, yaml.ScalarNode):
            self._unexpected(path, _wanted(shape), told_for_text(node))
            return None
        text = text_of(node).strip()
        message = _fault(shape, text)
        if message:
            self.problem(path, message)
            return None
        return text

    def _whole(self, shape: Whole, node: yaml.Node, path: Path) -> int | None:
        if not is_plain(node) or not _WHOLE.fullmatch(node.value):
            self._unexpected(path, shape.says, _told_for_number(node))
        elif not shape.least <= int(node.value) <= shape.most:
            self._unexpected(path, shape.says, told(node))
        else:
            return int(node.value)
        return None

    def _number(self, shape: Number, node: yaml.Node, path: Path) -> float | None:
        if not is_plain(node) or not _NUMBER.fullmatch(node.value):
            self._unexpected(path, shape.says, _told_for_number(node))
            return None
        number = float(node.value)
        if not 0 < number <= shape.most or not math.isfinite(number):
            self._unexpected(path, shape.says, told(node))
            return None
        return number

    def _truth(self, shape: Truth, node: yaml.Node, path: Path) -> bool | None:
        if is_plain(node) and node.value.lower() in {"true", "false"}:
            return bool(node.value.lower() == "true")
        quotes = isinstance(node, yaml.ScalarNode) and node.value in {"true", "false"}
        self._unexpected(path, shape.says, told(node) + (" in quotes" if quotes else ""))
        return None

    def _items(self, shape: Items, node: yaml.Node, path: Path) -> list[Any] | None:
        if not isinstance(node, yaml.SequenceNode) or kind_of(node) != "seq":
            got = told(node)
            if isinstance(node, yaml.ScalarNode) and kind_of(node) != "null":
                got += ": put it in [brackets]"
            self._unexpected(path, f"a list of {shape.says}", got)
            return None
        count = len(node.value)
        if not shape.least <= count <= shape.most:
            bound = f"at least {shape.least}" if count < shape.least else f"at most {shape.most}"
            self.problem(path, f"expected {bound} in this list, got {count}")
        return [self.value(each, shape.of, (*path, index)) for index, each in enumerate(node.value)]

    def _entries(self, shape: Entries, node: yaml.Node, path: Path) -> dict[str, Any] | None:
        if not isinstance(node, yaml.MappingNode) or kind_of(node) != "map":
            self._unexpected(path, shape.says, told(node))
            return None
        shapes = {each.name: each.shape for each in shape.fields}
        found: dict[str, Any] = {}
        seen: dict[str, yaml.Mark] = {}
        for key, value in node.value:
            name = text_of(key) if isinstance(key, yaml.ScalarNode) else ""
            if name in seen:
                message = f"expected each field once, got it again: see line {seen[name].line + 1}"
                self.findings.add(key.start_mark, message, written((*path, name)))
            elif name not in shapes:
                message = _no_such_field(name, key, list(shapes))
                self.findings.add(key.start_mark, message, written((*path, clean(name)[:60])))
            else:
                sound = self.value(value, shapes[name], (*path, name))
                if sound is not None:
                    found[name] = sound
            seen.setdefault(name, key.start_mark)
        self._check_fields(shape, set(seen), path)
        return found

    def _check_fields(self, shape: Entries, seen: set[str], path: Path) -> None:
        """Tell which fields are missing, or exclude one another."""
        for each in shape.fields:
            if each.required and each.name not in seen:
                message = f"expected the field {each.name} here: {_plain_help(each.help)}"
                self.problem((*path, each.name), message)
        said = [name for name in shape.either if name in seen]
        if shape.either and len(said) != 1:
            which = " or ".join(shape.either)
            got = "both" if said else "none of them"
            self.problem((*path, said[-1]) if said else path, f"expected either {which}, got {got}")


def written(path: Path) -> str:
    """Write a path as messages name fields: `value_streams[0].stages[2].name`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(parts).removeprefix(".")


def meant(word: str, known: list[str]) -> str:
    """Return the known word that was meant, as a question that ends a message; or nothing."""
    same = [each for each in known if normal(each) == normal(word)]
    close = same or get_close_matches(word[:100], known, n=1)
    return f": did you mean {shown(close[0])}?" if close else ""


def _wanted(shape: Text) -> str:
    return f"one of {', '.join(shape.choices)}" if shape.choices else shape.says


def _fault(shape: Text, text: str) -> str | None:
    """Tell what is wrong with a text; None where nothing is."""
    got = None
    lines = text.split("\n") if shape.has_lines else [text]
    if shape.choices:
        if text not in shape.choices:
            got = shown(text) + meant(text, list(shape.choices))
    elif not text and not shape.has_lines:
        got = "an empty text"
    elif len(text) > shape.longest:
        got = f"{len(text):,} characters"
    elif any(clean(line) != line.strip() for line in lines):
        got = "control characters within: take them out"
    elif not _means_something(shape, text):
        got = shown(text)
    return got and f"expected {_wanted(shape)}, got {got}"


def _means_something(shape: Text, text: str) -> bool:
    if shape.pattern is not None and not re.fullmatch(shape.pattern, text):
        return False
    try:
        shape.reads(text)
    except ValueError:
        return False
    return True


def _told_for_number(node: yaml.Node) -> str:
    is_quoted = isinstance(node, yaml.ScalarNode) and not is_plain(node)
    return told(node) + (" in quotes: take them away" if is_quoted else "")


def _no_such_field(name: str, key: yaml.Node, known: list[str]) -> str:
    if name == "<<":
        return "expected a field, got a merge key (<<): write the fields themselves here"
    if not isinstance(key, yaml.ScalarNode) or not name:
        return f"expected the name of a field before the colon, got {told(key)}"
    takes = ", which YAML takes for true or false" if kind_of(key) == "bool" else ""
    guess = meant(name, known)
    return f"there is no field {shown(name)} here{takes}" + (
        guess or f": expected one of {', '.join(known)}"
    )


def _plain_help(text: str) -> str:
    return text.replace("`", "")
