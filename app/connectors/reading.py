"""What a connector makes of a payload: histories, what it left out and why, what is wrong."""

from dataclasses import dataclass, field

from app.domain.errors import FileProblem, Place
from app.domain.work_item import ItemHistory


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
    """

    histories: list[ItemHistory] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    problems: list[FileProblem] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
