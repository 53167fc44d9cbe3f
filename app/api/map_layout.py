"""Where everything lies on a drawn value stream map, in pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.value_stream import Category, Stage
from app.flow.quality import ReworkLoop
from app.flow.stage_times import StageTimes
from app.flow.value_stream_map import Rung, ValueStreamMap

MARGIN = 28
GAP = 48
HEAD = 46
"""Height of a process box's head; what lies between the boxes is centred on it."""
ROW = 19
DATA_ROWS = 5
LANE = 30
MOST_LOOPS = 8
"""Rework arrows that are drawn; more would hide one another."""
TOTALS_WIDTH = 216
TRIANGLE_HALF = 32
TRIANGLE_HEIGHT = 54

_TITLE = 74
_WIDTHS = {Category.WAIT: 104, Category.ACTIVE: 156, Category.DONE: 132}
_THINNEST, _THICKEST = 1.5, 8.0


@dataclass(frozen=True, slots=True)
class Column:
    """A stage's place; `rung` and `times` are None for the items that are in no stage yet."""

    name: str
    category: Category
    x: float
    rung: Rung | None
    times: StageTimes | None

    @property
    def width(self) -> float:
        """How wide the symbol is."""
        return _WIDTHS[self.category]

    @property
    def centre(self) -> float:
        """The middle of the symbol."""
        return self.x + self.width / 2

    @property
    def end(self) -> float:
        """Where the symbol ends."""
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Arrow:
    """A rework arrow: up from one stage, along a lane, down to an earlier stage.

    It is the thicker the more moves there are per finished item, so maps can be compared.
    """

    loop: ReworkLoop
    x_from: float
    y_from: float
    x_to: float
    y_to: float
    lane: int
    thickness: float


@dataclass(frozen=True, slots=True)
class Layout:
    """All places on one map."""

    columns: tuple[Column, ...]
    arrows: tuple[Arrow, ...]
    loops_left_out: int
    top: float
    """Where the boxes begin, below the lanes of the rework arrows."""

    @property
    def bottom(self) -> float:
        """Where the data boxes end."""
        return self.top + HEAD + DATA_ROWS * ROW + 8

    @property
    def ladder_high(self) -> float:
        """The ladder's level for waiting."""
        return self.bottom + 44

    @property
    def ladder_low(self) -> float:
        """The ladder's level for process time."""
        return self.ladder_high + 34

    @property
    def delivered(self) -> Column:
        """The first done stage; the totals stand beneath it."""
        return next(each for each in self.columns if each.category is Category.DONE)

    @property
    def width(self) -> float:
        """The width of the whole drawing."""
        return max(self.columns[-1].end, self.delivered.x + TOTALS_WIDTH) + MARGIN

    def lane_y(self, lane: int) -> float:
        """Return the height of a lane; the first is the lowest."""
        return self.top - LANE * (lane + 0.7)


def layout(found: ValueStreamMap) -> Layout:
    """Place the stages side by side, and the rework arrows above them without overlaps."""
    columns = _columns(found)
    drawn = found.quality.loops[:MOST_LOOPS]
    by_stage = {each.rung.stage: each for each in columns if each.rung is not None}
    by_span = sorted(
        drawn, key=lambda loop: by_stage[loop.from_stage].x - by_stage[loop.to_stage].x
    )
    lanes = _lanes(by_span)
    top = _TITLE + LANE * (1 + max(lanes, default=-1)) + 14
    arrows = []
    for loop, lane in zip(by_span, lanes, strict=True):
        x_from, y_from = _landing(loop.from_stage, loop, by_span, by_stage[loop.from_stage])
        x_to, y_to = _landing(loop.to_stage, loop, by_span, by_stage[loop.to_stage])
        often = min(1.0, loop.moves / found.ladder.items)
        thickness = _THINNEST + (_THICKEST - _THINNEST) * often
        arrows.append(Arrow(loop, x_from, top + y_from, x_to, top + y_to, lane, thickness))
    return Layout(columns, tuple(arrows), len(found.quality.loops) - len(drawn), top)


def _columns(found: ValueStreamMap) -> tuple[Column, ...]:
    placed: list[Column] = []
    x = float(MARGIN)
    if found.ladder.unplaced_us or found.presence.unplaced_at_end:
        placed.append(Column("In no stage yet", Category.WAIT, x, None, None))
        x = placed[-1].end + GAP
    columns = zip(found.ladder.rungs, found.presence.stages, strict=True)
    for rung, times in columns:
        placed.append(Column(rung.stage.name, rung.stage.category, x, rung, times))
        x = placed[-1].end + GAP
    return tuple(placed)


def _lanes(by_span: Sequence[ReworkLoop]) -> list[int]:
    """Give each arrow the lowest lane above all shorter ones that it spans or crosses."""
    lanes: list[int] = []
    for loop in by_span:
        below = [lane for lane, other in zip(lanes, by_span, strict=False) if _overlap(loop, other)]
        lanes.append(1 + max(below, default=-1))
    return lanes


def _overlap(one: ReworkLoop, other: ReworkLoop) -> bool:
    return (
        one.to_stage.order < other.from_stage.order and other.to_stage.order < one.from_stage.order
    )


def _landing(
    stage: Stage, loop: ReworkLoop, by_span: Sequence[ReworkLoop], column: Column
) -> tuple[float, float]:
    """Return where an arrow meets a stage's symbol: x, and y below the symbol's top.

    Arrows at one stage stand side by side: those that leave it on the left, the shortest first,
    those that arrive on the right, the shortest last, so that they do not cross there.
    """
    leaving = [each for each in by_span if each.from_stage == stage]
    arriving = [each for each in reversed(by_span) if each.to_stage == stage]
    here = [*leaving, *arriving]
    active = column.category is Category.ACTIVE
    room = column.width if active else 2 * TRIANGLE_HALF
    offset = room * ((here.index(loop) + 1) / (len(here) + 1) - 0.5)
    slope = 0.0 if active else TRIANGLE_HEIGHT / TRIANGLE_HALF
    return column.centre + offset, abs(offset) * slope
