"""Percentiles of a sample that lies in many sorted runs, without sorting it all again."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

Run = Sequence[int]
"""Values in ascending order, such as an `array`."""

_STRIDE = 16
"""One value in so many is looked at to find where a rank lies."""

_FEW = 1024
"""Up to so many values, sorting them all is faster."""


def percentiles_of_runs(runs: Sequence[Run], fractions: Sequence[float]) -> list[float | None]:
    """Return what `percentile_cont` defines for each fraction, of all runs together, in their unit.

    Each run is ascending. None for an empty sample.
    """
    n = sum(map(len, runs))
    if n == 0:
        return [None for _ in fractions]
    pick = _Sorted(runs) if n <= _FEW else _Sampled(runs)
    found: list[float | None] = []
    for fraction in fractions:
        rank = fraction * (n - 1)
        low = math.floor(rank)
        first, second = pick.pair(low, min(low + 1, n - 1))
        found.append(first + (rank - low) * (second - first))
    return found


class _Sorted:
    """All values in order."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._values = sorted(value for run in runs for value in run)

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Return the values of two ranks, from 0."""
        return self._values[low], self._values[high]


class _Sampled:
    """Every so-many-th value of each run in order, which says between which values a rank lies.

    Of a run's values below a sampled one, all but the last `_STRIDE` at most are sampled too. So at
    most `i * _STRIDE` values lie below the i-th of the sample, and at least `(i - runs) * _STRIDE`.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = [run for run in runs if run]
        self._sample = sorted(value for run in self._runs for value in run[::_STRIDE])

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Return the values of two adjacent ranks, from 0."""
        floor = self._sample[min(low // _STRIDE, len(self._sample) - 1)]
        beyond = high // _STRIDE + len(self._runs) + 1
        ceiling = self._sample[beyond] if beyond < len(self._sample) else None
        below = 0
        between: list[int] = []
        for run in self._runs:
            begin = bisect_left(run, floor)
            end = len(run) if ceiling is None else bisect_right(run, ceiling)
            below += begin
            between += run[begin:end]
        between.sort()
        return between[low - below], between[high - below]
