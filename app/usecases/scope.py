"""Which items, in which time: the one selection behind every number.

Every flow metric is asked with the same words and answered for the same scope, so two answers can
never rest on two populations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from app.domain.errors import InvalidValue
from app.domain.value_stream import ValueStream
from app.domain.work_item import WorkItemType
from app.domain.working_time import Clock
from app.flow.calendar import Window, explicit_window, rolling_window
from app.store import clocks, measurements, value_streams
from app.store.database import Connection
from app.store.measurements import Extent, Selection

DEFAULT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Question:
    """Which stream, when, which items, and by which clock durations are measured.

    `days` back from `as_of`, or `start` and `end`.
    """

    stream: str | None = None
    days: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    as_of: datetime | None = None
    tz: tzinfo | None = None
    types: Sequence[WorkItemType] | None = None
    clock: Clock = Clock.ELAPSED


@dataclass(frozen=True, slots=True)
class Scope:
    """A question with everything unsaid filled in."""

    stream: ValueStream
    window: Window
    tz: tzinfo
    types: Sequence[WorkItemType] | None
    extent: Extent
    clock: Clock = Clock.ELAPSED

    @property
    def selection(self) -> Selection:
        """What queries are given."""
        calendar = self.stream.id if self.clock is Clock.WORKING else None
        return Selection(self.stream.id, self.window, self.types, calendar)

    @property
    def kinds(self) -> Sequence[WorkItemType]:
        """The types that the scope holds."""
        return list(WorkItemType) if self.types is None else self.types

    def of_each_type(self) -> "Mapping[WorkItemType, Scope]":
        """Return the same scope for each of its types alone."""
        return {kind: replace(self, types=[kind]) for kind in self.kinds}

    @property
    def before_first_data(self) -> bool:
        """Tell whether the window begins before the stream's first item."""
        first = self.extent.first_created_at
        return first is None or self.window.start < first


async def resolve(
    connection: Connection, question: Question, *, default_days: int = DEFAULT_DAYS
) -> Scope:
    """Fill in what the question left unsaid. Raises InvalidValue, UnknownStream, ClockNotReady."""
    now = await measurements.begin_analysis(connection)
    return await scope_at(connection, question, now, default_days=default_days)


async def scope_at(
    connection: Connection, question: Question, now: datetime, *, default_days: int = DEFAULT_DAYS
) -> Scope:
    """Fill in a question that is asked at an instant, in an analysis that has begun already.

    Raises as `resolve`.
    """
    stream = await value_streams.load(connection, question.stream)
    window = _window(question, now, default_days)
    if question.clock is Clock.WORKING:
        require_calendar(stream)
        await clocks.check_reach(connection, stream, window.as_of)
    return Scope(
        stream=stream,
        window=window,
        tz=question.tz or stream.zone_info,
        types=question.types,
        extent=await measurements.extent(connection, stream.id, window.as_of),
        clock=question.clock,
    )


def require_calendar(stream: ValueStream) -> None:
    """Raise InvalidValue for a stream of which nobody has said when it works."""
    if stream.calendar is None:
        raise InvalidValue(
            "clock",
            f"the stream {stream.key!r} has no working time: give it one, as `working_time` in its "
            "stream file, or ask for `elapsed`",
        )


def _window(question: Question, now: datetime, default_days: int) -> Window:
    """Return the window asked for, seen at `as_of` or now."""
    as_of = question.as_of or now
    if as_of > now:
        raise InvalidValue("as_of", f"must not lie in the future, after {now.isoformat()}")
    if question.start is None and question.end is None:
        return rolling_window(as_of, question.days or default_days)
    if question.days is not None:
        raise InvalidValue("days", "give either `days` or `start` and `end`, not both")
    if question.start is None:
        raise InvalidValue("start", "`end` needs a `start`")
    return explicit_window(question.start, question.end or as_of, as_of)
