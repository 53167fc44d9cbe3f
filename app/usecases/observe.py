"""Observe the whole service for Prometheus, from the database."""

from itertools import accumulate

from app.store import measurements
from app.store.database import Connection
from app.telemetry import BUCKET_HOURS, Histogram, Observation


async def observe(connection: Connection) -> Observation:
    """Read every flow series at once; the same on all replicas."""
    found = await measurements.counts(connection, BUCKET_HOURS)
    return Observation(
        created={kind: int(n) for (kind, _), n in found["created"].items()},
        completed={kind: int(n) for (kind, _), n in found["completed"].items()},
        transitions={names: int(n) for names, n in found["transitions"].items()},
        in_progress={labels: int(n) for labels, n in found["in_progress"].items()},
        cycle_time=_histogram(found),
    )


def _histogram(found: dict[str, dict[tuple[str, str], float]]) -> Histogram:
    """Turn counts per bucket, numbered from the largest bound down, into cumulative ones."""
    last = len(BUCKET_HOURS)
    per_bucket = [0] * (last + 1)
    for (bucket, _), count in found["cycle_time"].items():
        per_bucket[last - int(bucket)] = int(count)
    total_seconds = found["cycle_time_total"]["", ""]
    return Histogram(tuple(accumulate(per_bucket)), total_seconds / 3600)
