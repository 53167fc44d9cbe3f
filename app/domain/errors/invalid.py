"""Values that cannot be right, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors.base import VsmError


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
    """One thing wrong in a file: where, what came, what was expected."""

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


class InvalidStreamFile(Invalid):
    """The value stream file is not right; nothing was changed."""

    type_name = "invalid-stream-file"

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
