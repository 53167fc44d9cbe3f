"""Shapes of values in a file that people write: one description for checks, schema and reference.

A shape says what a value looks like by itself. What values have to do with one another is not said
here, but for what JSON Schema can express of it (`Entries.also`), so that editors know it too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A text. `says` names it in messages, after "expected".

    `reads` raises ValueError for a text of the right pattern that still means nothing, such as a
    30th of February. `unquoted` takes the text of any scalar, such as a date, for which YAML has a
    type of its own.
    """

    says: str
    longest: int = 100
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    format: str | None = None
    unquoted: bool = False
    has_lines: bool = False
    reads: Callable[[str], object] = str


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, both ends included."""

    least: int
    most: int

    @property
    def says(self) -> str:
        """Name it in messages, after "expected"."""
        if self.least == self.most:
            return str(self.least)
        return f"a whole number from {self.least} to {self.most:,}"


@dataclass(frozen=True, slots=True)
class Number:
    """A number above zero, up to `most`."""

    most: int

    @property
    def says(self) -> str:
        """Name it in messages, after "expected"."""
        return f"a number above 0, at most {self.most:,}"


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false."""

    says = "true or false"


@dataclass(frozen=True, slots=True)
class Items:
    """A list of `of`, which `says` names in the plural; `least` to `most` of them."""

    of: "Shape"
    says: str
    least: int = 0
    most: int = 100


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping with these fields and no others.

    `either` names fields of which exactly one is said. `also` is what the JSON Schema adds.
    """

    says: str
    fields: tuple["Field", ...]
    either: tuple[str, ...] = ()
    also: Mapping[str, Any] = field(default_factory=dict)


Shape = Text | Whole | Number | Truth | Items | Entries


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a mapping. `default` counts where it is unsaid; `unsaid` tells what else does.

    `help` is for the reference and for editors: a phrase without a full stop.
    """

    name: str
    shape: Shape
    help: str
    required: bool = False
    default: Any = None
    unsaid: str = ""


def json_schema(shape: Shape) -> dict[str, Any]:
    """Write a shape as JSON Schema (draft 2020-12)."""
    match shape:
        case Text():
            found = _text_schema(shape)
        case Whole(least, most) if least == most:
            found = {"const": least}
        case Whole(least, most):
            found = {"type": "integer", "minimum": least, "maximum": most}
        case Number(most):
            found = {"type": "number", "exclusiveMinimum": 0, "maximum": most}
        case Truth():
            found = {"type": "boolean"}
        case Items(of, _, least, most):
            bounds = {"minItems": least, "maxItems": most}
            found = {"type": "array", "items": json_schema(of), **bounds}
        case Entries():
            found = _entries_schema(shape)
    return found


def _text_schema(shape: Text) -> dict[str, Any]:
    if shape.choices:
        return {"enum": list(shape.choices)}
    found: dict[str, Any] = {"type": "string"}
    if shape.pattern is None:
        found |= {"minLength": 0 if shape.has_lines else 1, "maxLength": shape.longest}
    else:
        found["pattern"] = f"^{shape.pattern}$"
    return found | ({"format": shape.format} if shape.format else {})


def _entries_schema(shape: Entries) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {each.name: _field_schema(each) for each in shape.fields},
    }
    required = [each.name for each in shape.fields if each.required]
    if required:
        found["required"] = required
    if shape.either:
        found["oneOf"] = [{"required": [name]} for name in shape.either]
    return found | dict(shape.also)


def _field_schema(each: Field) -> dict[str, Any]:
    default = {} if each.default is None else {"default": each.default}
    return {"description": each.help.replace("`", ""), **json_schema(each.shape), **default}
