"""Instants as exports write them. Every shape read here is named; nothing else is guessed."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import NamedTuple

from app.connectors.reading import ReadOptions, Tally
from app.connectors.texts import shown
from app.domain.instants import EARLIEST, FUTURE_TOLERANCE

EXPECTED = "expected a date and time such as 2025-06-07T14:59:28Z"
_PLACEHOLDER_YEAR = 2900  # later years stand for "never" (9999-12-31, 2999-01-01)

_TIME = (
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?:\s*(?P<zone>[Zz]|UTC|GMT|(?P<sign>[+-])(?P<zone_hours>[0-9]{2})(?::?(?P<zone_minutes>[0-9]{2}))?))?"
)
_TAIL = rf"(?:(?:[Tt]|,?\s+){_TIME})?"
_YEAR_FIRST = re.compile(
    r"(?P<year>[0-9]{4})(?P<separator>[-/.])(?P<month>[0-9]{1,2})(?P=separator)(?P<day>[0-9]{1,2})"
    + _TAIL
)
_PLAIN_ISO = re.compile(r"[0-9-]{10}[T ][0-9:]{8}Z?")
_YEAR_LAST = re.compile(
    r"(?P<one>[0-9]{1,2})(?P<separator>[-/.])(?P<two>[0-9]{1,2})(?P=separator)(?P<year>[0-9]{4})"
    + _TAIL
)
_NAMED_MONTH = re.compile(
    r"(?P<day>[0-9]{1,2})[-/ .]\s*(?P<name>[A-Za-z]{3})[a-z]*[-/ .,]\s*(?P<year>[0-9]{4}|[0-9]{2})"
    + _TAIL
)
_EPOCH = re.compile(r"[0-9]{9,10}(?:\.[0-9]{1,9})?|[0-9]{12,13}")
_RELATIVE = re.compile(
    r"\{.*\}|.*\bago|now|today|tomorrow|yesterday|[+-][0-9]+\s*[a-z]+", re.IGNORECASE
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS_IN_YEAR = len(_MONTHS)
_DIRECTIVES = re.compile(r"(?:[^%]|%[aAbBcdfHIjmMpSUVuwWxXyYzZG%])*")
_YEAR_DIRECTIVES = ("%Y", "%y", "%c", "%x", "%G")


class DayOrder(Enum):
    """Which number of `3/4/2025` is the day."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


class NotAnInstantError(Exception):
    """A text is no instant that can be right; the message says what was expected."""


class Instant(NamedTuple):
    """An instant in UTC; `day_only` when the text gave no time of day."""

    at: datetime
    day_only: bool = False


def day_orders(columns: Mapping[str, Iterable[str]]) -> tuple[dict[str, DayOrder], list[str]]:
    """Decide for each column which number is the day, and tell what had to be assumed.

    A value above 12 anywhere in a column decides for the whole column; a column without one
    follows the others. Dates with dots are day first everywhere and prove nothing. Columns
    without such dates have no order.
    """
    proofs = {name: _evidence(texts) for name, texts in columns.items()}
    proven = [proof.order for proof in proofs.values() if proof.order]
    open_ones = {name: proof for name, proof in proofs.items() if proof.example and not proof.order}
    half_days = any(proof.half_days for proof in proofs.values())
    assumed = DayOrder.MONTH_FIRST if half_days else DayOrder.DAY_FIRST
    if proven:
        assumed = proven[0]
    notes = [
        f"dates of {name} such as {shown(proof.example)} were read "
        f"{'month' if assumed is DayOrder.MONTH_FIRST else 'day'} first"
        f"{', as in the other columns' if proven else ''}, as no value tells; "
        "--date-format dmy or --date-format mdy states it"
        for name, proof in open_ones.items()
    ]
    orders = {
        name: proof.order or assumed
        for name, proof in proofs.items()
        if proven or proof.order or proof.example
    }
    return orders, notes


class _Evidence(NamedTuple):
    order: DayOrder | None
    example: str
    half_days: bool


def _evidence(texts: Iterable[str]) -> _Evidence:
    """Tell what a column's dates prove, or else an example that leaves the order open."""
    example, half_days = "", False
    for text in texts:
        # two short numbers come first, unlike in ISO dates, which are most
        if "-" not in text[1:4] and "/" not in text[1:4]:
            continue
        match = _YEAR_LAST.fullmatch(_plain(text))
        if match is None or match["separator"] == ".":
            continue
        one, two = int(match["one"]), int(match["two"])
        half_days = half_days or bool(match["half"])
        if max(one, two) > _MONTHS_IN_YEAR >= min(one, two):
            order = DayOrder.DAY_FIRST if one > two else DayOrder.MONTH_FIRST
            return _Evidence(order, "", half_days)
        if one != two:
            example = example or match[0]
    return _Evidence(None, example, half_days)


class Instants:
    """Reads the instants of one file. `check` is what is wrong with the options, or ''."""

    def __init__(self, options: ReadOptions, tally: Tally) -> None:
        self._tz = options.tz
        self._latest = options.now + FUTURE_TOLERANCE
        self._now = options.now
        self._tally = tally
        self._pattern = options.date_format
        self._order: DayOrder | None = None
        if options.date_format in {order.value for order in DayOrder}:
            self._order, self._pattern = DayOrder(options.date_format), None

    @property
    def needs_order(self) -> bool:
        """Tell whether the order of day and month must come from the file itself."""
        return self._order is None and self._pattern is None

    @property
    def check(self) -> str:
        """Say what is wrong with the date format that was asked for; '' when nothing is."""
        if self._pattern is None:
            return ""
        known = _DIRECTIVES.fullmatch(self._pattern)
        if known and any(year in self._pattern for year in _YEAR_DIRECTIVES):
            try:
                datetime.strptime("", self._pattern)  # noqa: DTZ007 - only compiles the pattern
            except ValueError:
                return ""
            except re.error:
                pass  # a directive stands twice
        return (
            "expected a date format: dmy, mdy, or a strptime pattern with a year such as "
            f"'%d.%m.%Y %H:%M', got {shown(self._pattern)}"
        )

    def read(self, text: str, order: DayOrder | None = None, *, place: object = "") -> Instant:
        """Return the instant that the text names; raises NotAnInstantError.

        A time without offset is in the options' zone: in a gap it moves forward by the gap, and of
        two it is the first.
        """
        plain = _plain(text)
        try:
            found = self._parse(plain, self._order or order)
        except (ValueError, OverflowError):
            found = None
        if found is None:
            if _RELATIVE.fullmatch(plain):
                raise NotAnInstantError(
                    "expected an absolute date such as 2025-06-07, "
                    f"got {shown(text)}, which is relative"
                )
            raise NotAnInstantError(f"{self._expectation(order)}, got {shown(text)}")
        moment, day_only = found
        self._refuse_placeholder(moment, text)
        if moment.tzinfo is None:
            # fold 0 is what the zone rules want: forward in a gap, the first of two
            moment = moment.replace(tzinfo=self._tz)
            self._tally.add(
                f"times without an offset were taken as {self._tz}; --tz names another zone", place
            )
        at = moment.astimezone(UTC)
        if at > self._latest:
            raise NotAnInstantError(
                f"expected an instant up to now ({self._now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}), "
                f"got {shown(text)}, which lies in the future"
            )
        return Instant(at, day_only)

    def recognises(self, text: str) -> bool:
        """Tell whether a text is a date by its shape, be it right or not."""
        try:
            return self._parse(_plain(text), self._order) is not None
        except (ValueError, OverflowError, re.error):
            return False

    def _parse(self, text: str, order: DayOrder | None) -> tuple[datetime, bool] | None:
        if self._pattern is not None:
            hours = any(part in self._pattern for part in ("%H", "%I", "%c", "%X"))
            return datetime.strptime(text, self._pattern), not hours  # noqa: DTZ007 - aware later
        if _PLAIN_ISO.fullmatch(text):
            return datetime.fromisoformat(text), False  # the common shape, read in C
        if match := _YEAR_FIRST.fullmatch(text):
            return _assemble(match, int(match["month"]), int(match["day"]))
        if match := _YEAR_LAST.fullmatch(text):
            dotted = match["separator"] == "." and self._order is None
            month_first = order is DayOrder.MONTH_FIRST and not dotted
            one, two = int(match["one"]), int(match["two"])
            return _assemble(match, one, two) if month_first else _assemble(match, two, one)
        if match := _NAMED_MONTH.fullmatch(text):
            month = _MONTHS.index(match["name"].lower()) + 1
            return _assemble(match, month, int(match["day"]))
        return (_epoch(text), False) if _EPOCH.fullmatch(text) else None

    def _expectation(self, order: DayOrder | None) -> str:
        if self._pattern is not None:
            return f"expected a date of the form {shown(self._pattern)}"
        if (self._order or order) is DayOrder.MONTH_FIRST:
            return f"{EXPECTED} or 6/7/2025 (month first)"
        if (self._order or order) is DayOrder.DAY_FIRST:
            return f"{EXPECTED} or 7/6/2025 (day first)"
        return EXPECTED

    @staticmethod
    def _refuse_placeholder(moment: datetime, text: str) -> None:
        # before any zone arithmetic, which overflows at both ends of the calendar
        first_day = moment.date() == EARLIEST.date()
        if moment.year < EARLIEST.year or moment.year >= _PLACEHOLDER_YEAR or first_day:
            raise NotAnInstantError(
                f"expected a real date, or an empty cell where there is none, got {shown(text)}, "
                "a placeholder"
            )


def _plain(text: str) -> str:
    """Strip, and make the narrow spaces ordinary that some locales put before AM and PM."""
    return text.strip().replace("\u202f", " ").replace("\xa0", " ")


def _epoch(text: str) -> datetime:
    """Return the instant of seconds since 1970, or of milliseconds where there are too many."""
    whole, _, fraction = text.partition(".")
    milliseconds = len(whole) >= 12  # noqa: PLR2004 - digits: seconds have 12 in the year 5138
    unit = timedelta(milliseconds=1) if milliseconds else timedelta(seconds=1)
    return EARLIEST + int(whole) * unit + _fraction(fraction)


def _assemble(match: re.Match[str], month: int, day: int) -> tuple[datetime, bool]:
    """Build the moment that a match names; raises ValueError for a day or time there is not."""
    year = int(match["year"])
    if len(match["year"]) == 2:  # noqa: PLR2004 - digits of `07/Jun/25`
        year += 2000
    if match["hour"] is None:
        return datetime(year, month, day), True  # noqa: DTZ001 - the zone is known to the caller
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - hours on a clock face
            raise ValueError
        hour = hour % 12 + (12 if match["half"] in "Pp" else 0)
    moment = datetime(year, month, day, hour, int(match["minute"]), int(match["second"] or 0))  # noqa: DTZ001
    return (moment + _fraction(match["fraction"] or "")).replace(tzinfo=_zone(match)), False


def _fraction(digits: str) -> timedelta:
    """Return a fraction of a second; what is finer than a microsecond is cut off."""
    return timedelta(microseconds=int(digits[:6].ljust(6, "0")))


def _zone(match: re.Match[str]) -> tzinfo | None:
    if not match["zone"]:
        return None
    if not match["sign"]:
        return UTC
    if int(match["zone_minutes"] or 0) >= 60:  # noqa: PLR2004 - minutes in an hour
        raise ValueError
    offset = timedelta(hours=int(match["zone_hours"]), minutes=int(match["zone_minutes"] or 0))
    return timezone(-offset if match["sign"] == "-" else offset)
