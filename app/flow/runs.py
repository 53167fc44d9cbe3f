"""Percentiles of a sample that lies in many sorted runs, without sorting it all again."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import repeat

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


def ranked(runs: Sequence[Run], rank: int) -> int:
    """Return the value of a rank, from 0, of all runs together.

    >>> ranked([[1, 5], [2, 3]], 2)
    3
    """
    n = sum(map(len, runs))
    pick = _Sorted(runs) if n <= _FEW else _Sampled(runs)
    return pick.pair(rank, rank)[0]


class _Sorted:
    """All values in order."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._values = merged(runs)

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Return the values of two ranks, from 0."""
        return self._values[low], self._values[high]


class _Sampled:
    """Every so-many-th value of each run in order, which says about where a rank lies.

    Of a run's values below any bound, one in `_STRIDE` is sampled, rounded up: half of one more on
    average. Over all runs that is a guess whose error grows with the root of their number; it is
    checked by counting, and widened where it was wrong.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = [run for run in runs if run]
        self._sample = merged([run[::_STRIDE] for run in self._runs])

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Return the values of two adjacent ranks, from 0."""
        middle = low // _STRIDE + len(self._runs) // 2
        reach = math.isqrt(len(self._runs)) + 2
        while True:
            begins = self._begins(middle - reach)
            ends = self._ends(middle + reach)
            below = sum(begins)
            if below <= low and high < sum(ends):
                break
            reach *= 2
        between = merged(
            [
                run[begin:end]
                for run, begin, end in zip(self._runs, begins, ends, strict=True)
                if begin < end
            ]
        )
        return between[low - below], between[high - below]

    def _begins(self, index: int) -> list[int]:
        """Return how many values of each run lie below a sampled one; none where there is none."""
        if index < 0:
            return [0] * len(self._runs)
        floor = self._sample[min(index, len(self._sample) - 1)]
        return list(map(bisect_left, self._runs, repeat(floor)))

    def _ends(self, index: int) -> list[int]:
        """Return how many values of each run lie at a sampled one or below; all without one."""
        if index >= len(self._sample):
            return [len(run) for run in self._runs]
        ceiling = self._sample[max(index, 0)]
        return list(map(bisect_right, self._runs, repeat(ceiling)))


def merged(runs: Sequence[Run]) -> list[int]:
    """Return the values of all runs in ascending order; sorting finds the runs by itself.

    >>> merged([[1, 5], [2, 3]])
    [1, 2, 3, 5]
    """
    values: list[int] = []
    for run in runs:
        values += run
    values.sort()
    return values
