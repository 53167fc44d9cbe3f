"""A stream as the plain values of a file, and as the domain has it."""

import re
from collections.abc import Mapping
from datetime import UTC
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import (
    Category,
    MovePolicy,
    MoveRules,
    ServiceLevel,
    Stage,
    ValueStream,
    WipPolicy,
)
from app.domain.working_time import WorkingCalendar, from_plain, to_plain

_HOURS_PER_DAY = 24


def definition_of(values: Mapping[str, Any]) -> StreamDefinition:
    """Make a definition of the checked values of a stream; raises InvalidStream."""
    stages = tuple(_stage(order, each) for order, each in enumerate(values["stages"], start=1))
    zone = values.get("time_zone", "UTC")
    stream = ValueStream(
        key=values["key"],
        name=values["name"],
        stages=stages,
        zone_info=UTC if zone == "UTC" else ZoneInfo(zone),
        description=values.get("description", ""),
        is_default=values.get("default", False),
        moves=_moves(values.get("moves", {}), stages),
        service_level=_service_level(values.get("service_level_expectation")),
        calendar=_calendar(values.get("working_time")),
    )
    replaces = {
        stage["name"]: tuple(stage["replaces"]) for stage in values["stages"] if "replaces" in stage
    }
    return StreamDefinition(stream, replaces)


def _stage(order: int, values: Mapping[str, Any]) -> Stage:
    return Stage(
        name=values["name"],
        order=order,
        type=values.get("type", _default_type(values["name"])),
        category=Category(values["category"]),
        wip_limit=values.get("wip_limit"),
        wip_policy=WipPolicy(values.get("wip_policy", WipPolicy.OBSERVE)),
        description=values.get("description", ""),
    )


def _default_type(name: str) -> str:
    """Return the name in lower case, with dashes; a name without letters and digits as it is."""
    return "-".join(re.findall(r"[^\W_]+", name.lower())) or name


def _moves(values: Mapping[str, Any], stages: tuple[Stage, ...]) -> MoveRules:
    names = {stage.name.casefold(): stage.name for stage in stages}
    return MoveRules(
        policy=MovePolicy(values.get("policy", MovePolicy.OPEN)),
        allowed=frozenset(
            (names[entry["from"].casefold()], names[entered.casefold()])
            for entry in values.get("allow", ())
            for entered in entry["to"]
        ),
        backward_reason=MovePolicy(values.get("backward_reason", MovePolicy.OPEN)),
    )


def _service_level(values: Mapping[str, Any] | None) -> ServiceLevel | None:
    if values is None:
        return None
    hours = values["hours"] if "hours" in values else values["days"] * _HOURS_PER_DAY
    return ServiceLevel(values["percent"], hours)


def _calendar(values: Mapping[str, Any] | None) -> WorkingCalendar | None:
    """Make a calendar; its shifts may have been written in any order."""
    if values is None:
        return None
    hours = {day: sorted(shifts) for day, shifts in values["hours"].items()}
    return from_plain({**values, "hours": hours})


def values_of(definition: StreamDefinition) -> dict[str, Any]:
    """Return the values by which a file states a definition, without defaults."""
    stream = definition.stream
    moves, level, calendar = stream.moves, stream.service_level, stream.calendar
    said = {
        "key": stream.key,
        "name": stream.name,
        "description": stream.description or None,
        "default": stream.is_default or None,
        "time_zone": _unless("UTC", str(stream.zone_info)),
        "working_time": calendar and to_plain(calendar),
        "service_level_expectation": level and _service_level_values(level),
        "moves": _moves_values(moves, stream) or None,
        "stages": [
            _stage_values(stage, definition.replaces.get(stage.name, ())) for stage in stream.stages
        ],
    }
    return _said(said)


def _stage_values(stage: Stage, replaces: tuple[str, ...]) -> dict[str, Any]:
    return _said(
        {
            "name": stage.name,
            "type": _unless(_default_type(stage.name), stage.type),
            "category": stage.category.value,
            "wip_limit": stage.wip_limit,
            "wip_policy": _unless(WipPolicy.OBSERVE.value, stage.wip_policy.value),
            "description": stage.description or None,
            "replaces": list(replaces) or None,
        }
    )


def _service_level_values(level: ServiceLevel) -> dict[str, Any]:
    days, rest = divmod(level.hours, _HOURS_PER_DAY)
    if days and not rest:
        return {"percent": level.percent, "days": int(days)}
    whole = int(level.hours)
    return {"percent": level.percent, "hours": whole if whole == level.hours else level.hours}


def _moves_values(moves: MoveRules, stream: ValueStream) -> dict[str, Any]:
    pairs = sorted(
        ((stream.stage(left), stream.stage(entered)) for left, entered in moves.allowed),
        key=lambda pair: (pair[0].order, pair[1].order),
    )
    allow = [
        {"from": left.name, "to": [entered.name for _, entered in group]}
        for left, group in groupby(pairs, key=lambda pair: pair[0])
    ]
    return _said(
        {
            "policy": _unless(MovePolicy.OPEN.value, moves.policy.value),
            "allow": allow or None,
            "backward_reason": _unless(MovePolicy.OPEN.value, moves.backward_reason.value),
        }
    )


def _unless(default: str, value: str) -> str | None:
    return None if value == default else value


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
