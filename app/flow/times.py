"""The normal form of an item: its history as a step function over stages and zones.

Transitions are ordered by timestamp, then by arrival; a move to the stage already in force is no
move. The state is right-continuous: at the instant of a move the item is in the new stage. Every
interval is half-open, so nothing is counted twice or lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Protocol

from app.domain.value_stream import Stage, ValueStream, Zone
from app.domain.visit import Ending, Visit
from app.domain.work_item import ItemHistory
from app.flow.calendar import Measure, elapsed_us, overlap_us, utc


@dataclass(frozen=True, slots=True)
class Span:
    """An uninterrupted stay in one zone, `[start, end)`; no end means it still lasts."""

    start: datetime
    end: datetime | None

    def __contains__(self, instant: datetime) -> bool:
        """Tell whether the stay covers the instant; one of no length covers none."""
        return self.start <= instant and (self.end is None or instant < self.end)

    def overlap_us(self, low: datetime, high: datetime) -> int:
        """Return how much of the stay lies in `[low, high)`, in microseconds."""
        return overlap_us(self.start, self.end, low, high)


@dataclass(frozen=True, slots=True)
class ItemTimes:
    """When one item was created, started, finished and cancelled, and where it was in between.

    All instants are on the UTC clock; None means it has not happened.

    - `created`: `created_at` or the first move, whichever is earlier.
    - `started`: first entry into zone doing or done. Never resets.
    - `finished`: **first** entry into zone done. Never resets, so that an item counts once and
      closed periods never change.
    - `cancelled`: as told. On a finished item it only ends a stay outside zone done.
    - `visits`: the stays in stages. Between `created` and the first visit the item is in no stage.
    - `todo`, `doing`, `done`: the stays in each zone, in order; the time before the first visit
      is todo. A stay of no length is kept: it is an entry and an exit, and takes no time.
    - `decommitted_at`: when the item was moved from doing back to todo.
    - `between`: the clock that its durations are measured by, elapsed time unless said otherwise.
      Whether something happened, and in which order, does not depend on it.
    """

    created: datetime
    started: datetime | None
    finished: datetime | None
    cancelled: datetime | None
    visits: tuple[Visit, ...]
    todo: tuple[Span, ...]
    doing: tuple[Span, ...]
    done: tuple[Span, ...]
    decommitted_at: tuple[datetime, ...]
    between: Measure = elapsed_us

    @property
    def discarded(self) -> datetime | None:
        """When the item was given up unfinished."""
        return self.cancelled if self.finished is None else None

    @property
    def reopened_at(self) -> tuple[datetime, ...]:
        """When the item left zone done."""
        return tuple(span.end for span in self.done if span.end is not None)

    @property
    def recompleted_at(self) -> tuple[datetime, ...]:
        """When the item entered zone done again, after it had been finished and reopened."""
        return tuple(span.start for span in self.done[1:])

    @property
    def final_finished(self) -> datetime | None:
        """The latest entry into zone done so far, also of an item that has been reopened since."""
        return self.done[-1].start if self.done else None

    @property
    def current_stage(self) -> Stage | None:
        """The stage of the last visit: of a cancelled item, the one in which it was given up."""
        return self.visits[-1].stage if self.visits else None

    @property
    def cycle_us(self) -> int | None:
        """Cycle time, finished - started, in microseconds; None when unfinished (Kanban Guide).

        By the elapsed clock, nights and weekends are in it; by either, waiting and parking are, and
        no "+1 day" is added. 0 when the item entered zone done directly.
        """
        if self.started is None or self.finished is None:
            return None
        return self.between(self.started, self.finished)

    @property
    def lead_us(self) -> int | None:
        """Lead time, finished - created, in microseconds; None when unfinished; >= cycle time."""
        return None if self.finished is None else self.between(self.created, self.finished)

    @property
    def parked_us(self) -> int | None:
        """The part of the cycle time not spent in zone doing, in microseconds; None as there.

        More than 0 only when work was decommitted, i.e. moved back to before the start.
        """
        if self.started is None or self.finished is None:
            return None
        doing = sum(self.until_finish_us(span.start, span.end) for span in self.doing)
        return self.between(self.started, self.finished) - doing

    def until_finish_us(self, start: datetime, end: datetime | None) -> int:
        """Return how long a stay of a finished item lasted before its finish; else 0."""
        if self.finished is None or start >= self.finished:
            return 0
        return self.between(start, self.finished if end is None else min(end, self.finished))

    def in_process(self, instant: datetime) -> bool:
        """Tell whether the item counts as work in process at this instant."""
        return any(instant in span for span in self.doing)

    def age_us(self, instant: datetime) -> int | None:
        """Work item age, instant - started, in microseconds (Kanban Guide).

        None when the item is not in process then: unstarted, parked, done or cancelled. Coming
        back into process does not reset it.
        """
        if self.started is None or not self.in_process(instant):
            return None
        return self.between(self.started, utc(instant))

    def request_age_us(self, instant: datetime) -> int | None:
        """Return instant - created in microseconds, None once started or cancelled by then."""
        closed = (self.started, self.cancelled)
        if instant < self.created or any(at is not None and at <= instant for at in closed):
            return None
        return self.between(self.created, utc(instant))


class Told(Protocol):
    """A move, as far as its times are concerned."""

    @property
    def to_stage(self) -> str: ...  # noqa: D102
    @property
    def timestamp(self) -> datetime: ...  # noqa: D102


def item_times(
    history: ItemHistory,
    stream: ValueStream,
    as_of: datetime | None = None,
    between: Measure = elapsed_us,
) -> ItemTimes:
    """Bring a history into normal form, as it could be known at `as_of` (None: all of it).

    Its durations are measured by `between`. Moves after `as_of` and moves after the cancellation
    are left out. Raises UnknownStage for a stage that is not in the stream.
    """
    cancelled = history.cancelled_at
    if cancelled is not None and as_of is not None and cancelled > as_of:
        cancelled = None
    moves = history.transitions
    return times_of(history.created_at, moves, cancelled, stream, as_of, between)


def times_of(
    created_at: datetime,
    moves: Iterable[Told],
    cancelled_at: datetime | None,
    stream: ValueStream,
    as_of: datetime | None = None,
    between: Measure = elapsed_us,
) -> ItemTimes:
    """Return the same of moves in their order of arrival; a cancellation was known by `as_of`."""
    cancelled = None if cancelled_at is None else utc(cancelled_at)
    real = _moves(moves, stream, as_of if cancelled is None else cancelled)
    created = min([utc(created_at), *(at for at, _ in real[:1])])
    visits = _visits(real, cancelled, stream)
    stays = _stays(created, visits, cancelled, stream)
    spans: dict[Zone, list[Span]] = {Zone.TODO: [], Zone.DOING: [], Zone.DONE: []}
    for zone, span in stays:
        spans[zone].append(span)
    done = spans[Zone.DONE]
    begun = [each[0].start for each in (spans[Zone.DOING], done) if each]
    return ItemTimes(
        created=created,
        started=min(begun, default=None),
        finished=done[0].start if done else None,
        cancelled=cancelled,
        visits=visits,
        todo=tuple(spans[Zone.TODO]),
        doing=tuple(spans[Zone.DOING]),
        done=tuple(done),
        decommitted_at=tuple(
            after.start
            for (zone, _), (next_zone, after) in pairwise(stays)
            if zone is Zone.DOING and next_zone is Zone.TODO
        ),
        between=between,
    )


def _moves(
    moves: Iterable[Told], stream: ValueStream, until: datetime | None
) -> list[tuple[datetime, Stage]]:
    """Return the real moves up to and including an instant, in order."""
    told = [(utc(move.timestamp), stream.stage(move.to_stage)) for move in moves]
    seen = [(at, stage) for at, stage in told if until is None or at <= until]
    # The sort is stable, so equal timestamps keep their order of arrival; of consecutive moves to
    # one stage the first is the move and the others are repetitions.
    in_order = sorted(seen, key=itemgetter(0))
    return [next(same) for _, same in groupby(in_order, key=itemgetter(1))]


def _visits(
    moves: list[tuple[datetime, Stage]], cancelled: datetime | None, stream: ValueStream
) -> tuple[Visit, ...]:
    if not moves:
        return ()
    left = [Visit(stage, at, until, Ending.MOVED) for (at, stage), (until, _) in pairwise(moves)]
    entered, stage = moves[-1]
    # What lies in zone done is delivered; giving the item up afterwards does not take it out.
    if cancelled is None or stream.zone(stage) is Zone.DONE:
        return (*left, Visit(stage, entered, None, Ending.OPEN))
    return (*left, Visit(stage, entered, cancelled, Ending.CANCELLED))


def _stays(
    created: datetime,
    visits: tuple[Visit, ...],
    cancelled: datetime | None,
    stream: ValueStream,
) -> list[tuple[Zone, Span]]:
    """Join neighbouring visits of one zone, after the time from creation to the first visit."""
    parts = [(stream.zone(visit.stage), visit.entered, visit.exited) for visit in visits]
    first_entry = visits[0].entered if visits else cancelled
    if first_entry != created:
        parts.insert(0, (Zone.TODO, created, first_entry))
    runs = [(zone, list(run)) for zone, run in groupby(parts, key=itemgetter(0))]
    return [(zone, Span(run[0][1], run[-1][2])) for zone, run in runs]
