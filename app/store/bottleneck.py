"""The evidence about bottlenecks, gathered where the data are."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from app.domain.value_stream import Stage, ValueStream
from app.flow.queues import Observation, Queue, doing_stages
from app.flow.resampling import MAX_UNITS
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_QUEUES = load_query("bottleneck_queues")
_TIMES = load_query("bottleneck_times")


async def observe(
    connection: Connection, selection: Selection, stream: ValueStream, bounds: Sequence[datetime]
) -> Observation:
    """Return what `flow.queues.observe` defines, of more than 100 finished items in groups.

    Limits are about all items of a stage: a selection of types has none.
    """
    stages = doing_stages(stream)
    finished, times_us = await _stage_times(connection, selection, stages)
    asked = selection.parameters | {"bounds": list(bounds)}
    rows = {row.stage_id: row for row in await connection.execute(_QUEUES, asked)}
    return Observation(
        window=selection.window,
        finished=finished,
        times_us=times_us,
        queues=tuple(_queue(stage, rows[stage.id]) for stage in stages),
    )


async def _stage_times(
    connection: Connection, selection: Selection, stages: Sequence[Stage]
) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """Return the number of finished items and their times, a row for each item or group."""
    sizes: dict[int, int] = {}
    spent: dict[int, dict[int | None, int]] = defaultdict(dict)
    asked = selection.parameters | {"units": MAX_UNITS}
    for row in await connection.execute(_TIMES, asked):
        sizes[row.unit] = row.items
        spent[row.unit][row.stage_id] = int(row.us or 0)
    times = (tuple(spent[unit].get(stage.id, 0) for stage in stages) for unit in sizes)
    return sum(sizes.values()), tuple(times)


def _queue(stage: Stage, row: Row[Any]) -> Queue:
    return Queue(
        stage=stage,
        arrivals=tuple(row.arrivals),
        departures=tuple(row.departures),
        at_limit_us=None if row.at_limit_us is None else int(row.at_limit_us),
        empty_us=int(row.empty_us),
        at_end=int(row.at_end),
    )
