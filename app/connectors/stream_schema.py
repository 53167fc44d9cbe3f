"""What a value stream file may say: the one description of its fields.

The reader checks shapes by it, editors complete and check by the JSON Schema made of it, and the
reference in the documentation is printed from it.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from app.connectors.shapes import (
    Entries,
    Field,
    Items,
    Number,
    Shape,
    Text,
    Truth,
    Whole,
    json_schema,
)
from app.domain.value_stream import Category, MovePolicy, WipPolicy
from app.domain.working_time import WEEKDAYS, Shift

VERSION = 1
SCHEMA_COMMENT = "# yaml-language-server: $schema=./value-stream.schema.json"
"""The first line of a file, by which editors find the schema."""

_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_SHIFT = Text(
    "working hours such as 09:00-17:30, with two digits each, that end on the day they begin"
    " (24:00 at the latest)",
    pattern=f"{_CLOCK}-({_CLOCK}|24:00)",
    unquoted=True,
    reads=Shift.of,
)
_DATE = Text(
    "a date such as 2026-12-24",
    pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}",
    format="date",
    unquoted=True,
    reads=date.fromisoformat,
)
_STAGE_NAME = Text("a stage's name of 1 to 100 characters")
_TO = Items(_STAGE_NAME, "names of stages", least=1)
_DESCRIPTION = Text("a text of at most 2,000 characters", longest=2000, has_lines=True)
_STRICT = {"enum": ["warn", "enforce"]}
_MOVE_POLICY = Text("a policy", choices=tuple(MovePolicy))

_SHIFTS = Items(_SHIFT, 'hours such as "09:00-17:30"')
HOURS = Entries(
    'weekdays with their hours, such as mon: ["09:00-17:30"]',
    tuple(
        Field(day, _SHIFTS, f"hours on {name}s", unsaid="none")
        for day, name in zip(WEEKDAYS, _DAY_NAMES, strict=True)
    ),
)
HOLIDAYS = Entries(
    "country and, if holidays differ within it, subdivision",
    (
        Field("country", Text("a country"), "ISO 3166 code such as `DE`; `NO` needs quotes", True),
        Field(
            "subdivision",
            Text("a subdivision"),
            "code within the country, such as `BE` for Berlin",
            unsaid="only holidays of the whole country",
        ),
    ),
)
WORKING_TIME = Entries(
    "hours, holidays and days_off",
    (
        Field("hours", HOURS, "when the team works, by the clock of the stream's time zone", True),
        Field("holidays", HOLIDAYS, "public holidays, on which nobody works", unsaid="none"),
        Field(
            "days_off",
            Items(_DATE, "dates such as 2026-12-24", most=1000),
            "the team's own days off",
            unsaid="none",
        ),
    ),
)
SERVICE_LEVEL = Entries(
    "percent and days, such as {percent: 85, days: 10}",
    (
        Field("percent", Whole(1, 99), "so many percent of the items that finish …", True),
        Field("days", Number(3650), "… take at most so many days of 24 hours", unsaid="`hours`"),
        Field("hours", Number(87_600), "the same in hours, instead of `days`", unsaid="`days`"),
    ),
    either=("days", "hours"),
)
ALLOWED = Entries(
    "from and to, such as {from: Backlog, to: [Analysis]}",
    (
        Field("from", _STAGE_NAME, "stage that is left", True),
        Field("to", _TO, "stages that may be entered from there", True),
    ),
)
MOVES = Entries(
    "policy, allow and backward_reason",
    (
        Field("policy", _MOVE_POLICY, "what happens to a move not in `allow`", default="open"),
        Field(
            "allow",
            Items(ALLOWED, "allowed moves such as {from: Backlog, to: [Analysis]}"),
            "the allowed moves; needed with `warn` and `enforce`, and with these only",
            unsaid="every move is allowed",
        ),
        Field(
            "backward_reason",
            _MOVE_POLICY,
            "what happens to a move backward that gives no reason",
            default="open",
        ),
    ),
    also={
        "if": {"properties": {"policy": _STRICT}, "required": ["policy"]},
        "then": {"required": ["allow"], "properties": {"allow": {"minItems": 1}}},
        "else": {"properties": {"allow": {"maxItems": 0}}},
    },
)
STAGE = Entries(
    "a stage with name and category",
    (
        Field("name", _STAGE_NAME, "unique in the stream, whatever its case", True),
        Field(
            "type",
            Text("a type of 1 to 100 characters"),
            "a kind of stage that tools can rely on while the name changes",
            unsaid="the name in lower case, with dashes",
        ),
        Field(
            "category",
            Text("a category", choices=tuple(Category)),
            "work waits here, is worked on, or is done",
            True,
        ),
        Field("wip_limit", Whole(1, 1_000_000), "most items at a time", unsaid="no limit"),
        Field(
            "wip_policy",
            Text("a policy", choices=tuple(WipPolicy)),
            "what happens to a move that would break the limit",
            default="observe",
        ),
        Field("description", _DESCRIPTION, "what is done here, and when it is finished"),
        Field(
            "replaces",
            Items(_STAGE_NAME, "names of stages", least=1),
            "names that this stage had before, and stages that are merged into it",
            unsaid="nothing",
        ),
    ),
    also={
        "if": {
            "properties": {"wip_policy": _STRICT},
            "required": ["wip_policy"],
        },
        "then": {"required": ["wip_limit"]},
    },
)
STREAM = Entries(
    "a value stream with key, name and stages",
    (
        Field(
            "key",
            Text(
                "a key of 1 to 63 lower-case letters, digits and dashes that begins with a letter"
                " or digit",
                longest=63,
                pattern="[a-z0-9][a-z0-9-]{0,62}",
            ),
            "how addresses and commands name the stream; it never changes",
            True,
        ),
        Field("name", Text("a name of 1 to 100 characters"), "how people name it", True),
        Field("description", _DESCRIPTION, "what flows here, and for whom"),
        Field(
            "default",
            Truth(),
            "requests that name no stream mean this one; at most one stream",
            default=False,
        ),
        Field(
            "time_zone",
            Text("an IANA time zone such as Europe/Berlin"),
            "IANA zone in which days, weeks and working hours are told",
            default="UTC",
        ),
        Field("working_time", WORKING_TIME, "the second clock", unsaid="no working clock"),
        Field(
            "service_level_expectation",
            SERVICE_LEVEL,
            "how long an item should take",
            unsaid="none",
        ),
        Field("moves", MOVES, "which moves are right", unsaid="all"),
        Field(
            "stages",
            Items(STAGE, "stages in the order that work takes", least=2),
            "the stages, in the order that work takes",
            True,
        ),
    ),
)
FILE = Entries(
    "a mapping with version and value_streams",
    (
        Field("version", Whole(VERSION, VERSION), "the version of this format, 1", True),
        Field(
            "value_streams",
            Items(STREAM, "value streams", least=1, most=500),
            "the streams; those not named here stay as they are",
            True,
        ),
    ),
)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a value stream file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Value streams",
        "description": "Value streams as code: stages, limits, moves, clocks.",
        **json_schema(FILE),
    }


def reference() -> str:
    """Return the fields as Markdown: a heading and a table for each mapping."""
    parts = []
    for path, shape in _mappings("", FILE):
        heading = f"### `{path}`" if path else "### The file"
        rows = [_row(each) for each in shape.fields]
        header = "| Field | What it takes | Unsaid | Meaning |\n|---|---|---|---|"
        parts.append("\n".join([heading, "", header, *rows]))
    return "\n\n".join(parts) + "\n"


def _mappings(path: str, shape: Shape) -> Iterator[tuple[str, Entries]]:
    """Yield each mapping with its path, an outer one before those within."""
    match shape:
        case Items():
            yield from _mappings(f"{path}[]", shape.of)
        case Entries():
            yield path, shape
            for each in shape.fields:
                yield from _mappings(f"{path}.{each.name}".lstrip("."), each.shape)
        case _:
            pass


def _row(each: Field) -> str:
    if each.required:
        unsaid = "needed"
    elif each.default is not None:
        unsaid = f"`{str(each.default).lower() if each.default is False else each.default}`"
    else:
        unsaid = each.unsaid or "–"
    return f"| `{each.name}` | {_takes(each.shape)} | {unsaid} | {each.help} |"


def _takes(shape: Shape) -> str:
    match shape:
        case Text(choices=()):
            return shape.says
        case Text():
            return ", ".join(f"`{choice}`" for choice in shape.choices)
        case Items():
            return f"a list of {shape.says}"
        case _:
            return shape.says
