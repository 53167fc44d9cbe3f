"""What a connector is told, and what it makes of a payload: histories, problems, assumptions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from app.connectors.texts import MAX_TITLE
from app.domain.errors import FileProblem, Place
from app.domain.work_item import ItemHistory


class FileFormat(StrEnum):
    """The formats that can be imported."""

    JIRA = "jira"
    CSV = "csv"
    JSONL = "jsonl"
    STAGE_DATES = "stage-dates"


DISCARD_RESOLUTIONS = (
    "Won't Do",
    "Won't Fix",
    "Duplicate",
    "Cannot Reproduce",
    "Declined",
    "Rejected",
    "Abandoned",
    "Invalid",
    "Not a Bug",
    "Obsolete",
    "Withdrawn",
    "Cancelled",
    "Canceled",
    "Incomplete",
)
"""Resolutions of work that was given up rather than delivered."""


MAX_TOLD = 10_000
"""How many problems of a table, and how many skipped rows, are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read a file. Unsaid: detected from the file, or the default given here.

    `now` bounds the instants that can be right. `date_format` is `dmy`, `mdy` or a strptime
    pattern. `columns` maps fields to headers; `mapping` maps the source's status words to stages,
    `cancelled` or `ignore`; `types` maps its types to work item types. An item
    cannot go on while it has one of the `blocked_labels`.
    """

    now: datetime
    tz: tzinfo = UTC
    delimiter: str | None = None
    date_format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    discard_resolutions: tuple[str, ...] = DISCARD_RESOLUTIONS
    blocked_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is right but says nothing new, such as a duplicate."""

    place: Place
    reason: str


@dataclass(slots=True)
class Reading:
    """The outcome of reading one file.

    `problems` are errors: a file with any is not imported. `mapping` shows which stage each of the
    source's words was taken for, so that a preview can be checked before anything is written.
    `columns` shows which column was taken for which field (tables only), and `notes` are
    assumptions worth telling (an offset that was assumed, a delimiter that was detected).
    `skips` counts skipped rows by reason; `skipped` names the first `MAX_TOLD`.
    """

    histories: list[ItemHistory] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    skips: Counter[str] = field(default_factory=Counter)
    problems: list[FileProblem] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def problem(self, place: Place, message: str) -> None:
        """Add an error."""
        self.problems.append(FileProblem(place, message))

    @property
    def is_full(self) -> bool:
        """Tell whether there are so many problems that reading on would help nobody."""
        return len(self.problems) >= MAX_TOLD

    def add(self, other: "Reading") -> None:
        """Take over what another one tells of the same file."""
        self.problems += other.problems
        self.skipped += other.skipped
        self.skips.update(other.skips)
        self.skipped = sorted(self.skipped, key=lambda row: row.place.line)[:MAX_TOLD]

    def finish(self, tally: "Tally") -> "Reading":
        """Add the assumptions that were made, and put the problems in the order of their lines."""
        self.notes.extend(tally.notes())
        self.problems.sort(key=lambda problem: problem.place.line)
        return self

    def skip(self, place: Place, reason: str) -> None:
        """Tell that a row says nothing new."""
        self.skips[reason] += 1
        if len(self.skipped) < MAX_TOLD:
            self.skipped.append(Skipped(place, reason))


@dataclass(slots=True)
class Tally:
    """Assumptions that repeat: each is told once, with how often it was made and where first."""

    _seen: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, assumption: str, first: object) -> None:
        """Count one more time that this was assumed."""
        count, where = self._seen.get(assumption, (0, ""))
        self._seen[assumption] = (count + 1, where or str(first))

    def extend(self, other: "Tally") -> None:
        """Take over what was assumed later."""
        for assumption, (count, where) in other._seen.items():  # noqa: SLF001 - its own kind
            seen, first = self._seen.get(assumption, (0, ""))
            self._seen[assumption] = (seen + count, first or where)

    def notes(self) -> list[str]:
        """Return one sentence for each assumption, in the order they were first made."""
        return [
            f"{assumption} ({count} times, first: {where})"
            if count > 1
            else f"{assumption} (once: {where})"
            for assumption, (count, where) in self._seen.items()
        ]


def storable_title(text: str, key: str, tally: Tally) -> str:
    """Return a title that can be stored: the key where there is none, cut where too long."""
    if not text:
        tally.add("items without title were given their key as title", key)
        return key
    if len(text) > MAX_TITLE:
        tally.add(f"titles longer than {MAX_TITLE} characters were cut", key)
        return text[: MAX_TITLE - 1].rstrip() + "…"
    return text
