"""What flowed in a window and since, in parts that add up: by type, and by the stages joined.

Every number about a window follows from these: `store.measurements`, `store.stage_times` and
`store.finished_paths` put them together.
"""

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from app.domain.value_stream import Zone
from app.flow.calendar import Window
from app.flow.runs import Run, merged
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.measurements import Selection, planned_once
from app.store.memory import Kind
from app.store.packed import VALUE_BYTES, packed_fields, part
from app.store.queries import Row, load_query
from app.store.spans import Phase, phase_of
from app.store.turns import tasks

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NO_STAGE = 0

_PART_BYTES = 1000
_RUN_BYTES = 120

_PART_ITEMS, _KEPT_ITEMS = load_query("part_items"), load_query("kept_items")
_PART_MOVES, _KEPT_MOVES = load_query("part_moves"), load_query("kept_moves")
_PART_PATHS, _KEPT_PATHS = load_query("part_paths"), load_query("kept_paths")
_PRESENT = load_query("present")


@dataclass(frozen=True, slots=True)
class ItemPart:
    """Items created, started and finished in a part of the time; see part_items.sql.

    `slot` is the number of the window's bucket, from 0, or the phase after it.
    """

    slot: int
    type: str
    created_n: int
    created_until_end_us: int
    late_n: int
    started_n: int
    finished_n: int
    cycle_us: int
    lead_us: int
    cycles: Sequence[Run]
    leads: Sequence[Run]

    @property
    def phase(self) -> Phase:
        """What the time counts for."""
        return phase_of(self.slot)

    def reaching(self, us: int) -> "ItemPart":
        """Return the part with the time of its creations up to an end that lies so much later."""
        if not us or not self.created_n:
            return self
        later_us = self.created_until_end_us + self.created_n * us
        return replace(self, created_until_end_us=later_us)


@dataclass(frozen=True, slots=True)
class MovePart:
    """Moves between two stages, or cancellations, in a part of the time; see part_moves.sql.

    `until_end_us` reaches to the end of the slot: the window's, or that of its bucket.
    """

    slot: int
    type: str
    left_id: int
    entered_id: int
    n: int
    until_end_us: int
    visit_us: int
    instant_n: int
    mismatch_n: int
    discarded_n: int
    discarded_started_n: int
    visits: Sequence[Run]

    @property
    def phase(self) -> Phase:
        """What the time counts for."""
        return phase_of(self.slot)

    def reaching(self, us: int) -> "MovePart":
        """Return the part with the time up to an end that lies so much later."""
        if not us:
            return self
        return MovePart(  # there are many: `replace` would take three times as long
            self.slot,
            self.type,
            self.left_id,
            self.entered_id,
            self.n,
            self.until_end_us + self.n * us,
            self.visit_us,
            self.instant_n,
            self.mismatch_n,
            self.discarded_n,
            self.discarded_started_n,
            self.visits,
        )

    @property
    def is_cancellation(self) -> bool:
        """Tell whether the items went nowhere."""
        return self.entered_id == NO_STAGE

    @property
    def is_move(self) -> bool:
        """Tell whether the items went to another stage."""
        return not self.is_cancellation and self.left_id != self.entered_id


@dataclass(frozen=True, slots=True)
class PathPart:
    """Moves that finished items had made between two stages; see part_paths.sql."""

    type: str
    left_id: int
    entered_id: int
    n: int
    left_us: int
    rework_us: int
    returned_n: int
    first_rework_n: int


@dataclass(frozen=True, slots=True)
class Presence:
    """How many items of a type are in a stage now, and how many of them were never finished."""

    stage_id: int
    type: str
    n: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What flowed in a window and since, and what lies where now."""

    window: Window
    zones: Mapping[int, Zone]
    present: Sequence[Presence]
    items: Sequence[ItemPart]
    moves: Sequence[MovePart]
    paths: Sequence[PathPart]

    def only(self, types: Collection[str]) -> "Parts":
        """Return the parts of items of some types."""
        return replace(
            self,
            present=[each for each in self.present if each.type in types],
            items=[each for each in self.items if each.type in types],
            moves=[each for each in self.moves if each.type in types],
            paths=[each for each in self.paths if each.type in types],
        )

    def left_zone(self, part: MovePart) -> Zone:
        """Tell where the items of a part came from; those in no stage wait in todo."""
        return Zone.TODO if part.left_id == NO_STAGE else self.zones[part.left_id]

    def entered_zone(self, part: MovePart) -> Zone | None:
        """Tell where the items of a part went, None for nowhere."""
        return None if part.is_cancellation else self.zones[part.entered_id]


async def gather(connection: Connection, selection: Selection) -> Parts:
    """Bring together what is kept and what has to be counted, for the selection.

    Reads from one snapshot only if the transaction gives one.
    """
    async with planned_once(connection):
        everywhere = await Cutting.of(connection, selection)
        async with tasks() as group:
            paths = group.create_task(_paths(everywhere.inside()))
            flows = await _flows(everywhere, with_visits=True)
        return replace(flows, paths=paths.result())


async def gather_buckets(
    connection: Connection, selection: Selection, edges: Sequence[datetime], *, by_type: bool
) -> Parts:
    """Bring the same together bucket by bucket, without visits and paths.

    `edges` are the window's start, where each further bucket begins, and its end. The moments of
    what is in a bucket reach to the bucket's end. Unless asked for, types are not told apart.
    """
    async with planned_once(connection):
        return await _flows(await Cutting.of(connection, selection, edges, by_type=by_type))


async def gather_items(connection: Connection, selection: Selection) -> list[ItemPart]:
    """Bring together the items created, started and finished in the window alone."""
    async with planned_once(connection):
        return await _items((await Cutting.of(connection, selection)).inside())


async def _items(time: Cutting) -> list[ItemPart]:
    found = [
        *await time.counted_parts(_PART_ITEMS, _item_part),
        *await time.kept_parts(_KEPT_ITEMS, _item_part, _REMEMBERED),
    ]
    return [each.reaching(us) for us, each in found]


async def _moves(time: Cutting, *, with_visits: bool) -> list[MovePart]:
    found = [
        *await time.counted_parts(_PART_MOVES, _move_part),
        *await time.kept_parts(_KEPT_MOVES, _move_part, _REMEMBERED, with_visits=with_visits),
    ]
    return [each.reaching(us) for us, each in found]


async def _paths(time: Cutting) -> list[PathPart]:
    return [
        *map(_path_part, await time.counted(_PART_PATHS)),
        *await time.remembered(_KEPT_PATHS, _path_part, _REMEMBERED),
    ]


async def _flows(everywhere: Cutting, *, with_visits: bool = False) -> Parts:
    async with tasks() as group:
        items = group.create_task(_items(everywhere))
        moves = group.create_task(_moves(everywhere, with_visits=with_visits))
        # the longest one last: meanwhile something is made of the others
        here = group.create_task(everywhere.turns.rows(_PRESENT, everywhere.asked))
    present = here.result()
    return Parts(
        window=everywhere.window,
        zones={row.stage_id: Zone(row.zone) for row in present if row.stage_id != NO_STAGE},
        present=[
            Presence(row.stage_id, row.type, row.n, row.unfinished) for row in present if row.n
        ],
        items=items.result(),
        moves=moves.result(),
        paths=(),
    )


_Part = TypeVar("_Part", bound="DataclassInstance")


def _item_part(row: Row, slot: int) -> ItemPart:
    return part(ItemPart, row, slot=slot)


def _move_part(row: Row, slot: int) -> MovePart:
    return part(MovePart, row, slot=slot)


def _path_part(row: Row) -> PathPart:
    return part(PathPart, row)


def _with_one_run(parts: Sequence[_Part]) -> list[_Part]:
    """Join the runs of each part: percentiles of few runs are found faster than of many."""
    return [
        replace(each, **{name: _joined(getattr(each, name)) for name in packed_fields(type(each))})
        for each in parts
    ]


def _joined(runs: Sequence[Run]) -> Sequence[Run]:
    return runs if len(runs) < 2 else (array("q", merged(runs)),)  # noqa: PLR2004 - one has all


def _size(parts: Sequence[_Part]) -> int:
    """Return about how many bytes parts take."""
    runs = (
        run for each in parts for name in packed_fields(type(each)) for run in getattr(each, name)
    )
    return len(parts) * _PART_BYTES + sum(_RUN_BYTES + len(run) * VALUE_BYTES for run in runs)


_REMEMBERED: Kind[list[Any]] = Kind(made_handy=_with_one_run, size=_size)
