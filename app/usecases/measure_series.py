"""Measure the flow of a scope over time, bucket by bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.work_item import WorkItemType
from app.flow.buckets import Bucket, BucketSize, cut, edges
from app.flow.series import ProcessLimits, SeriesPoint, full_counts, process_limits
from app.store.database import Connection
from app.store.left_out import left_out_of
from app.store.parts import Parts, gather_buckets
from app.store.series import series_of
from app.usecases.scope import Scope


@dataclass(frozen=True, slots=True)
class SeriesMeasured:
    """One series or one per type, and by reason the items whose durations are in none."""

    series: Sequence["FlowSeries"]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FlowSeries:
    """The points of all items of the scope, or of those of one type.

    `limits` are those of weekly throughput; None for other buckets and for too few weeks.
    """

    type: WorkItemType | None
    points: Sequence[SeriesPoint]
    limits: ProcessLimits | None


async def measure_series(
    connection: Connection, scope: Scope, size: BucketSize, *, by_type: bool = False
) -> SeriesMeasured:
    """Return one series, or one per type. Raises InvalidValue for too many buckets."""
    buckets = cut(scope.window, size, scope.tz)
    parts = await gather_buckets(connection, scope.selection, edges(buckets), by_type=by_type)
    series = (
        [_series(scope, size, buckets, parts.only([kind]), kind) for kind in scope.kinds]
        if by_type
        else [_series(scope, size, buckets, parts)]
    )
    return SeriesMeasured(series, left_out_of(parts))


def _series(
    scope: Scope,
    size: BucketSize,
    buckets: Sequence[Bucket],
    parts: Parts,
    kind: WorkItemType | None = None,
) -> FlowSeries:
    points = series_of(parts, buckets)
    # counts per day are mostly zeros, and of months there are too few
    counts = full_counts(points, scope.extent.first_created_at) if size is BucketSize.WEEK else []
    return FlowSeries(kind, points, process_limits(counts))
