"""What came to the stages in doing, left them and lay in them, and how long it took.

The raw evidence about bottlenecks. `observe` defines it; the database fills the same dataclass.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from app.domain.value_stream import Stage, ValueStream, Zone
from app.domain.visit import Visit
from app.flow.calendar import Window, day_start, elapsed_us
from app.flow.resampling import MAX_UNITS
from app.flow.times import ItemTimes


@dataclass(frozen=True, slots=True)
class Queue:
    """What came to one doing stage, left it and lay in it.

    `arrivals` and `departures` are visits entered and ended on each full day, cancellation being
    an end. `at_limit_us` is None without a limit. `at_end` is the number of items at the end.
    """

    stage: Stage
    arrivals: tuple[int, ...]
    departures: tuple[int, ...]
    at_limit_us: int | None
    empty_us: int
    at_end: int

    @property
    def net_flow(self) -> list[int]:
        """Arrivals - departures of each full day: by how much the queue grew."""
        return [came - went for came, went in zip(self.arrivals, self.departures, strict=True)]


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of a window: queues of the doing stages in order, and times of finished items.

    A row of `times_us` has a column for each doing stage and is an item; of more than `MAX_UNITS`
    items it is the sum of those finished in one cell: mostly a day.
    """

    window: Window
    finished: int
    times_us: tuple[tuple[int, ...], ...]
    queues: tuple[Queue, ...]

    @property
    def full_days(self) -> int:
        """Number of whole local days in the window."""
        return len(self.queues[0].arrivals)


def doing_stages(stream: ValueStream) -> tuple[Stage, ...]:
    """Return the stages that can be a bottleneck, in order."""
    return tuple(stage for stage in stream.stages if stream.zone(stage) is Zone.DOING)


def with_data(window: Window, first_data: datetime | None) -> Window:
    """Return the window without the time before the first item: empty days are no evidence."""
    if first_data is None or first_data not in window:
        return window
    return Window(max(window.start, first_data), window.end, window.as_of, window.partial)


def full_day_bounds(window: Window, tz: tzinfo) -> list[datetime]:
    """Return where the whole local days of the window begin, and where the last one ends.

    One bound, i.e. no day, for a window that holds no whole day.
    """
    starts = [day_start(day, tz) for day in window.local_days(tz)]
    after = day_start(window.local_days(tz)[-1] + timedelta(days=1), tz)
    inside = [at for at in [*starts, after] if window.start <= at <= window.end]
    return inside or [window.end]


def cells_of(window: Window, bounds: Sequence[datetime]) -> list[datetime]:
    """Return where the window begins, its full days begin and end, and where it ends itself."""
    return sorted({window.start, *bounds, window.end})


def observe(
    items: Iterable[ItemTimes],
    stream: ValueStream,
    window: Window,
    bounds: Sequence[datetime],
    *,
    with_limits: bool = True,
) -> Observation:
    """Observe the window; `bounds` are those of its full days.

    A finished item's time in a stage is the sum of its visits there up to its first finish, 0 for
    a stage that it skipped. `with_limits` is False when the items are only some of those that the
    limits are about.

    Many items are taken together by the day of their finish: what is finished on one day often has
    one cause, so days are closer to independent than items are.
    """
    known = tuple(items)
    stages = doing_stages(stream)
    cohort = [item for item in known if item.finished in window]
    return Observation(
        window=window,
        finished=len(cohort),
        times_us=_times_us(cohort, stages, cells_of(window, bounds)),
        queues=tuple(
            _queue(
                [visit for item in known for visit in item.visits if visit.stage == stage],
                stage,
                window,
                bounds,
                stage.wip_limit if with_limits else None,
            )
            for stage in stages
        ),
    )


def _times_us(
    cohort: Sequence[ItemTimes], stages: Sequence[Stage], cells: Sequence[datetime]
) -> tuple[tuple[int, ...], ...]:
    rows = [tuple(_time_us(item, stage) for stage in stages) for item in cohort]
    if len(rows) <= MAX_UNITS:
        return tuple(rows)
    sums = [[0] * len(stages) for _ in cells[1:]]
    for item, row in zip(cohort, rows, strict=True):
        if item.finished is not None:
            into = sums[bisect_right(cells, item.finished) - 1]
            into[:] = [one + other for one, other in zip(into, row, strict=True)]
    return tuple(map(tuple, sums))


def _time_us(item: ItemTimes, stage: Stage) -> int:
    visits = (visit for visit in item.visits if visit.stage == stage)
    return sum(item.until_finish_us(each.entered, each.exited) for each in visits)


def _queue(
    visits: Sequence[Visit],
    stage: Stage,
    window: Window,
    bounds: Sequence[datetime],
    limit: int | None,
) -> Queue:
    entered = [visit.entered for visit in visits]
    exited = [visit.exited for visit in visits if visit.exited is not None]
    levels = _levels(entered, exited, window)
    return Queue(
        stage=stage,
        arrivals=_per_day(entered, bounds),
        departures=_per_day(exited, bounds),
        at_limit_us=None if limit is None else sum(us for items, us in levels if items >= limit),
        empty_us=sum(us for items, us in levels if items == 0),
        at_end=levels[-1][0],
    )


def _levels(
    entered: Sequence[datetime], exited: Sequence[datetime], window: Window
) -> list[tuple[int, int]]:
    """Return how many items there were, and for how many microseconds, through the window."""
    inside = {at for at in (*entered, *exited) if at in window}
    edges = sorted({window.start, *inside, window.end})
    return [
        (sum(at <= low for at in entered) - sum(at <= low for at in exited), elapsed_us(low, high))
        for low, high in pairwise(edges)
    ]


def _per_day(events: Iterable[datetime], bounds: Sequence[datetime]) -> tuple[int, ...]:
    days = [bisect_right(bounds, at) for at in events]
    return tuple(days.count(day) for day in range(1, len(bounds)))
