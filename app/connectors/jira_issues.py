"""The issues in a Jira payload, whichever way they were fetched and put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import TypeVar

from app.connectors.json_text import JsonProblemError, parse
from app.connectors.reading import Reading
from app.connectors.texts import MAX_KEY, clean, shown
from app.domain.errors import Place

_EXPECTED = 'expected a Jira issue with "key" and "fields", or a search result with "issues"'


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of a payload, and where it stands there."""

    key: str
    value: Mapping[str, object]
    fields: Mapping[str, object]
    file: str
    line: int
    path: str

    @property
    def label(self) -> str:
        """Return how to name the issue to its owner."""
        return self.key or self.path

    def place(self, path: str) -> Place:
        """Return where a value of this issue stands; a JSON document's values have no column."""
        return Place(self.file, self.line, 0, f"{self.label}: {path}")

    def changelog(self) -> list[object] | None:
        """Return the entries of the changelog, None where there is none."""
        changelog = member(self.value, "changelog")
        histories = changelog.get("histories", changelog.get("values"))
        return histories if isinstance(histories, list) else None

    def histories(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield the entries of the changelog that can be read, with their paths."""
        for at, history in enumerate(self.changelog() or ()):
            if isinstance(history, dict):
                yield f"changelog.histories[{at}]", history


_Change = TypeVar("_Change")


def oldest_first(groups: Sequence[tuple[datetime, Sequence[_Change]]]) -> list[_Change]:
    """Put the changes of a changelog in order; those of one instant stay as they were made.

    A group are the changes of one entry. Jira Cloud lists the newest entry first.
    """
    if groups and groups[0][0] > groups[-1][0]:
        groups = groups[::-1]
    return [change for _, group in sorted(groups, key=itemgetter(0)) for change in group]


def issues_in(text: str, file: str, reading: Reading) -> list[Issue]:
    """Return the issues, each key once: of several versions of an issue, the last updated."""
    chosen: dict[str, Issue] = {}
    for line, document in _documents(text, file, reading):
        for path, value in _flatten(document, ""):
            issue = _issue(value, file, line, path, reading)
            if issue is None:
                continue
            other = chosen.get(issue.key)
            if other is not None and _updated(other) > _updated(issue):
                issue, other = other, issue
            if other is not None:
                reading.skip(other.place("key"), "the file has a newer version of this issue")
            chosen[issue.key] = issue
    if not chosen and not reading.problems:
        reading.notes.append("the file has no issues")
    return list(chosen.values())


def member(value: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return an object in an object, empty where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def name_of(fields: Mapping[str, object], name: str) -> str:
    """Return the name of a field's value (`{"name": …}` or the plain text), '' if none."""
    value = fields.get(name)
    if isinstance(value, dict):
        value = value.get("name")
    return clean(value) if isinstance(value, str) else ""


def text_of(value: object) -> str:
    """Return a JSON text or number as text, '' for anything else."""
    if isinstance(value, str):
        return clean(value)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _documents(text: str, file: str, reading: Reading) -> Iterator[tuple[int, object]]:
    """Yield the one document with line 0, or each line's with its number."""
    try:
        yield 0, parse(text)
    except JsonProblemError as whole:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0][1]):  # noqa: PLR2004 - JSON Lines are several
            reading.problem(Place(file, whole.line, whole.column), str(whole))
            return
        for number, line in lines:
            try:
                yield number, parse(line)
            except JsonProblemError as problem:
                reading.problem(Place(file, number, problem.column), str(problem))


def _is_json(text: str) -> bool:
    try:
        parse(text)
    except JsonProblemError:
        return False
    return True


def _flatten(value: object, path: str, depth: int = 0) -> Iterator[tuple[str, object]]:
    """Yield what should be issues, with their paths: through lists, and pages with `issues`."""
    issues = value.get("issues") if isinstance(value, dict) else None
    inner = value if isinstance(value, list) else issues
    if isinstance(inner, list) and depth < 2:  # noqa: PLR2004 - a list of pages of issues
        name = f"{path}.issues" if inner is issues else path
        for at, each in enumerate(inner):
            yield from _flatten(each, f"{name}[{at}]".lstrip("."), depth + 1)
    else:
        yield path, value


def _issue(value: object, file: str, line: int, path: str, reading: Reading) -> Issue | None:
    """Return the issue; None, with a problem, for anything else."""
    place = Place(file, line, 0, path)
    if not isinstance(value, dict) or not isinstance(value.get("fields"), dict):
        reading.problem(place, f"{_EXPECTED}, got {_kind(value)}")
        return None
    key = value.get("key")
    key = clean(key) if isinstance(key, str) else ""
    if not key or len(key) > MAX_KEY:
        got = shown(value.get("key"))
        reading.problem(place, f"expected an issue key of 1 to {MAX_KEY} characters, got {got}")
        return None
    return Issue(key, value, value["fields"], file, line, path)


def _updated(issue: Issue) -> str:
    """Return when the issue was last updated; one export writes all its instants alike."""
    updated = issue.fields.get("updated")
    return updated if isinstance(updated, str) else ""


def _kind(value: object) -> str:
    if isinstance(value, dict):
        keys = ", ".join(shown(key) for key in list(value)[:5])
        return f"an object with {keys}" if keys else "an empty object"
    return "a list" if isinstance(value, list) else shown(value)
