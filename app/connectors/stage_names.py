"""Which stage a source's status word means: as stated, by name, by synonym, by category."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from app.connectors.reading import Reading
from app.connectors.texts import normal, shown
from app.domain.errors import Place, UnknownStage
from app.domain.value_stream import Category, Stage, ValueStream, Zone


class Special(StrEnum):
    """What a word may mean besides a stage."""

    CANCELLED = "cancelled"
    IGNORE = "ignore"


Meaning: TypeAlias = Stage | Special

_WORDS_BY_TYPE = {
    "backlog": (
        *("Backlog", "To Do", "Open", "New", "Reopened", "Selected for Development", "Ready"),
        *("Ready for Development", "Ready to Start", "Committed", "Next", "Created", "Proposed"),
        *("Planned", "Funnel", "Ideas", "Inbox", "Icebox", "Queue", "Queued", "Triage"),
    ),
    "analysis": (
        *("Analysis", "Analyzing", "Analysing", "In Analysis", "Refinement", "In Refinement"),
        *("Refining", "Design", "In Design", "Specification", "Discovery", "Elaboration"),
    ),
    "development": (
        *("In Progress", "Doing", "Development", "In Development", "Dev", "Build", "Building"),
        *("Coding", "Implementing", "Implementation", "In Implementation", "Started", "Active"),
        *("Code Review", "In Code Review", "Review", "In Review", "Peer Review", "Reviewing"),
    ),
    "testing": (
        *("Test", "Testing", "In Test", "In Testing", "QA", "In QA", "Ready for QA"),
        *("Verification", "Verifying", "Validation", "Validating", "UAT", "In UAT"),
        *("Ready for Test", "Ready for Testing", "Acceptance"),
    ),
    "deployment": (
        *("Deploy", "Deploying", "Deployment", "Staging", "Release", "Releasing"),
        *("Ready for Release", "Ready to Release", "Ready for Deployment", "Ready to Deploy"),
        *("Awaiting Deployment", "Awaiting Release"),
    ),
    "production": (
        *("Done", "Closed", "Resolved", "Released", "Deployed", "Live", "Complete", "Completed"),
        *("Production", "In Production", "Finished", "Fixed", "Shipped"),
    ),
}
_TYPES = {normal(word): kind for kind, words in _WORDS_BY_TYPE.items() for word in words}
_CANCELLED = frozenset(
    normal(word)
    for word in (
        *("Cancelled", "Canceled", "Won't Do", "Won't Fix", "Rejected", "Withdrawn"),
        *("Abandoned", "Declined", "Duplicate", "Invalid", "Obsolete", "Discarded", "Removed"),
    )
)


class Categories(StrEnum):
    """What Jira says of a status, whatever its name."""

    NEW = "new"
    INDETERMINATE = "indeterminate"
    DONE = "done"


@dataclass(slots=True)
class _Unknown:
    place: Place
    count: int


class StageNames:
    """Finds what words mean, and remembers what was applied and what is not known.

    `categories` are what the payload itself says of its statuses; they are asked last.
    """

    def __init__(
        self,
        stream: ValueStream,
        stated: Mapping[str, str],
        categories: Mapping[str, str] | None = None,
    ) -> None:
        self._stream = stream
        self._stated = dict(stated)
        self._folded = {word.strip().casefold(): value for word, value in stated.items()}
        self._names = {
            name: stage
            for shape in (normal, str.casefold)  # the exact name is the surer, so it comes last
            for stage in reversed(stream.stages)
            if (name := shape(stage.name))
        }
        self._categories = categories or {}
        self._found: dict[str, Meaning] = {}
        self._unknown: dict[str, _Unknown] = {}
        self.by_category: set[str] = set()

    def check(self, file: str, reading: Reading) -> bool:
        """Add a problem for each stated mapping to something that is no stage; True if none."""
        sound = True
        for word, value in self._stated.items():
            if self._value(value) is None:
                sound = False
                reading.problem(
                    Place(file, field=f"map {word}"),
                    f"expected a stage ({self._stage_list()}), cancelled or ignore, "
                    f"got {shown(value)}",
                )
        return sound

    def meaning(self, word: str, place: Place) -> Meaning | None:
        """Return what the word means and record it; an unknown word is counted, with None."""
        known = self._found.get(word)
        if known is not None:
            return known
        found = self.guess(word)
        if found is None:
            entry = self._unknown.setdefault(word, _Unknown(place, 0))
            entry.count += 1
            return None
        self._found[word] = found
        return found

    def found(self, word: str) -> Meaning | None:
        """Return what the word was found to mean; None where it is not known."""
        return self._found.get(word)

    def guess(self, word: str) -> Meaning | None:
        """Return what the word means without recording that it was asked."""
        return (
            self.stated(word) or self.named(word) or self.synonym(word) or self._by_category(word)
        )

    def stated(self, word: str) -> Meaning | None:
        """Return what the user says the word means."""
        value = self._stated.get(word, self._folded.get(word.casefold()))
        return None if value is None else self._value(value)

    def named(self, word: str) -> Stage | None:
        """Return the stage of this name, whatever its case, spaces and underscores."""
        return self._names.get(word.casefold()) or self._names.get(normal(word))

    def synonym(self, word: str) -> Meaning | None:
        """Return what the word usually means, in terms of this stream's stages."""
        plain = normal(word)
        if plain in _CANCELLED:
            return Special.CANCELLED
        for kind in (plain, _TYPES.get(plain, "")):
            for stage in self._stream.stages:
                if kind and normal(stage.type) == kind:
                    return stage
        return self._by_zone(_TYPES.get(plain, ""))

    def report(self, reading: Reading) -> None:
        """Record what was applied; add one problem for each word that is not known."""
        for word, found in self._found.items():
            reading.mapping[word] = found.name if isinstance(found, Stage) else found.value
        for word in sorted(self.by_category & self._found.keys()):
            reading.notes.append(
                f"status {shown(word)} was taken as {reading.mapping[word]} by its Jira category; "
                f"{_mapping_option(word, 'STAGE')} states it"
            )
        for word, entry in self._unknown.items():
            example = _mapping_option(word, self._example())
            often = f" ({entry.count} times)" if entry.count > 1 else ""
            reading.problem(
                entry.place,
                f"expected a status that means a stage, got {shown(word)}{often}: "
                f"add {example}, or the same under `stages` in a mapping file; "
                f"it can be one of {self._stage_list()}, or cancelled, or ignore",
            )

    def _value(self, value: str) -> Meaning | None:
        """Return what the right side of a mapping names."""
        try:
            return self._stream.stage(value)
        except UnknownStage:
            pass
        if value.strip().casefold() in {"canceled", Special.CANCELLED}:
            return Special.CANCELLED
        if value.strip().casefold() == Special.IGNORE:
            return Special.IGNORE
        return None

    def _by_zone(self, kind: str) -> Stage | None:
        """Return the one stage that a synonym can mean in a stream with types of its own."""
        stages = self._stream.stages
        first = self._stream.first_stage
        if kind == "backlog" and self._stream.zone(first) is Zone.TODO:
            return first
        if kind == "production":
            return next(stage for stage in stages if stage.category is Category.DONE)
        active = [stage for stage in stages if stage.category is Category.ACTIVE]
        return active[0] if kind and kind != "backlog" and len(active) == 1 else None

    def _by_category(self, word: str) -> Stage | None:
        category = self._categories.get(word)
        stages = self._stream.stages
        found: Stage | None = None
        if category == Categories.NEW:
            found = self._stream.first_stage
        elif category == Categories.DONE:
            found = next(stage for stage in stages if stage.category is Category.DONE)
        elif category == Categories.INDETERMINATE:
            active = [stage for stage in stages if stage.category is Category.ACTIVE]
            found = next((stage for stage in active if stage.type == "development"), active[0])
        if found is not None:
            self.by_category.add(word)
        return found

    def _example(self) -> str:
        active = [stage for stage in self._stream.stages if stage.category is Category.ACTIVE]
        return active[len(active) // 2].name

    def _stage_list(self) -> str:
        return ", ".join(stage.name for stage in self._stream.stages)


def _mapping_option(word: str, stage: str) -> str:
    """Return the option to type, quoted so that a shell passes it on as it is."""
    setting = f"{word}={stage}"
    plain = not set(setting) & set('"$`\\!')
    return f'--map "{setting}"' if plain else f"--map {shlex.quote(setting)}"
