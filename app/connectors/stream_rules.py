"""What the values of a value stream file have to do with one another; each breach with its place.

The rules see what is sound in shape, and say nothing about what depends on a value that is not:
one mistake is told once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

from app.connectors.public_holidays import unknown_country, unknown_subdivision
from app.connectors.shape_checks import Checks, Path, meant
from app.connectors.texts import shown
from app.domain.value_stream import Category, MovePolicy, WipPolicy
from app.domain.working_time import WEEKDAYS, Shift


@dataclass(frozen=True, slots=True)
class StreamPart:
    """One stream of a file: its sound values, and where they stand."""

    checks: Checks
    path: Path
    values: Mapping[str, Any]

    def problem(self, path: Path, message: str) -> None:
        """Add a problem below the stream."""
        self.checks.problem((*self.path, *path), message)

    def stages(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Yield the stages that are mappings, with their paths."""
        for index, stage in enumerate(self.values.get("stages", ())):
            if stage is not None:
                yield ("stages", index), stage

    def has_all(self, field: str) -> bool:
        """Tell whether every stage's field is sound."""
        stages = self.values.get("stages", ())
        return bool(stages) and all(stage is not None and field in stage for stage in stages)

    def wrote(self, path: Path) -> bool:
        """Tell whether the file has a value there, be it sound or not."""
        return (*self.path, *path) in self.checks.marks

    def place(self, path: Path) -> str:
        """Say on which line a value stands."""
        return f"line {self.checks.line((*self.path, *path))}"


def check_streams(parts: Sequence[StreamPart]) -> None:
    """Check every stream by itself, then what they share."""
    for part in parts:
        for rule in _RULES:
            rule(part)
    _keys_are_unique(parts)
    _one_is_default(parts)


def _keys_are_unique(parts: Sequence[StreamPart]) -> None:
    seen: dict[str, StreamPart] = {}
    for part in parts:
        key = part.values.get("key")
        if key is None:
            continue
        if key in seen:
            first = seen[key]
            where = f"{first.checks.findings.file}, {first.place(('key',))}"
            part.problem(("key",), f"expected a key of its own, got {shown(key)} as in {where}")
        seen.setdefault(key, part)


def _one_is_default(parts: Sequence[StreamPart]) -> None:
    chosen = [part for part in parts if part.values.get("default")]
    for part in chosen[1:]:
        first = chosen[0]
        where = f"{first.checks.findings.file}, {first.place(('default',))}"
        message = f"expected one default stream at most, got another beside that of {where}"
        part.problem(("default",), message)


def _stage_names_are_unique(part: StreamPart) -> None:
    seen: dict[str, Path] = {}
    for path, stage in part.stages():
        name = stage.get("name")
        if name is None:
            continue
        first = seen.setdefault(name.casefold(), path)
        if first != path:
            where = part.place((*first, "name"))
            message = f"expected a name of its own, got {shown(name)} as in {where}"
            part.problem((*path, "name"), message)


def _categories_make_a_flow(part: StreamPart) -> None:
    if not part.has_all("category"):
        return
    stages = list(part.stages())
    categories = [stage["category"] for _, stage in stages]
    if Category.ACTIVE not in categories:
        message = "expected at least one stage with category active: work starts at the first one"
        part.problem(("stages",), message)
    if Category.DONE not in categories:
        message = "expected a last stage with category done: work is finished there"
        part.problem(("stages",), message)
        return
    last = max((at for at, each in enumerate(categories) if each != Category.DONE), default=0)
    for path, stage in stages[:last]:
        if stage["category"] == Category.DONE:
            message = "expected done stages after all others: move it to the end, or say wait"
            part.problem((*path, "category"), message)


def _policies_have_limits(part: StreamPart) -> None:
    for path, stage in part.stages():
        policy = stage.get("wip_policy", WipPolicy.OBSERVE)
        if policy != WipPolicy.OBSERVE and not part.wrote((*path, "wip_limit")):
            message = f"expected a wip_limit beside the policy {policy}: add one, or say observe"
            part.problem((*path, "wip_policy"), message)


def _replaced_stages_are_gone(part: StreamPart) -> None:
    names = {stage["name"].casefold(): path for path, stage in part.stages() if "name" in stage}
    seen: dict[str, Path] = {}
    for path, stage in part.stages():
        for index, name in enumerate(stage.get("replaces", ())):
            if name is None:
                continue
            here = (*path, "replaces", index)
            first = seen.setdefault(name.casefold(), here)
            if name.casefold() in names:
                where = part.place((*names[name.casefold()], "name"))
                got = f"{shown(name)}, which is a stage on {where}"
                part.problem(here, f"expected a name that no stage here has, got {got}")
            elif first != here:
                got = f"{shown(name)} again: see {part.place(first)}"
                part.problem(here, f"expected each replaced stage once, got {got}")


def _moves_fit_their_policy(part: StreamPart) -> None:
    moves = part.values.get("moves", {})
    if any(part.wrote(("moves", name)) and name not in moves for name in ("policy", "allow")):
        return
    policy, allow = moves.get("policy", MovePolicy.OPEN), moves.get("allow")
    if policy == MovePolicy.OPEN and allow:
        message = "expected no allowed moves while the policy is open: say policy warn or enforce"
        part.problem(("moves", "allow"), message)
    elif policy != MovePolicy.OPEN and not allow:
        message = f"expected the allowed moves beside the policy {policy}: list them in allow"
        part.problem(("moves", "policy" if allow is None else "allow"), message)


def _moves_name_stages(part: StreamPart) -> None:
    allow = part.values.get("moves", {}).get("allow", ())
    if not part.has_all("name"):
        return
    names = {stage["name"].casefold(): stage["name"] for _, stage in part.stages()}
    seen: dict[tuple[str, str], Path] = {}
    for index, entry in enumerate(allow):
        path: Path = ("moves", "allow", index)
        left = (entry or {}).get("from")
        _is_stage(part, (*path, "from"), left, names)
        for at, entered in enumerate((entry or {}).get("to", ())):
            here = (*path, "to", at)
            if _is_stage(part, here, entered, names) and left is not None:
                _is_new_move(part, here, (left.casefold(), entered.casefold()), seen)


def _is_stage(part: StreamPart, path: Path, name: str | None, names: Mapping[str, str]) -> bool:
    """Tell whether a name is that of a stage; one that is not is a problem."""
    if name is None:
        return False
    if name.casefold() in names:
        return True
    known = list(names.values())
    guess = meant(name, known) or f": expected one of {', '.join(known)}"
    part.problem(path, f"no stage of this stream is named {shown(name)}{guess}")
    return False


def _is_new_move(
    part: StreamPart, path: Path, move: tuple[str, str], seen: dict[tuple[str, str], Path]
) -> None:
    first = seen.setdefault(move, path)
    if move[0] == move[1]:
        part.problem(path, "expected another stage than the one that is left: take it out")
    elif first != path:
        part.problem(path, f"expected each move once, got it again: see {part.place(first)}")


def _shifts_do_not_overlap(part: StreamPart) -> None:
    hours = part.values.get("working_time", {}).get("hours")
    if hours is None:
        return
    below: Path = ("working_time", "hours")
    for day, texts in hours.items():
        shifts = sorted((Shift.of(text), at) for at, text in enumerate(texts) if text is not None)
        for (shift, _), (later, at) in pairwise(shifts):
            if later.start < shift.end:
                message = f"expected hours that do not overlap, got {later} beside {shift}"
                part.problem((*below, day, at), message)
    is_sound = all(day in hours for day in WEEKDAYS if part.wrote((*below, day)))
    if is_sound and not any(hours.values()):
        part.problem(below, 'expected hours on one day at least, such as mon: ["09:00-17:30"]')


def _holidays_are_known(part: StreamPart) -> None:
    holidays = part.values.get("working_time", {}).get("holidays", {})
    country, subdivision = holidays.get("country"), holidays.get("subdivision")
    if country is None:
        return
    message = unknown_country(country)
    if message:
        part.problem(("working_time", "holidays", "country"), message)
        return
    message = None if subdivision is None else unknown_subdivision(country, subdivision)
    if message:
        part.problem(("working_time", "holidays", "subdivision"), message)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone_is_known(part: StreamPart) -> None:
    zone = part.values.get("time_zone")
    if zone is not None and zone not in _zones():
        guess = meant(zone, sorted(_zones()))
        message = f"expected an IANA time zone such as Europe/Berlin, got {shown(zone)}{guess}"
        part.problem(("time_zone",), message)


_RULES: tuple[Callable[[StreamPart], None], ...] = (
    _stage_names_are_unique,
    _categories_make_a_flow,
    _policies_have_limits,
    _replaced_stages_are_gone,
    _moves_fit_their_policy,
    _moves_name_stages,
    _shifts_do_not_overlap,
    _holidays_are_known,
    _zone_is_known,
)
