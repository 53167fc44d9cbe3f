"""Everything that can be wrong with a request, without a word of HTTP.

    VsmError
    ├── Invalid                       the caller's values cannot be right
    │   ├── InvalidValue              one field: name, what came, what was expected
    │   ├── InvalidStream             a value stream whose metrics could not be defined
    │   ├── InvalidImport             a file with problems, each with its place
    │   └── InvalidBatch              a batch with problems, each with its index
    ├── NotFound
    │   ├── UnknownItem
    │   ├── UnknownTransition
    │   ├── UnknownStage
    │   └── UnknownStream
    ├── Conflict                      right in itself, but not in the present state
    │   ├── ItemCancelled
    │   ├── ItemNotCancelled
    │   ├── CancelBeforeLastMove
    │   ├── TransitionVoided
    │   ├── DuplicateItem
    │   ├── EventIdReused
    │   └── StageInUse                a definition would leave items or moves without a stage
    ├── PreconditionFailed            the caller's view of the item is out of date
    ├── IdempotencyKeyReused          same key, another request
    ├── TooLarge                      more than is accepted at once
    └── Unavailable                   try again later
        ├── DatabaseUnavailable
        ├── SchemaOutdated
        └── EmbeddedDatabaseError

The first line of a class's docstring is the title that callers see; `type_name` is stable.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class VsmError(Exception):
    """Something went wrong."""

    type_name = "error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title())

    @classmethod
    def title(cls) -> str:
        """Return the sentence that names this kind of error."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @property
    def detail(self) -> str:
        """What happened this time, and how to put it right."""
        return str(self.args[0])


class Invalid(VsmError):
    """The request's values cannot be right."""

    type_name = "invalid"


class InvalidValue(Invalid):
    """A value is not what was expected."""

    type_name = "invalid-value"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class InvalidStream(Invalid):
    """The value stream is not well defined."""

    type_name = "invalid-stream"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something is wrong: line and column are 1-based, 0 when unknown."""

    file: str
    line: int = 0
    column: int = 0
    field: str = ""

    def __str__(self) -> str:
        """Render as compilers do, so that editors can jump there."""
        parts = [self.file, *(str(part) for part in (self.line, self.column) if part)]
        return ":".join(parts) + (f" ({self.field})" if self.field else "")


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One thing wrong in an imported file: where, what came, what was expected."""

    place: Place
    message: str

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.place}: {self.message}"


class InvalidImport(Invalid):
    """The file cannot be imported as it is; nothing was imported."""

    type_name = "invalid-import"

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s'[: count > 1]} in the file; first: {problems[0]}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class BatchProblem:
    """One thing wrong in a batch: the item's index, the field within it, what was expected."""

    index: int
    field: str
    message: str


class InvalidBatch(Invalid):
    """The batch holds items that cannot be right; nothing was written."""

    type_name = "invalid-batch"

    def __init__(self, problems: Sequence[BatchProblem]) -> None:
        first = problems[0]
        super().__init__(f"item {first.index}, {first.field}: {first.message}")
        self.problems = tuple(problems)


class NotFound(VsmError):
    """There is no such thing."""

    type_name = "not-found"


class UnknownItem(NotFound):
    """There is no such work item."""

    type_name = "unknown-item"

    def __init__(self, item_id: int) -> None:
        super().__init__(f"no work item has the id {item_id}")


class UnknownTransition(NotFound):
    """There is no such transition."""

    type_name = "unknown-transition"

    def __init__(self, item_id: int, transition_id: int) -> None:
        super().__init__(f"work item {item_id} has no transition {transition_id}")


class UnknownStage(NotFound):
    """There is no such stage."""

    type_name = "unknown-stage"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no stage is named {name!r}; the stages are: {', '.join(known)}")
        self.name = name


class UnknownStream(NotFound):
    """There is no such value stream."""

    type_name = "unknown-stream"

    def __init__(self, key: str) -> None:
        super().__init__(f"no value stream has the key {key!r}")


class Conflict(VsmError):
    """The request does not fit the present state."""

    type_name = "conflict"


class ItemCancelled(Conflict):
    """The work item is cancelled."""

    type_name = "item-cancelled"


class ItemNotCancelled(Conflict):
    """The work item is not cancelled."""

    type_name = "item-not-cancelled"


class CancelBeforeLastMove(Conflict):
    """A work item cannot be cancelled before its last move."""

    type_name = "cancel-before-last-move"


class TransitionVoided(Conflict):
    """The transition is void already."""

    type_name = "transition-voided"


class DuplicateItem(Conflict):
    """Another work item has this external key."""

    type_name = "duplicate-item"


class EventIdReused(Conflict):
    """The source event id belongs to another transition of this item."""

    type_name = "event-id-reused"


@dataclass(frozen=True, slots=True)
class StageProblem:
    """One stage that a definition leaves out although it is needed, and what needs it."""

    stream: str
    stage: str
    items: int
    moves: int

    @property
    def message(self) -> str:
        """What is there, and how to put it right."""
        items = f"{self.items} item{'s'[: self.items != 1]}"
        moves = f"{self.moves} move{'s'[: self.moves != 1]}"
        return (
            f"stage {self.stage!r} has {items} in it and {moves} into it; say which stage takes "
            f"them over: `replaces: [{self.stage}]`"
        )


class StageInUse(Conflict):
    """A stage cannot be left out while items or moves refer to it; nothing was changed."""

    type_name = "stage-in-use"

    def __init__(self, problems: Sequence[StageProblem]) -> None:
        super().__init__("; ".join(f"stream {each.stream!r}: {each.message}" for each in problems))
        self.problems = tuple(problems)


class PreconditionFailed(VsmError):
    """The work item has changed since you looked."""

    type_name = "precondition-failed"


class IdempotencyKeyReused(VsmError):
    """The Idempotency-Key was used for another request."""

    type_name = "idempotency-key-reused"


class TooLarge(VsmError):
    """This is more than is accepted at once."""

    type_name = "too-large"


class Unavailable(VsmError):
    """The service cannot answer now; try again."""

    type_name = "unavailable"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached; try again."""

    type_name = "database-unavailable"


class SchemaOutdated(Unavailable):
    """The database's schema is not up to date; run `alembic upgrade head` or `vsm migrate`."""

    type_name = "schema-outdated"


class EmbeddedDatabaseError(Unavailable):
    """The embedded database cannot be used as it is."""

    type_name = "embedded-database"
