"""Measure the flow of a scope over time, bucket by bucket."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.work_item import WorkItemType
from app.flow.buckets import BucketSize, cut
from app.flow.series import ProcessLimits, SeriesPoint, full_counts, process_limits
from app.store import series
from app.store.database import Connection
from app.usecases.scope import Scope


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
) -> list[FlowSeries]:
    """Return one series, or one per type. Raises InvalidValue for too many buckets."""
    kinds = (list(WorkItemType) if scope.types is None else scope.types) if by_type else [None]
    return [await _series(connection, scope, size, kind) for kind in kinds]


async def _series(
    connection: Connection, scope: Scope, size: BucketSize, kind: WorkItemType | None
) -> FlowSeries:
    selection = scope.selection if kind is None else replace(scope.selection, types=[kind])
    buckets = cut(scope.window, size, scope.tz)
    points = await series.series(connection, selection, buckets)
    # counts per day are mostly zeros, and of months there are too few
    counts = full_counts(points, scope.extent.first_created_at) if size is BucketSize.WEEK else []
    return FlowSeries(kind, points, process_limits(counts))
