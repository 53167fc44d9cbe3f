"""Jira issues with their changelog, as Jira's REST API returns them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.connectors.file_texts import decode
from app.connectors.instants import EXPECTED, Instants, NotAnInstantError
from app.connectors.item_types import ItemTypes
from app.connectors.jira_blocks import blocks_of
from app.connectors.jira_issues import Issue, issues_in, member, name_of, oldest_first, text_of
from app.connectors.moves import Move, settle
from app.connectors.reading import Reading, ReadOptions, Tally, storable_title
from app.connectors.stage_names import Special, StageNames
from app.connectors.texts import bounded, normal, shown
from app.domain.errors import Place
from app.domain.value_stream import Category, Stage, ValueStream
from app.domain.work_item import ItemHistory

_STATUS = "status"


def read(data: bytes, file: str, stream: ValueStream, options: ReadOptions) -> Reading:
    """Read issues: a search result, a list of results or issues, one issue, or JSON Lines.

    Whatever the bytes, problems are told, never raised.
    """
    reading = Reading()
    text = decode(data, file, reading)
    return reading if text is None else _Reader(file, stream, options, reading).read(text)


@dataclass(frozen=True, slots=True)
class _Change:
    """A status change: when, from what, to what, by whose id."""

    at: datetime
    origin: str
    to: str
    event_id: str
    place: Place


@dataclass(slots=True)
class _Log:
    """The status changes of one issue, as its changelog lists them."""

    groups: list[tuple[datetime, list[_Change]]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def changes(self) -> list[_Change]:
        """Return the changes, oldest first; those of one instant in the order they were made."""
        return oldest_first(self.groups)


class _Reader:
    """Reads one payload into histories."""

    def __init__(
        self, file: str, stream: ValueStream, options: ReadOptions, reading: Reading
    ) -> None:
        self._file = file
        self._stream = stream
        self._options = options
        self._reading = reading
        self._tally = Tally()
        self._types = ItemTypes(options.types, self._tally)
        self._instants = Instants(replace(options, date_format=None), self._tally)
        self._discards = {normal(word) for word in options.discard_resolutions}
        self._names = StageNames(stream, options.mapping)
        self._without_log: list[Issue] = []

    def read(self, text: str) -> Reading:
        """Read the text; the reading holds what came of it."""
        issues = issues_in(text, self._file, self._reading)
        self._names = StageNames(self._stream, self._options.mapping, _categories(issues))
        sound = self._names.check(self._file, self._reading)
        if self._types.check(self._file, self._reading) and sound:
            for issue in issues:
                history = self._history(issue)
                if history is not None:
                    self._reading.histories.append(history)
            self._tell_missing_logs(len(issues))
            self._names.report(self._reading)
        return self._reading.finish(self._tally)

    def _history(self, issue: Issue) -> ItemHistory | None:
        """Return the issue's history; None, with problems, where it cannot be told."""
        created = self._instant(issue, issue.fields.get("created"), "fields.created")
        log = self._log(issue)
        if created is None or log is None:
            return None
        changes = log.changes()
        status = name_of(issue.fields, "status")
        moves = self._moves(issue, created, changes, status)
        blocks = blocks_of(
            issue,
            created,
            self._options.blocked_labels,
            lambda value, path: self._instant(issue, value, path),
        )
        if moves is None or blocks is None:
            return None
        if changes and status:
            self._compare(issue, status, changes[-1].to)
        settled = settle(moves, self._discarded(issue, moves))
        if settled.revived:
            self._tally.add(
                "visits to a cancelled status that was left again were not kept", issue.key
            )
        cancelled = settled.cancelled_at
        if cancelled is not None and not settled.transitions:
            cancelled = max(cancelled, created)
        return ItemHistory(
            title=storable_title(text_of(issue.fields.get("summary")), issue.key, self._tally),
            type=self._types.of(name_of(issue.fields, "issuetype"), issue.key),
            created_at=created,
            transitions=settled.transitions,
            key=issue.key,
            source=self._options.source or "jira",
            cancelled_at=cancelled,
            cancel_reason=settled.cancel_reason,
            blocks=blocks,
        )

    def _log(self, issue: Issue) -> _Log | None:
        """Return the issue's status changes; None where its changelog is missing or cut off."""
        histories = issue.changelog()
        if histories is None:
            self._without_log.append(issue)
            return None
        total = member(issue.value, "changelog").get("total")
        if isinstance(total, int) and total > len(histories):
            self._reading.problem(
                issue.place("changelog"),
                f"expected the whole changelog ({total} histories), got {len(histories)}: "
                f"fetch it page by page from /rest/api/3/issue/{issue.key}/changelog and put all "
                "pages' values into changelog.histories",
            )
            return None
        log = _Log()
        occurrences: dict[str, int] = {}
        before = len(self._reading.problems)
        for at, history in enumerate(histories):
            group = list(self._group(issue, history, f"changelog.histories[{at}]", occurrences))
            fresh = [change for change in group if change.event_id not in log.ids]
            log.ids.update(change.event_id for change in fresh)
            if fresh:
                log.groups.append((fresh[0].at, fresh))
        return log if len(self._reading.problems) == before else None

    def _group(
        self, issue: Issue, history: object, path: str, occurrences: dict[str, int]
    ) -> Iterator[_Change]:
        """Yield the status changes of one entry of the changelog."""
        if not isinstance(history, dict) or not isinstance(history.get("items"), list):
            message = f"expected a history with items, got {shown(history)}"
            self._reading.problem(issue.place(path), message)
            return
        items = [
            (n, item)
            for n, item in enumerate(history["items"])
            if isinstance(item, dict) and _STATUS in (item.get("field"), item.get("fieldId"))
        ]
        at = self._instant(issue, history.get("created"), f"{path}.created") if items else None
        if at is None:
            return
        for n, item in items:
            origin, to = text_of(item.get("fromString")), text_of(item.get("toString"))
            place = issue.place(f"{path}.items[{n}].toString")
            if not to:
                got = shown(item.get("toString"))
                self._reading.problem(place, f"expected the status changed to, got {got}")
                continue
            event = f"{text_of(history.get('id'))}:{n}"
            if event.startswith(":"):
                event = f"{at.isoformat()}:{origin}>{to}"
                occurrences[event] = occurrences.get(event, 0) + 1
                event += f":{occurrences[event]}"
            yield _Change(at, origin, to, bounded(f"jira:{event}"), place)

    def _moves(
        self, issue: Issue, created: datetime, changes: Sequence[_Change], status: str
    ) -> list[Move] | None:
        """Return the issue's moves, its creation first; None where a status is not known."""
        first, place = status, issue.place("fields.status")
        if changes:
            # a status change before `created` (an issue that was moved) is still the oldest fact
            first, place = changes[0].origin, changes[0].place
            created = min(created, changes[0].at)
        entries = [_Change(created, "", first, "jira:created", place)] if first else []
        if not first and changes:
            self._tally.add("the first status is not told; the first change begins", issue.key)
        elif not first:
            self._reading.problem(place, "expected the issue's status, got none")
            return None
        moves = []
        for entry in [*entries, *changes]:
            meaning = self._names.meaning(entry.to, entry.place)
            if meaning is not None:
                origin = self._names.guess(entry.origin) if entry.origin else None
                stage = origin.name if isinstance(origin, Stage) else None
                moves.append(Move(entry.at, entry.to, meaning, entry.event_id, stage))
        return moves if len(moves) == len(entries) + len(changes) else None

    def _discarded(self, issue: Issue, moves: Sequence[Move]) -> str | None:
        """Return the reason when the issue ends in done, but by a resolution that gave it up."""
        resolution = name_of(issue.fields, "resolution")
        if normal(resolution) not in self._discards:
            return None
        kept = [move.meaning for move in moves if move.meaning is not Special.IGNORE]
        last = kept[-1] if kept else None
        done = isinstance(last, Stage) and last.category is Category.DONE
        return f"resolution: {resolution}" if done else None

    def _compare(self, issue: Issue, status: str, last: str) -> None:
        """Tell when the log does not end where the issue stands, unless both mean the same."""
        same = normal(status) == normal(last) or self._names.guess(status) == self._names.guess(
            last
        )
        if not same:
            self._tally.add(
                "the current status is not the one last changed to; the changelog counts", issue.key
            )

    def _instant(self, issue: Issue, value: object, path: str) -> datetime | None:
        """Return the instant; None, with a problem, where there is none that can be right."""
        text = text_of(value)
        message = f"{EXPECTED}, got {shown(value)}"
        if text:
            try:
                return self._instants.read(text, place=issue.label).at
            except NotAnInstantError as error:
                message = str(error)
        self._reading.problem(issue.place(path), message)
        return None

    def _tell_missing_logs(self, count: int) -> None:
        if self._without_log:
            missing = len(self._without_log)
            self._reading.problem(
                self._without_log[0].place("changelog"),
                f"expected a changelog in every issue, got none in {missing} of {count}: "
                "export with expand=changelog",
            )


def _categories(issues: Sequence[Issue]) -> Mapping[str, str]:
    """Return what Jira says of each status that some issue is in now."""
    categories = {}
    for issue in issues:
        status = member(issue.fields, "status")
        category = member(status, "statusCategory").get("key")
        if isinstance(category, str) and (word := text_of(status.get("name"))):
            categories[word] = category
    return categories
