"""JSON from text nobody vouches for: every way of being wrong is one kind of problem."""

import json

from app.connectors.texts import shown


class JsonProblemError(Exception):
    """A text is no JSON; `line` and `column` are 1-based, 0 when unknown."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def parse(text: str) -> object:
    """Return the value that the text holds; raises JsonProblemError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos : error.pos + 10].strip()
        got = shown(rest) if rest else "the end of the text"
        raise JsonProblemError(
            f"expected JSON, got {got} where it cannot stand", error.lineno, error.colno
        ) from None
    except RecursionError:
        raise JsonProblemError("expected flat JSON, got brackets nested too deeply") from None
    except ValueError:  # a number of thousands of digits
        raise JsonProblemError("expected JSON, got a number with too many digits") from None
