"""The flow of a window bucket by bucket, computed where the data is."""

from collections.abc import Sequence
from typing import Any

from app.flow.buckets import Bucket, edges
from app.flow.calendar import elapsed_us
from app.flow.series import SeriesPoint
from app.flow.summary import DurationSummary
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_SERIES = load_query("series")


async def series(
    connection: Connection, selection: Selection, buckets: Sequence[Bucket]
) -> list[SeriesPoint]:
    """Return what `flow.series.series` defines, for the selected items."""
    found = await connection.execute(_SERIES, {**selection.parameters, "edges": edges(buckets)})
    rows = found.all()
    wip = rows[0].doing_now - sum(row.stepped for row in rows)
    points = []
    for bucket, row in zip(buckets, rows, strict=False):  # the last row is what came after
        before, wip = wip, wip + row.stepped
        points.append(_point(bucket, row, int(before), elapsed_us(buckets[0].start, bucket.end)))
    return points


def _point(bucket: Bucket, row: Any, wip_before: int, end_us: int) -> SeriesPoint:
    """Build a point from its row; `end_us` is its end in microseconds since the window's start."""
    stepped_us = int(row.stepped) * end_us - int(row.stepped_at_us)
    return SeriesPoint(
        bucket=bucket,
        throughput=row.throughput,
        started=row.started,
        created=row.created,
        discarded=row.discarded,
        reopened=int(row.reopened),
        recompleted=int(row.recompleted),
        wip_us=wip_before * bucket.window.length_us + stepped_us,
        wip_at_end=wip_before + int(row.stepped),
        cycle=_durations(row.throughput, row.cycle_sum_us, row.cycle),
        lead=_durations(row.throughput, row.lead_sum_us, row.lead),
    )


def _durations(count: int, sum_us: int, percentiles: Sequence[float] | None) -> DurationSummary:
    p50, p85, p95 = percentiles or (None, None, None)
    return DurationSummary(count=count, sum_us=int(sum_us), p50=p50, p85=p85, p95=p95)
