"""Percentiles of a sample that lies in many sorted runs, without sorting it all again."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import repeat

Run = Sequence[int]
"""Values in ascending order, such as an `array`."""

_FEW = 128
"""So many values are sorted: it is faster than to narrow them down any further."""

_MANY = 1024
"""Fewer values are sorted once for all percentiles, as are those beside the longest run."""

_SHORT = 64
"""Runs of fewer values are joined: each costs something for every percentile."""


def percentiles_of_runs(runs: Sequence[Run], fractions: Sequence[float]) -> list[float | None]:
    """Return what `percentile_cont` defines for each fraction, of all runs together, in their unit.

    Each run is ascending. None for an empty sample.
    """
    n = sum(map(len, runs))
    if n == 0:
        return [None for _ in fractions]
    runs = _fewer(runs, n)
    found: list[float | None] = []
    for fraction in fractions:
        rank = fraction * (n - 1)
        low = math.floor(rank)
        first, second = _neighbours(runs, low, min(low + 1, n - 1))
        found.append(first + (rank - low) * (second - first))
    return found


def ranked(runs: Sequence[Run], rank: int) -> int:
    """Return the value of a rank, from 0, of all runs together.

    >>> ranked([[1, 5], [2, 3]], 2)
    3
    """
    return _neighbours(runs, rank, rank)[0]


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


def _fewer(runs: Sequence[Run], n: int) -> Sequence[Run]:
    """Join runs that are sorted again faster than looked at one by one; `n` is for all of them."""
    if n <= _MANY:
        return [merged(runs)]
    longest = max(map(len, runs))
    below = longest if n - longest <= _MANY else min(longest, _SHORT)
    short = [run for run in runs if len(run) < below]
    return [*(run for run in runs if len(run) >= below), merged(short)] if short else runs


def _of_two(one: Run, other: Run, rank: int) -> int:
    """Return the value of a rank of two runs together.

    Halves what is possible of how many of the lower values are of the first one.
    """
    least, most = max(0, rank - len(other)), min(rank, len(one))
    while least < most:
        some = (least + most) // 2
        if one[some] < other[rank - some - 1]:
            least = some + 1
        else:
            most = some
    rest = rank - least
    if least == len(one):
        return other[rest]
    return one[least] if rest == len(other) else min(one[least], other[rest])


def _neighbours(runs: Sequence[Run], low: int, high: int) -> tuple[int, int]:
    """Return the values of two ranks, which are adjacent or the same.

    What may hold them is a slice of each run. It is narrowed by a value of the widest slice, taken
    from about where the ranks would lie if all runs were alike: counting the values below it tells
    on which side they are.
    """
    if len(runs) == 1:
        return runs[0][low], runs[0][high]
    if len(runs) == 2:  # noqa: PLR2004 - the usual: what is kept and what was counted
        return _of_two(runs[0], runs[1], low), _of_two(runs[0], runs[1], high)
    begins, ends = [0] * len(runs), [len(run) for run in runs]
    left, before, aims = sum(ends), 0, True
    while left > _FEW:
        widths = [end - begin for begin, end in zip(begins, ends, strict=True)]
        widest = max(widths)
        k = widths.index(widest)
        share = (low - before) / left if aims else 0.5
        pivot = runs[k][begins[k] + _beside(share, widest)]
        cuts = _cut(bisect_left, runs, pivot, begins, ends)
        below = sum(cuts)
        if low < below <= high:
            return max(run[cut - 1] for run, cut in zip(runs, cuts, strict=True) if cut), pivot
        if below > high:
            ends = cuts
        elif cuts != begins:
            begins = cuts
        else:  # it is the least that is left, perhaps more than once
            cuts = _cut(bisect_right, runs, pivot, begins, ends)
            if sum(cuts) > high:
                return pivot, pivot
            if sum(cuts) > low:
                return pivot, min(run[c] for run, c in zip(runs, cuts, strict=True) if c < len(run))
            begins = cuts
        before = sum(begins)
        was, left = left, sum(ends) - before
        # runs that are not alike: the middle of the widest leaves less in any case
        aims = left < was / 2
    values = merged([run[b:e] for run, b, e in zip(runs, begins, ends, strict=True) if b < e])
    return values[low - before], values[high - before]


def _beside(share: float, width: int) -> int:
    """Return an index a little to that side of a share of the width on which more lies.

    What is aimed at will then most likely be on the other side, where less is left.
    """
    aside = math.isqrt(width)
    at = int(share * width) + (-aside if share > 0.5 else aside)  # noqa: PLR2004 - half
    return min(max(at, 0), width - 1)


def _cut(
    side: Callable[[Run, int, int, int], int],
    runs: Sequence[Run],
    value: int,
    begins: Sequence[int],
    ends: Sequence[int],
) -> list[int]:
    """Return where a value would go into each slice."""
    return list(map(side, runs, repeat(value), begins, ends))
