"""Tell an item's journey: its moves, and the times that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.domain.block import Block, RecordedBlock
from app.domain.transition import RecordedTransition
from app.domain.value_stream import ValueStream
from app.domain.working_time import Clock
from app.flow.blocked import blocked_us
from app.flow.calendar import Measure, elapsed_us
from app.flow.times import ItemTimes, times_of
from app.store import blocks, clocks, transitions, value_streams, work_items
from app.store.database import Connection
from app.usecases.scope import require_calendar


class Traveller(Protocol):
    """An item, as far as its journey is concerned."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def created_at(self) -> datetime: ...  # noqa: D102
    @property
    def cancelled_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Journey:
    """An item with its moves, as of an instant, and by which clock its times are."""

    item: Traveller
    moves: Sequence[RecordedTransition]
    times: ItemTimes
    as_of: datetime
    clock: Clock
    blocks: Sequence[RecordedBlock]

    @property
    def blocked_us(self) -> int | None:
        """How long the finished item was blocked between start and finish."""
        told = [Block(each.reason, each.started_at, each.ended_at) for each in self.blocks]
        return blocked_us(self.times, told)


async def tell_journey(
    connection: Connection,
    item_id: int,
    clock: Clock = Clock.ELAPSED,
    *,
    with_voided: bool = False,
) -> Journey:
    """Return the item's journey until now. Raises UnknownItem, InvalidValue, ClockNotReady."""
    item = await work_items.get(connection, item_id)
    stream = await value_streams.load_by_id(connection, item.stream_id)
    moves = await transitions.history(connection, item_id, with_voided=with_voided)
    as_of = await transitions.clock(connection)
    instants = [item.created_at, as_of, *(m.timestamp for m in moves if m.voided_at is None)]
    if item.cancelled_at is not None:
        instants.append(item.cancelled_at)
    between = await _measure(connection, stream, clock, min(instants), max(instants))
    told = journey_of(item, stream, moves, as_of, between)
    return replace(told, clock=clock, blocks=await blocks.of_item(connection, item_id))


def journey_of(
    item: Traveller,
    stream: ValueStream,
    moves: Sequence[RecordedTransition],
    as_of: datetime,
    between: Measure = elapsed_us,
) -> Journey:
    """Put together the journey of an item that was never blocked."""
    standing = [move for move in moves if move.voided_at is None]
    times = times_of(item.created_at, standing, item.cancelled_at, stream, between=between)
    return Journey(item, moves, times, as_of, Clock.ELAPSED, ())


async def _measure(
    connection: Connection, stream: ValueStream, clock: Clock, since: datetime, until: datetime
) -> Measure:
    """Return how durations within `[since, until]` are measured by a clock."""
    if clock is Clock.ELAPSED:
        return elapsed_us
    require_calendar(stream)
    return (await clocks.load(connection, stream, since, until)).between
