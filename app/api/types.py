"""The kinds of value that requests carry, with the rules that hold for each everywhere."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from app.domain.instants import EARLIEST

MAX_ID = 2**63 - 1
"""PostgreSQL's bigint."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _parse_instant(value: Any) -> datetime:
    """Read an RFC 3339 instant; the offset is required, so that no one guesses a time zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("expected an RFC 3339 instant with offset, such as 2026-01-31T09:30:00Z")
    try:
        instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such date or time") from None
    if instant < EARLIEST:
        raise ValueError("expected an instant since 1970")
    return instant


def _storable(value: str) -> str:
    if _UNSTORABLE.search(value):
        raise ValueError("expected text without NUL and without lone surrogates")
    return value


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError("expected an integer")
    return value


def _time_zone(value: str) -> str:
    if value not in available_timezones() - {"localtime", "Factory"}:  # these depend on the machine
        raise ValueError("expected an IANA time zone, such as Europe/Berlin")
    return value


Instant = Annotated[
    datetime,
    BeforeValidator(_parse_instant, json_schema_input_type=datetime),
]
Text = Annotated[str, AfterValidator(_storable)]
Title = Annotated[Text, StringConstraints(min_length=1, max_length=500)]
Reason = Annotated[Text, StringConstraints(min_length=1, max_length=2000)]
OverrideReason = Annotated[
    Reason | None, Field(description="why an enforced rule of the stream may be broken this time")
]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=200)]
Key = Annotated[Text, StringConstraints(min_length=1, max_length=255)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Id = Annotated[int, BeforeValidator(_digits, json_schema_input_type=int), Field(ge=1, le=MAX_ID)]


def zone(name: str) -> ZoneInfo:
    """Return the time zone of a validated name."""
    return ZoneInfo(name)


class Request(BaseModel):
    """A request's body or parameters: what is not documented is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """A response body."""

    model_config = ConfigDict(from_attributes=True, ser_json_inf_nan="null", defer_build=True)


def dumped(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """Return answers as the rows of a table."""
    return [each.model_dump() for each in answers]
