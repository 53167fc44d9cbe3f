"""Generated definitions: of streams that are new, and of what is there, read in another way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from hypothesis import strategies as st

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
from app.domain.work_item import ItemHistory
from app.domain.working_time import Shift, WorkingCalendar
from tests.strategies import zones


@dataclass(frozen=True)
class Redefinition:
    """A new definition of a stream, and what each of its former stages is called by it."""

    definition: StreamDefinition
    names: dict[str, str]

    def reread(self, told: Sequence[ItemHistory]) -> tuple[ItemHistory, ...]:
        """Tell histories as the new definition understands them."""
        return tuple(
            replace(
                each,
                transitions=tuple(
                    replace(move, to_stage=self.names[move.to_stage]) for move in each.transitions
                ),
            )
            for each in told
        )


@st.composite
def redefinitions(draw: st.DrawFn, stream: ValueStream, word: str = "New") -> Redefinition:
    """Draw what keeps every stage's history: rename, merge, add, reorder, re-categorise.

    Details that have nothing to do with the past are drawn as well, but no working time: winding a
    clock takes a second. New names begin with `word`,
    which the stream's own must not do.
    """
    groups = draw(_groups([stage.name for stage in stream.stages]))
    named: list[tuple[str, tuple[str, ...]]] = []
    for number, group in enumerate(groups):
        stays = draw(st.booleans())
        name = draw(st.sampled_from(group)) if stays else f"{word} {number}"
        named.append((name, tuple(each for each in group if each != name)))
    named += [(f"{word} and added {number}", ()) for number in range(draw(st.integers(0, 2)))]
    if len(named) < 2:
        named.append((f"{word} and added", ()))
    ordered = draw(st.permutations(named))
    stages = tuple(
        draw(stages_of(name, order, category))
        for order, ((name, _), category) in enumerate(
            zip(ordered, draw(_categories(len(ordered))), strict=True), start=1
        )
    )
    changed = draw(described(replace(stream, stages=stages, moves=MoveRules(), id=0)))
    definition = StreamDefinition(changed, {name: old for name, old in named if old})
    names = {old: name for name, group in named for old in (name, *group)}
    return Redefinition(definition, names)


@st.composite
def definitions(draw: st.DrawFn, key: str = "generated") -> StreamDefinition:
    """Draw a stream with all that a file can say of it."""
    count = draw(st.integers(2, 6))
    stages = tuple(
        draw(stages_of(f"Stage {order}", order, category))
        for order, category in enumerate(draw(_categories(count)), start=1)
    )
    stream = draw(described(ValueStream(key, "Generated", stages)))
    return StreamDefinition(replace(stream, calendar=draw(st.one_of(st.none(), calendars()))))


@st.composite
def described(draw: st.DrawFn, stream: ValueStream) -> ValueStream:
    """Draw what a stream says of itself, its stages given."""
    names = st.sampled_from([stage.name for stage in stream.stages])
    policies = st.sampled_from(MovePolicy)
    allowed = st.frozensets(st.tuples(names, names), max_size=5)
    levels = st.builds(ServiceLevel, st.integers(1, 99), st.floats(0.5, 1000))
    return replace(
        stream,
        name=draw(st.sampled_from([stream.name, "Another name"])),
        description=draw(st.sampled_from(["", "What we make."])),
        zone_info=draw(zones()),
        moves=MoveRules(draw(policies), draw(allowed), draw(policies)),
        service_level=draw(st.one_of(st.none(), levels)),
    )


@st.composite
def stages_of(draw: st.DrawFn, name: str, order: int, category: Category) -> Stage:
    """Draw a stage of this name, place and category."""
    return Stage(
        name,
        order,
        type=draw(st.sampled_from(["queue", "work", "release"])),
        category=category,
        wip_limit=draw(st.one_of(st.none(), st.integers(1, 9))),
        wip_policy=draw(st.sampled_from(WipPolicy)),
        description=draw(st.sampled_from(["", "Ready means ready."])),
    )


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    """Draw a working week, with or without a pause, holidays or days off."""
    shifts = st.sampled_from(
        [(), (Shift.of("09:00-17:30"),), (Shift.of("08:00-12:00"), Shift.of("13:00-24:00"))]
    )
    country, subdivision = draw(st.sampled_from([(None, None), ("DE", None), ("DE", "BE")]))
    return WorkingCalendar(
        shifts=tuple(draw(st.lists(shifts, min_size=7, max_size=7))),
        country=country,
        subdivision=subdivision,
        days_off=draw(st.frozensets(st.dates(date(2025, 1, 1), date(2025, 12, 31)), max_size=2)),
    )


@st.composite
def _groups(draw: st.DrawFn, names: list[str]) -> list[list[str]]:
    """Draw which stages become one."""
    groups: list[list[str]] = []
    for name in names:
        place = draw(st.integers(0, len(groups) + 1))
        if place < len(groups):
            groups[place].append(name)
        else:
            groups.append([name])
    return groups


@st.composite
def _categories(draw: st.DrawFn, count: int) -> list[Category]:
    """Draw categories that make a valid stream of so many stages, two or more."""
    done = draw(st.integers(1, min(2, count - 1)))
    kinds = st.sampled_from([Category.WAIT, Category.ACTIVE])
    working = draw(st.lists(kinds, min_size=count - done - 1, max_size=count - done - 1))
    working.insert(draw(st.integers(0, len(working))), Category.ACTIVE)
    return working + [Category.DONE] * done
