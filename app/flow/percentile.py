"""Averages and percentiles of samples. An empty sample has none: the answer is None, never 0."""

import math
from collections.abc import Sequence

# With the nearest-rank view, rank ⌈pn⌉ is the largest value itself up to these sample sizes.
_P85_IS_MAXIMUM_UP_TO = 6
_P95_IS_MAXIMUM_UP_TO = 19


def percentile_cont(values: Sequence[float], p: float) -> float | None:
    """Return the p-th percentile, interpolated linearly between the two nearest values.

    With x sorted from index 0 and r = p(n - 1): `x⌊r⌋ + (r - ⌊r⌋)(x⌈r⌉ - x⌊r⌋)`, the definition of
    PostgreSQL's `percentile_cont`, so that both agree. None for no values; the value itself for
    one. Describes what was; a promise or forecast needs an order statistic instead.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p must lie between 0 and 1, was {p}")
    if not values:
        return None
    ordered = sorted(values)
    rank = p * (len(ordered) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    return low + (rank - math.floor(rank)) * (high - low)


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean, None for no values. Summed without rounding in between."""
    return math.fsum(values) / len(values) if values else None


def low_confidence(n: int) -> list[str]:
    """Name the percentiles that, of n values, say no more than the maximum does.

    p85 up to 6 values and p95 up to 19; none for an empty sample, which has no percentiles.
    """
    if n == 0:
        return []
    limits = {"p85": _P85_IS_MAXIMUM_UP_TO, "p95": _P95_IS_MAXIMUM_UP_TO}
    return [name for name, limit in limits.items() if n <= limit]
