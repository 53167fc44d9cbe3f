"""Generated histories, streams, windows and zones: everything an item can do, in four weeks.

Instants are drawn mostly on the hour, so that equal timestamps and events on a window's edge are
common, and otherwise to the microsecond.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream
from app.domain.work_item import ItemHistory, WorkItemType
from app.domain.working_time import MINUTES_PER_DAY, WEEKDAYS, Shift, WorkingCalendar
from app.flow.calendar import Window

property_test = settings(max_examples=40, deadline=None)
"""Enough examples for every run of the unit tests; time limits are not what these tests check."""

BASE = datetime(2025, 3, 3, tzinfo=UTC)
SPAN = timedelta(days=28)
HORIZON = BASE + 3 * SPAN
"""Later than every generated instant: as of here, everything is known."""

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)


def durations(longest: timedelta = SPAN) -> st.SearchStrategy[timedelta]:
    """Draw from zero to the longest, mostly whole hours."""
    on_the_hour = st.integers(0, longest // _HOUR).map(lambda hours: hours * _HOUR)
    anywhere = st.integers(0, longest // _MICROSECOND).map(lambda us: us * _MICROSECOND)
    return st.one_of(on_the_hour, on_the_hour, anywhere)


def instants() -> st.SearchStrategy[datetime]:
    """Draw an instant of the four weeks."""
    return durations().map(lambda offset: BASE + offset)


def zones() -> st.SearchStrategy[ZoneInfo]:
    """Draw a time zone; most change their clocks, some at midnight, one by half an hour."""
    return st.sampled_from(
        [
            ZoneInfo("UTC"),
            ZoneInfo("Europe/Berlin"),
            ZoneInfo("America/New_York"),
            ZoneInfo("America/St_Johns"),
            ZoneInfo("America/Havana"),
            ZoneInfo("America/Santiago"),
            ZoneInfo("Africa/Cairo"),
            ZoneInfo("Asia/Kathmandu"),
            ZoneInfo("Australia/Lord_Howe"),
            ZoneInfo("Pacific/Apia"),
        ]
    )


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    """Draw working hours to the minute: some days none, one shift or several, perhaps all day."""
    days = []
    for _ in WEEKDAYS:
        edges = sorted(draw(st.sets(st.integers(0, MINUTES_PER_DAY), max_size=4)))
        days.append(tuple(Shift(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)))
    off = draw(st.sets(st.dates(BASE.date(), (BASE + SPAN).date()), max_size=5))
    return WorkingCalendar(tuple(days), days_off=frozenset(off))


@st.composite
def streams(draw: st.DrawFn) -> ValueStream:
    """Draw a valid stream: unique ascending orders, an active stage, done stages last."""
    working = draw(st.lists(st.sampled_from([Category.WAIT, Category.ACTIVE]), max_size=5))
    working.insert(draw(st.integers(0, len(working))), Category.ACTIVE)
    categories = working + [Category.DONE] * draw(st.integers(1, 2))
    steps = draw(st.lists(st.integers(1, 3), min_size=len(categories), max_size=len(categories)))
    stages = tuple(
        Stage(f"Stage {order}", order, f"stage-{order}", category)
        for order, category in zip(accumulate(steps), categories, strict=True)
    )
    return ValueStream(key="generated", name="Generated", stages=stages)


@st.composite
def histories(draw: st.DrawFn, stream: ValueStream = DEFAULT_STREAM) -> ItemHistory:
    """Draw any history: skips, returns, reopens, repeated moves, ties, late arrivals, none at all.

    `created_at` lies before, at or after the first move; a cancellation never before the last one.
    """
    names = st.sampled_from([stage.name for stage in stream.stages])
    moves = draw(st.lists(st.builds(Transition, names, instants()), max_size=8))
    timestamps = [move.timestamp for move in moves]
    first = min(timestamps, default=None)
    created = draw(instants() if first is None else st.one_of(st.just(first), instants()))
    return ItemHistory(
        title="generated",
        type=draw(st.sampled_from(WorkItemType)),
        created_at=created,
        transitions=tuple(moves),
        cancelled_at=draw(_cancellations(max([created, *timestamps]))),
    )


@st.composite
def forward_histories(draw: st.DrawFn, stream: ValueStream = DEFAULT_STREAM) -> ItemHistory:
    """Draw an item that only ever moves forward, perhaps skipping stages, and may be cancelled."""
    stages = [stage for stage in stream.stages if draw(st.booleans())]
    times = sorted(draw(instants()) for _ in range(len(stages) + 1))
    created, *entries = times
    moves = (Transition(stage.name, at) for stage, at in zip(stages, entries, strict=True))
    return ItemHistory(
        title="generated",
        type=draw(st.sampled_from(WorkItemType)),
        created_at=created,
        transitions=tuple(moves),
        cancelled_at=draw(_cancellations(times[-1])),
    )


@st.composite
def journeys(draw: st.DrawFn, stream: ValueStream = DEFAULT_STREAM) -> ItemHistory:
    """Draw an item that enters the first stage and mostly moves on: sometimes back, or past done.

    Of histories drawn at random few are ever started, parked and finished, one after the other.
    """
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, -1, -2]), max_size=7))
    last = len(stream.stages) - 1
    places = accumulate(steps, lambda at, step: min(max(at + step, 0), last), initial=0)
    created, *entries = sorted(draw(instants()) for _ in range(len(steps) + 2))
    moves = (
        Transition(stream.stages[place].name, at) for place, at in zip(places, entries, strict=True)
    )
    return ItemHistory(
        title="generated",
        type=draw(st.sampled_from(WorkItemType)),
        created_at=created,
        transitions=tuple(moves),
        cancelled_at=draw(_cancellations(entries[-1])),
    )


@dataclass(frozen=True)
class Population:
    """Items on one stream."""

    stream: ValueStream
    histories: tuple[ItemHistory, ...]


@st.composite
def populations(draw: st.DrawFn, max_size: int = 6) -> Population:
    """Draw a few items of any kind, on the default stream or on a generated one."""
    stream = draw(st.one_of(st.just(DEFAULT_STREAM), streams()))
    items = st.one_of(histories(stream), journeys(stream))
    return Population(stream, tuple(draw(st.lists(items, max_size=max_size))))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Draw a window of at least a microsecond, as of an instant when everything is known."""
    start = draw(instants())
    return Window(start, start + _MICROSECOND + draw(durations()), as_of=HORIZON)


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Window, list[Window]]:
    """Draw a window and adjacent windows that make it up."""
    edges = sorted(draw(st.sets(instants(), min_size=2, max_size=6)))
    whole = Window(edges[0], edges[-1], as_of=HORIZON)
    return whole, [Window(start, end, as_of=HORIZON) for start, end in pairwise(edges)]


def _cancellations(earliest: datetime) -> st.SearchStrategy[datetime | None]:
    return st.one_of(st.none(), durations(SPAN / 2).map(lambda delay: earliest + delay))
