"""Blocks in a Jira changelog: an issue was flagged, or had a label that means blocked."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.connectors.jira_issues import Issue, oldest_first, text_of
from app.connectors.texts import bounded, normal
from app.domain.block import Block

_FLAG = "flagged"
_LABELS = "labels"

Instant = Callable[[object, str], datetime | None]
"""Reads the instant at a path of the issue; None, once its problem is told."""


@dataclass(frozen=True, slots=True)
class _Change:
    """What blocked the issue before and after an instant: reasons, by the words they go by."""

    at: datetime
    event: str
    before: Mapping[str, str]
    after: Mapping[str, str]


def blocks_of(
    issue: Issue, created: datetime, labels: Iterable[str], instant: Instant
) -> tuple[Block, ...] | None:
    """Return when the issue could not go on, as its changelog tells; None where it cannot be read.

    It was flagged (the reason is the flag's value, such as Impediment), or it had one of `labels`
    (the reason is the label). What it was created with lasted from its creation on.
    """
    flags = _changes(issue, _FLAG, instant, _flag)
    labelled = _label_changes(issue, created, frozenset(map(normal, labels)), instant)
    if flags is None or labelled is None:
        return None
    found = [*_blocks(created, _FLAG, flags), *_blocks(created, "label", labelled)]
    return tuple(sorted(found, key=lambda block: block.started))


def _label_changes(
    issue: Issue, created: datetime, wanted: frozenset[str], instant: Instant
) -> list[_Change] | None:
    """Return the changes of the labels that mean blocked; a first one says what it began with."""
    if not wanted:
        return []
    changes = _changes(issue, _LABELS, instant, lambda value: _labels(value.split(), wanted))
    if changes == []:  # those it has now are those that it was created with
        had = _labels(_texts(issue.fields.get(_LABELS)), wanted)
        return [_Change(created, "", had, had)]
    return changes


def _changes(
    issue: Issue, field: str, instant: Instant, read: Callable[[str], Mapping[str, str]]
) -> list[_Change] | None:
    """Return the changes of a field, oldest first; None where an instant cannot be read."""
    groups: list[tuple[datetime, list[_Change]]] = []
    for path, history in issue.histories():
        items = list(_items(history, field))
        at = instant(history.get("created"), f"{path}.created") if items else None
        if items and at is None:
            return None
        if at is not None:
            told = text_of(history.get("id")) or at.isoformat()
            changes = [
                _Change(at, f"{told}:{n}", read(text_of(before)), read(text_of(after)))
                for n, before, after in items
            ]
            groups.append((at, changes))
    return oldest_first(groups)


def _items(history: Mapping[str, object], field: str) -> Iterator[tuple[int, object, object]]:
    """Yield position, old and new text of the changes of a field in one entry."""
    items = history.get("items")
    for n, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and field in map(_word, (item.get("field"), item.get("fieldId"))):
            yield n, item.get("fromString"), item.get("toString")


def _blocks(created: datetime, kind: str, changes: Sequence[_Change]) -> Iterator[Block]:
    """Turn changes into spans, each known by the change that began it."""
    began: dict[str, Block] = {}
    used: dict[str, int] = {}
    if changes:
        since = min(created, changes[0].at)
        for word, reason in changes[0].before.items():
            event = bounded(f"jira:created:{_event(kind, word)}")
            began[word] = Block(reason, since, None, event)
    for change in changes:
        for word in began.keys() - change.after.keys():
            over = began.pop(word)
            yield Block(over.reason, over.started, change.at, over.source_event_id)
        for word, reason in change.after.items():
            if word not in began:
                event = f"jira:{change.event}:{_event(kind, word)}"
                used[event] = used.get(event, 0) + 1  # entries of one instant may have no ids
                event = event if used[event] == 1 else f"{event}:{used[event]}"
                began[word] = Block(reason, change.at, None, bounded(event))
    yield from began.values()


def _event(kind: str, word: str) -> str:
    return kind if kind == _FLAG else f"{kind}:{word}"


def _flag(value: str) -> Mapping[str, str]:
    """Return the flag, if it is set; whichever values it may have, an issue is flagged or not."""
    return {_FLAG: value} if value else {}


def _labels(labels: Iterable[str], wanted: frozenset[str]) -> Mapping[str, str]:
    """Return those labels that mean blocked."""
    return {normal(label): label for label in labels if normal(label) in wanted}


def _texts(value: object) -> list[str]:
    return list(filter(None, map(text_of, value))) if isinstance(value, list) else []


def _word(value: object) -> str:
    return normal(text_of(value))
