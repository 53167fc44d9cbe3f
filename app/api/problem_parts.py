"""What is wrong with a request part by part, for the errors that know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.domain import errors


def parts_of(error: errors.VsmError) -> Sequence[dict[str, Any]]:
    """Return the parts that an error names, each with its field and message; [] for none."""
    return next((parts(error) for kind, parts in _PARTS.items() if isinstance(error, kind)), [])


def _of_rules(error: Any) -> list[dict[str, Any]]:
    return [
        {"field": each.missing, **{name: getattr(each, name) for name in _OF_A_RULE}}
        for each in error.broken
    ]


def _of_stages(error: Any) -> list[dict[str, Any]]:
    return [
        {"field": f"{each.stream}.stages.{each.stage}", "message": each.message}
        for each in error.problems
    ]


def _of_files(error: Any) -> list[dict[str, Any]]:
    return [
        {**_known(problem.place), "field": problem.place.field, "message": problem.message}
        for problem in error.problems
    ]


_PARTS: Mapping[type[errors.VsmError], Callable[[Any], Sequence[dict[str, Any]]]] = {
    errors.InvalidValue: lambda error: [{"field": error.field, "message": error.message}],
    errors.RuleBroken: _of_rules,
    errors.InvalidBatch: lambda error: [asdict(problem) for problem in error.problems],
    errors.StageInUse: _of_stages,
    errors.InvalidImport: _of_files,
    errors.InvalidStreamFile: _of_files,
}
_OF_A_RULE = ("message", "rule", "stage")


def _known(place: errors.Place) -> dict[str, Any]:
    """Return what is known of a place; a line or column of 0 is not."""
    return {name: value for name, value in asdict(place).items() if value}
