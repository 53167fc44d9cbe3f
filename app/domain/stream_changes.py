"""What a definition would change in a value stream, as data and in words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import Category, MoveRules, ServiceLevel, Stage, ValueStream
from app.domain.working_time import WorkingCalendar, to_plain

Plain = Any
"""A value that JSON knows."""


class ChangeKind(StrEnum):
    """What is changed in a stream, or in one of its stages."""

    STREAM_CREATED = "stream_created"
    NAME = "name"
    DESCRIPTION = "description"
    DEFAULT = "default"
    TIME_ZONE = "time_zone"
    WORKING_TIME = "working_time"
    SERVICE_LEVEL = "service_level"
    MOVE_RULES = "move_rules"
    STAGE_ADDED = "stage_added"
    STAGE_RENAMED = "stage_renamed"
    STAGE_MERGED = "stage_merged"
    STAGE_REMOVED = "stage_removed"
    STAGES_REORDERED = "stages_reordered"
    STAGE_CATEGORY = "stage_category"
    STAGE_TYPE = "stage_type"
    STAGE_WIP_LIMIT = "stage_wip_limit"
    STAGE_WIP_POLICY = "stage_wip_policy"
    STAGE_DESCRIPTION = "stage_description"


_WORDS: Mapping[ChangeKind, str] = {
    ChangeKind.STREAM_CREATED: "new stream with the stages {after}",
    ChangeKind.STAGE_ADDED: "stage {stage} added",
    ChangeKind.STAGE_RENAMED: "stage {before} renamed to {after}",
    ChangeKind.STAGE_MERGED: "stage {before} merged into {after}, with its history",
    ChangeKind.STAGE_REMOVED: "stage {stage} removed",
    ChangeKind.STAGES_REORDERED: "order of stages: {before} becomes {after}",
    ChangeKind.STAGE_CATEGORY: "category of {stage}: {before} becomes {after}",
    ChangeKind.STAGE_TYPE: "type of {stage}: {before} becomes {after}",
    ChangeKind.STAGE_WIP_LIMIT: "WIP limit of {stage}: {before} becomes {after}",
    ChangeKind.STAGE_WIP_POLICY: "WIP policy of {stage}: {before} becomes {after}",
    ChangeKind.STAGE_DESCRIPTION: "description of {stage}: {before} becomes {after}",
}
_OF_STREAM = "{what}: {before} becomes {after}"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `stage` is its name after the change, `before` and `after` are plain."""

    kind: ChangeKind
    stage: str | None = None
    before: Plain = None
    after: Plain = None

    def __str__(self) -> str:
        """One sentence for people."""
        return _WORDS.get(self.kind, _OF_STREAM).format(
            what=self.kind.replace("_", " "),
            stage=self.stage,
            before=_told(self.before),
            after=_told(self.after),
        )


def _told(value: Plain) -> str:
    """Write a plain value as people read it."""
    if value is None or value in ("", []):
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_told(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(" → ".join(each) if isinstance(each, list) else each for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class StageFates:
    """What becomes of each stage. Pairs are a stage as it is and one of the definition."""

    kept: tuple[tuple[Stage, Stage], ...]
    merged: tuple[tuple[Stage, Stage], ...]
    added: tuple[Stage, ...]
    removed: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class StreamDifference:
    """All that a definition changes in a stream.

    `reinterprets`: numbers about the past become others, so that the definitions get a new version.
    `rezones`: an existing stage gets another zone, so that the facts of all items are derived anew.
    """

    changes: tuple[Change, ...]
    fates: StageFates
    reinterprets: bool
    rezones: bool

    @property
    def kinds(self) -> frozenset[ChangeKind]:
        """Which kinds of change there are."""
        return frozenset(change.kind for change in self.changes)

    @property
    def touches_stages(self) -> bool:
        """Tell whether something about any stage changes."""
        return any(kind.startswith("stage") for kind in self.kinds)


def difference(current: ValueStream, definition: StreamDefinition) -> StreamDifference:
    """Compare a stream in force with its definition; no changes when they say the same."""
    wanted, fates = definition.stream, stage_fates(current, definition)
    reordered = _reordered(fates)
    changes = (*_of_stream(current, wanted, fates), *_of_stages(fates, reordered))
    rezones = any(current.zone(old) is not wanted.zone(new) for old, new in fates.kept)
    recategorised = any(old.category is not new.category for old, new in fates.kept)
    return StreamDifference(
        changes=changes,
        fates=fates,
        reinterprets=bool(rezones or recategorised or reordered or fates.merged),
        rezones=rezones,
    )


def stage_fates(current: ValueStream, definition: StreamDefinition) -> StageFates:
    """Tell what becomes of each stage: one of the same name is kept, whatever its case."""
    left = {stage.name.casefold(): stage for stage in current.stages}
    wanted = definition.stream.stages
    kept = {new.name: left.pop(new.name.casefold()) for new in wanted if _is_in(left, new)}
    merged = []
    for name, replaced in definition.replaces.items():
        new = definition.stream.stage(name)
        for each in replaced:
            old = left.pop(each.strip().casefold(), None)
            if old is None:
                continue
            if new.name in kept:
                merged.append((old, new))
            else:
                kept[new.name] = old
    return StageFates(
        kept=tuple((kept[new.name], new) for new in wanted if new.name in kept),
        merged=tuple(merged),
        added=tuple(new for new in wanted if new.name not in kept),
        removed=tuple(left.values()),
    )


def _is_in(left: Mapping[str, Stage], stage: Stage) -> bool:
    return stage.name.casefold() in left


def _reordered(fates: StageFates) -> bool:
    """Tell whether stages that stay change places; which numbers give the order says nothing."""
    orders = [old.order for old, _ in fates.kept]
    return orders != sorted(orders)


def _of_stream(current: ValueStream, wanted: ValueStream, fates: StageFates) -> Iterator[Change]:
    """Compare what the stream says of itself; rules about moves by the names that will be."""
    names = {old.name: new.name for old, new in (*fates.kept, *fates.merged)}
    values: Mapping[ChangeKind, Callable[[ValueStream], Plain]] = {
        ChangeKind.NAME: lambda each: each.name,
        ChangeKind.DESCRIPTION: lambda each: each.description,
        ChangeKind.DEFAULT: lambda each: each.is_default,
        ChangeKind.TIME_ZONE: lambda each: str(each.zone_info),
        ChangeKind.WORKING_TIME: lambda each: _calendar(each.calendar),
        ChangeKind.SERVICE_LEVEL: lambda each: _service_level(each.service_level),
        ChangeKind.MOVE_RULES: lambda each: _moves(each, names if each is current else {}),
    }
    for kind, value in values.items():
        before, after = value(current), value(wanted)
        if before != after:
            yield Change(kind, None, before, after)


def _calendar(calendar: WorkingCalendar | None) -> Plain:
    return None if calendar is None else to_plain(calendar)


def _service_level(level: ServiceLevel | None) -> Plain:
    return None if level is None else {"percent": level.percent, "hours": level.hours}


def _moves(stream: ValueStream, names: Mapping[str, str]) -> Plain:
    rules: MoveRules = stream.moves
    allowed = {
        tuple(names.get(stream.stage(each).name, stream.stage(each).name) for each in pair)
        for pair in rules.allowed
    }
    return {
        "policy": str(rules.policy),
        "allowed": [list(pair) for pair in sorted(allowed)],
        "backward_reason": str(rules.backward_reason),
    }


def _of_stages(fates: StageFates, reordered: bool) -> Iterator[Change]:
    for old, new in fates.kept:
        if old.name != new.name:
            yield Change(ChangeKind.STAGE_RENAMED, new.name, old.name, new.name)
    for old, new in fates.merged:
        yield Change(ChangeKind.STAGE_MERGED, new.name, old.name, new.name)
    for stage in fates.removed:
        yield Change(ChangeKind.STAGE_REMOVED, stage.name, _stage(stage))
    for stage in fates.added:
        yield Change(ChangeKind.STAGE_ADDED, stage.name, None, _stage(stage))
    if reordered:
        before = sorted(fates.kept, key=lambda pair: pair[0].order)
        names = [[new.name for _, new in pairs] for pairs in (before, fates.kept)]
        yield Change(ChangeKind.STAGES_REORDERED, None, *names)
    for old, new in fates.kept:
        was, becomes = _stage(old), _stage(new)
        for name, kind in _STAGE_KINDS.items():
            if was[name] != becomes[name]:
                yield Change(kind, new.name, was[name], becomes[name])


_STAGE_KINDS = {
    "category": ChangeKind.STAGE_CATEGORY,
    "type": ChangeKind.STAGE_TYPE,
    "wip_limit": ChangeKind.STAGE_WIP_LIMIT,
    "wip_policy": ChangeKind.STAGE_WIP_POLICY,
    "description": ChangeKind.STAGE_DESCRIPTION,
}


def _stage(stage: Stage) -> dict[str, Plain]:
    category: Category = stage.category
    return {
        "category": str(category),
        "type": stage.type,
        "wip_limit": stage.wip_limit,
        "wip_policy": str(stage.wip_policy),
        "description": stage.description,
    }
