"""The ways that finished items took: where their time went, and how often they were sent back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.value_stream import Stage, ValueStream, Zone
from app.flow.quality import Quality, StageQuality, ranked_loops, unfinished
from app.flow.value_stream_map import Ladder, Rung
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_FINISHED_PATHS = load_query("finished_paths")


@dataclass(frozen=True, slots=True)
class _Pair:
    """The moves from one stage to another; `source` is None for first moves."""

    source: Stage | None
    target: Stage
    moves: int
    left_us: int
    rework_us: int
    returned: int


async def finished_paths(
    connection: Connection, selection: Selection, stream: ValueStream
) -> tuple[Ladder, Quality]:
    """Return what `flow.value_stream_map.ladder` and `flow.quality.quality` define.

    Both come from one look at the moves of the items finished in the window.
    """
    rows = (await connection.execute(_FINISHED_PATHS, selection.parameters)).all()
    pairs = [_pair(row, stream) for row in rows]
    cycle_us = int(rows[0].total_cycle_us) if rows else 0
    return _ladder(pairs, rows, stream, cycle_us), _quality(pairs, rows, stream, cycle_us)


def _pair(row: Any, stream: ValueStream) -> _Pair:
    target = stream.stage_by_id(row.entered_id)
    assert target is not None, "a foreign key holds it"  # noqa: S101 - for the type checker
    return _Pair(
        source=stream.stage_by_id(row.left_id),
        target=target,
        moves=int(row.moves),
        left_us=int(row.left_us),
        rework_us=int(row.rework_us),
        returned=int(row.returned),
    )


def _ladder(
    pairs: Sequence[_Pair], rows: Sequence[Any], stream: ValueStream, cycle_us: int
) -> Ladder:
    time_us: Counter[Stage] = Counter()
    for pair in pairs:
        if pair.source is not None:
            time_us[pair.source] += pair.left_us
    lead_us = int(rows[0].total_lead_us) if rows else 0
    return Ladder(
        items=rows[0].items if rows else 0,
        lead_us=lead_us,
        cycle_us=cycle_us,
        unplaced_us=lead_us - time_us.total(),
        rungs=tuple(Rung(each, stream.zone(each), time_us[each]) for each in stream.stages),
    )


def _quality(
    pairs: Sequence[_Pair], rows: Sequence[Any], stream: ValueStream, cycle_us: int
) -> Quality:
    forward: Counter[Stage] = Counter()
    returned: Counter[Stage] = Counter()
    rework: Counter[tuple[Stage, Stage]] = Counter()
    for pair in pairs:
        if pair.source is None:
            continue
        if pair.source.order < pair.target.order:
            forward[pair.source] += pair.moves
        elif {stream.zone(pair.source), stream.zone(pair.target)} == {Zone.DOING}:
            rework[pair.source, pair.target] += pair.moves
            returned[pair.target] += pair.returned
    return Quality(
        items=rows[0].items if rows else 0,
        reworked_items=rows[0].reworked_items if rows else 0,
        rework_us=sum(pair.rework_us for pair in pairs),
        cycle_us=cycle_us,
        stages=tuple(
            StageQuality(each, forward[each], returned[each]) for each in unfinished(stream)
        ),
        loops=ranked_loops(rework),
    )
