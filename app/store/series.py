"""The flow of a window bucket by bucket, put together from its parts."""

from collections import defaultdict
from collections.abc import Sequence

from app.domain.value_stream import Zone
from app.flow.buckets import Bucket, edges
from app.flow.series import SeriesPoint
from app.store.database import Connection
from app.store.flow_summary import State, crossings, step_of, summarise_runs
from app.store.measurements import Selection
from app.store.parts import ItemPart, MovePart, Parts, gather_buckets


async def series(
    connection: Connection, selection: Selection, buckets: Sequence[Bucket]
) -> list[SeriesPoint]:
    """Return what `flow.series.series` defines, for the selected items."""
    parts = await gather_buckets(connection, selection, edges(buckets), by_type=False)
    return series_of(parts, buckets)


def series_of(parts: Parts, buckets: Sequence[Bucket]) -> list[SeriesPoint]:
    """Put the points together, from parts that were gathered for these buckets."""
    items: defaultdict[int, list[ItemPart]] = defaultdict(list)
    moves: defaultdict[int, list[MovePart]] = defaultdict(list)
    for item in parts.items:
        items[item.slot].append(item)
    for move in parts.moves:
        moves[move.slot].append(move)
    wip, points = State(parts, Zone.DOING).at_start, []
    for slot, bucket in enumerate(buckets):
        point = _point(parts, bucket, wip, items[slot], moves[slot])
        points.append(point)
        wip = point.wip_at_end
    return points


def _point(
    parts: Parts,
    bucket: Bucket,
    wip_before: int,
    items: Sequence[ItemPart],
    events: Sequence[MovePart],
) -> SeriesPoint:
    steps = [(each, step_of(parts, each, Zone.DOING)) for each in events]
    moves = [each for each in events if each.is_move]
    throughput = sum(each.finished_n for each in items)
    return SeriesPoint(
        bucket=bucket,
        throughput=throughput,
        started=sum(each.started_n for each in items),
        created=sum(each.created_n for each in items),
        discarded=sum(each.discarded_n for each in events),
        reopened=crossings(parts, moves, Zone.DONE, None),
        recompleted=crossings(parts, moves, None, Zone.DONE) - throughput,
        wip_us=wip_before * bucket.window.length_us
        + sum(each.until_end_us * step for each, step in steps),
        wip_at_end=wip_before + sum(each.n * step for each, step in steps),
        cycle=summarise_runs(
            [run for each in items for run in each.cycles],
            throughput,
            sum(each.cycle_us for each in items),
        ),
        lead=summarise_runs(
            [run for each in items for run in each.leads],
            throughput,
            sum(each.lead_us for each in items),
        ),
    )
