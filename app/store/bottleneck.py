"""The evidence about bottlenecks, put together from the parts of a window's days."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.value_stream import Stage, ValueStream
from app.flow.calendar import elapsed_us
from app.flow.queues import Observation, Queue, cells_of, doing_stages
from app.flow.resampling import MAX_UNITS
from app.store.cutting import Cutting
from app.store.database import Connection
from app.store.levels import Courses, courses
from app.store.measurements import Selection, planned_once
from app.store.parts import Parts, gather_buckets
from app.store.queries import load_query

_ITEM_TIMES = load_query("item_times")
_PART_PATHS, _KEPT_TIMES = load_query("part_paths"), load_query("kept_times")

Times = Mapping[int | None, int]
"""Microseconds by stage."""


async def observe(
    connection: Connection, selection: Selection, stream: ValueStream, bounds: Sequence[datetime]
) -> Observation:
    """Return what `flow.queues.observe` defines, for the selected items.

    Limits are about all items of a stage: a selection of types has none.
    """
    stages = doing_stages(stream)
    cells = cells_of(selection.window, bounds)
    # counts and levels know no working hours
    elapsed = replace(selection, calendar=None)
    parts = await gather_buckets(connection, elapsed, cells, by_type=False)
    finished = sum(each.finished_n for each in parts.items if each.slot >= 0)
    if finished <= MAX_UNITS:
        times = await _item_times(connection, selection)
    else:
        times = await _day_times(connection, selection, cells)
    return Observation(
        window=selection.window,
        finished=finished,
        times_us=tuple(tuple(row.get(stage.id, 0) for stage in stages) for row in times),
        queues=await _queues(connection, elapsed, stages, _Cells(parts, cells, bounds)),
    )


async def _item_times(connection: Connection, selection: Selection) -> list[Times]:
    """Return the times of each finished item."""
    spent: defaultdict[int, dict[int | None, int]] = defaultdict(dict)
    for row in await _ITEM_TIMES.rows(connection, selection.parameters):
        spent[row.id][row.stage_id] = int(row.us or 0)
    return list(spent.values())


async def _day_times(
    connection: Connection, selection: Selection, cells: Sequence[datetime]
) -> list[Times]:
    """Return the times of the items finished in each cell, added up."""
    async with planned_once(connection):
        cutting = (await Cutting.of(connection, selection, cells)).inside()
        rows = await cutting.placed(_PART_PATHS, _KEPT_TIMES)
    spent: list[Counter[int | None]] = [Counter() for _ in cells[1:]]
    for slot, row in rows:
        spent[slot][row.left_id] += int(row.left_us)
    return list(spent)


@dataclass(frozen=True, slots=True)
class _Cell:
    """What came to a stage and left it in a stretch of time, and what lay there before."""

    starts: datetime
    ends: datetime
    arrivals: int
    departures: int
    before: int

    @property
    def after(self) -> int:
        return self.before + self.arrivals - self.departures

    @property
    def us(self) -> int:
        return elapsed_us(self.starts, self.ends)

    def is_sure(self, limit: int | None) -> bool:
        """Tell whether it is empty, and at its limit, for all of the time or for none of it.

        The number of items lies between what it would be if all left first, and if all came first.
        """
        fewest, most = self.before - self.departures, self.before + self.arrivals
        if not self.arrivals and not self.departures:
            return True
        return fewest > 0 and (limit is None or fewest >= limit or most < limit)


@dataclass(frozen=True, slots=True)
class _Fullness:
    """How full a stage was in a cell: known by its course where one was asked for."""

    cell: _Cell
    stage_id: int
    course: Courses | None
    stretch: int | None

    def time_with(self, fewest: int, most: int | None = None) -> int:
        """Return the microseconds with `fewest` to `most` items, None: or more."""
        items = self.cell.before
        if self.course is not None and self.stretch is not None:
            return self.course.time_with(self.stretch, self.stage_id, items, fewest, most)
        # without a course it is so for all of the time or for none of it
        return self.cell.us * (items >= fewest and (most is None or items <= most))


class _Cells:
    """The full days of a window, and what it holds before and after them, stage by stage."""

    def __init__(self, parts: Parts, cells: Sequence[datetime], bounds: Sequence[datetime]) -> None:
        self._parts = parts
        self._cells = cells
        first = cells.index(bounds[0])
        self.full_days = slice(first, first + len(bounds) - 1)

    def of(self, stage: Stage) -> list[_Cell]:
        """Return the cells of one stage, in order."""
        arrivals: Counter[int] = Counter()
        departures: Counter[int] = Counter()
        for each in self._parts.moves:
            if each.left_id == each.entered_id:
                continue
            if each.entered_id == stage.id:
                arrivals[each.slot] += each.n
            if each.left_id == stage.id:
                departures[each.slot] += each.n
        now = sum(each.n for each in self._parts.present if each.stage_id == stage.id)
        before = now - arrivals.total() + departures.total()
        found = []
        for slot, starts in enumerate(self._cells[:-1]):
            cell = _Cell(starts, self._cells[slot + 1], arrivals[slot], departures[slot], before)
            found.append(cell)
            before = cell.after
        return found


async def _queues(
    connection: Connection, selection: Selection, stages: Sequence[Stage], cells: _Cells
) -> tuple[Queue, ...]:
    limits = {each.id: each.wip_limit if selection.types is None else None for each in stages}
    by_stage = {stage: cells.of(stage) for stage in stages}
    unsure = sorted(
        {
            (cell.starts, cell.ends)
            for stage, found in by_stage.items()
            for cell in found
            if not cell.is_sure(limits[stage.id])
        }
    )
    course = await courses(connection, selection, unsure) if unsure else None
    stretches = {starts: number for number, (starts, _) in enumerate(unsure)}
    at_limit_us: Counter[int] = Counter()
    empty_us: Counter[int] = Counter()
    for stage, found in by_stage.items():
        limit = limits[stage.id]
        for cell in found:
            full = _Fullness(cell, stage.id, course, stretches.get(cell.starts))
            empty_us[stage.id] += full.time_with(0, 0)
            at_limit_us[stage.id] += 0 if limit is None else full.time_with(limit)
    return tuple(
        Queue(
            stage=stage,
            arrivals=tuple(each.arrivals for each in found[cells.full_days]),
            departures=tuple(each.departures for each in found[cells.full_days]),
            at_limit_us=None if limits[stage.id] is None else at_limit_us[stage.id],
            empty_us=empty_us[stage.id],
            at_end=found[-1].after,
        )
        for stage, found in by_stage.items()
    )
