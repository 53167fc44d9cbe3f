"""How sure a comparison is, found by resampling the data: no assumption about distributions.

Both tests draw from a generator with a fixed seed, so the same data always give the same answer.
"""

from collections.abc import Mapping, Sequence
from random import Random

RESAMPLES = 2000
SIGN_FLIPS = 9999
SEED = 1

MAX_UNITS = 100
"""More rows than this are resampled in groups: the time taken does not grow with the history."""

_FIELD_BITS = 128  # of a column's sum in a packed row: microseconds of any number of items fit
_FIELD = (1 << _FIELD_BITS) - 1


def largest_column_confidence(
    rows: Sequence[Sequence[int]], *, resamples: int = RESAMPLES, seed: int = SEED
) -> list[float]:
    """Return for each column how often it has the largest sum when rows are drawn anew.

    The bootstrap (Efron 1979): as many rows as there are, drawn with replacement, `resamples`
    times; the share of the times in which a column's sum exceeds every other one. Where two are
    equal, neither is the largest. Values must not be negative. The order of the rows does not
    matter. No rows give 0 for no columns.

    >>> largest_column_confidence([(2, 1), (3, 1)])
    [1.0, 0.0]
    """
    columns = len(rows[0]) if rows else 0
    rng = Random(seed)  # noqa: S311 - a repeatable answer, nothing to protect
    # A row becomes one integer with a field for each column, so that one sum adds up all columns.
    packed = [
        sum(value << (_FIELD_BITS * place) for place, value in enumerate(row))
        for row in sorted(map(tuple, rows))
    ]
    units = _grouped(packed, rng)
    wins = [0] * columns
    for _ in range(resamples if columns else 0):
        total = sum(rng.choices(units, k=len(units)))
        sums = [total >> (_FIELD_BITS * place) & _FIELD for place in range(columns)]
        largest = max(sums)
        if sums.count(largest) == 1:
            wins[sums.index(largest)] += 1
    return [won / resamples for won in wins]


def _grouped(values: list[int], rng: Random) -> list[int]:
    """Return the values, or the sums of groups of equal size that they are dealt to at random.

    A sum of m groups of n/m rows varies as much as a sum of n rows, so the groups stand for the
    rows without loss: a resample differs only in that it has fewer possible outcomes.
    """
    if len(values) <= MAX_UNITS:
        return values
    rng.shuffle(values)
    return [sum(values[first::MAX_UNITS]) for first in range(MAX_UNITS)]


def growth_p_value(
    increments: Sequence[int], *, flips: int = SIGN_FLIPS, seed: int = SEED
) -> float:
    """Return how likely a total this high is when ups and downs are equally likely (one-sided).

    The sign-flip randomisation test (Fisher 1935): if the increments are as likely up as down,
    each may as well have had the other sign. `p = (1 + #{total of random signs >= total}) /
    (flips + 1)`, never 0. It is about increments and never about levels: a queue's levels are the
    sums of its past, and a trend test takes their wandering for growth. No increments give 1.
    """
    sizes = [abs(each) for each in increments if each]
    total = sum(increments)
    rng = Random(seed)  # noqa: S311 - a repeatable answer, nothing to protect
    # One random bit for each increment makes its sign negative. The sizes are held as planes of
    # bits, so that what the negative ones sum up to is a few counts of bits.
    planes = [
        sum(1 << place for place, size in enumerate(sizes) if size >> bit & 1)
        for bit in range(max(sizes, default=0).bit_length())
    ]
    highest_loss = (sum(sizes) - total) // 2  # sum of sizes - 2 * negative >= total
    as_high = 0
    for _ in range(flips if sizes else 0):
        signs = rng.getrandbits(len(sizes))
        negative = sum((signs & plane).bit_count() << bit for bit, plane in enumerate(planes))
        as_high += negative <= highest_loss
    return (1 + as_high) / (flips + 1) if sizes else 1.0


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the p-values adjusted for being several (Holm 1979), each at least as high as before.

    The i-th smallest of m is multiplied by m - i + 1, and none is lower than the one before it.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p))
        adjusted[name] = highest
    return adjusted
