"""Which column holds which field: stated by the user, or known by its header."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.connectors.texts import normal, shown

_LISTED = 12  # headers named in a message before it says "and n more"


@dataclass(frozen=True, slots=True)
class Field:
    """What a column may hold, and the headers it goes by, the surest first."""

    name: str
    headers: tuple[str, ...]
    required: bool = False


KEY = Field(
    "key",
    (
        *("item key", "key", "issue key", "work item key", "ticket key", "external key"),
        *("issue id", "item id", "work item id", "ticket id", "card id"),
        *("item", "issue", "work item", "ticket", "card", "id"),
    ),
    required=True,
)
TITLE = Field("title", ("title", "name", "summary", "item title", "subject"))
TYPE = Field("type", ("type", "item type", "issue type", "work item type", "original type", "kind"))


def find(
    header: Sequence[str],
    fields: Sequence[Field],
    stated: Mapping[str, str],
    taken: Iterable[int] = (),
) -> tuple[dict[str, int], list[str]]:
    """Return each field's column, by position in the header, and what is wrong.

    Columns `taken` are left out. A column serves one field only, unless the user states
    otherwise; earlier fields choose first.
    """
    positions: dict[str, int] = {}
    problems = []
    by_name = _positions(header)
    for name in (each.name for each in fields if each.name in stated):
        found = by_name.get(normal(stated[name]), [])
        exact = [at for at, text in enumerate(header) if text == stated[name]]
        choice = exact or found
        if len(choice) == 1:
            positions[name] = choice[0]
        else:
            what = f"got {len(choice)} of them" if choice else f"got {listed(header)}"
            problems.append(f"expected a column {shown(stated[name])} for {name}, {what}")
    used = {*positions.values(), *taken}
    for each in fields:
        if each.name in stated:
            continue
        for synonym in each.headers:
            found = [at for at in by_name.get(normal(synonym), []) if at not in used]
            if len(found) > 1:
                problems.append(
                    f"expected one column {shown(header[found[0]])} for {each.name}, "
                    f"got {len(found)} of that name"
                )
            if found:
                positions[each.name] = found[0]
                used.add(found[0])
                break
    return positions, problems


def missing(fields: Iterable[Field], found: Iterable[str], header: Sequence[str]) -> list[str]:
    """Name each required field that no column holds, and how to state one."""
    have = set(found)
    return [
        f"expected a column for {each.name} (such as {', '.join(each.headers[:4])}), "
        f"got {listed(header)}; state it with --column {each.name}=HEADER"
        for each in fields
        if each.required and each.name not in have
    ]


def unknown(stated: Iterable[str], known: Sequence[str]) -> list[str]:
    """Name each field that the user stated a column for and that does not exist."""
    return [
        f"expected a field for --column ({', '.join(known)}), got {shown(name)}"
        for name in stated
        if name not in known
    ]


def unused(header: Sequence[str], used: Iterable[int]) -> list[str]:
    """Return a note that names the columns nobody reads, if any."""
    have = set(used)
    names = [shown(text) for at, text in enumerate(header) if text and at not in have]
    return [f"columns not used: {', '.join(names)}"] if names else []


def listed(header: Sequence[str]) -> str:
    """Name a file's columns in a message."""
    names = ", ".join(shown(text) for text in header[:_LISTED])
    more = f" and {len(header) - _LISTED} more" if len(header) > _LISTED else ""
    return f"the columns {names}{more}"


def _positions(header: Sequence[str]) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = {}
    for at, text in enumerate(header):
        if name := normal(text):
            positions.setdefault(name, []).append(at)
    return positions
