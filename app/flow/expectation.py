"""What may be promised of a single item, and whether promises were kept.

A percentile describes what was. A promise is about the next item, so it does not interpolate: it
is an order statistic whose rank leaves room for the item that is still to come.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from app.domain.value_stream import ServiceLevel
from app.flow.calendar import MICROSECOND, US_PER_HOUR, Window
from app.flow.summary import DurationSummary

SAMPLE = timedelta(days=90)
"""A promise rests on the items finished in this time before the instant it is made for."""

DEFAULT_P = Fraction(85, 100)
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Expectation:
    """The promise that the share `p` of items finish within `limit_us`.

    None where so few items were finished that no value of theirs could be promised.
    """

    p: Fraction
    sample_size: int
    limit_us: int | None

    @property
    def needed(self) -> int:
        """How many finished items a promise at this p takes: 6 for 0.85, 19 for 0.95."""
        return math.ceil(self.p / (1 - self.p))


class Verdict(StrEnum):
    """Whether the promise held, or why that cannot be told."""

    PREDICTABLE = "predictable"
    UNPREDICTABLE = "unpredictable"
    NO_EXPECTATION = "no_expectation"
    NOTHING_FINISHED = "nothing_finished"


@dataclass(frozen=True, slots=True)
class Attainment:
    """How an expectation fared with the items finished after it was stated.

    `within` of `finished` items took at most the expected time; None without an expectation.
    """

    expectation: Expectation
    finished: int
    within: int | None

    @property
    def share(self) -> float | None:
        """The share of items that took at most the expected time."""
        return None if self.within is None or not self.finished else self.within / self.finished

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which shares the true one lies, with 95 % confidence."""
        if self.within is None or not self.finished:
            return None
        return clopper_pearson(self.within, self.finished)

    @property
    def verdict(self) -> Verdict:
        """Predictable if the interval contains p or lies above it.

        A single item can show nothing else, so the verdict is read with the interval beside it.
        """
        if self.within is None:
            return Verdict.NO_EXPECTATION
        if self.interval is None:
            return Verdict.NOTHING_FINISHED
        held = self.interval[1] >= self.expectation.p
        return Verdict.PREDICTABLE if held else Verdict.UNPREDICTABLE


@dataclass(frozen=True, slots=True)
class Predictability:
    """How well a window's cycle times could be told in advance, and how far they lie apart."""

    attainment: Attainment
    cycle: DurationSummary

    @property
    def spread(self) -> float | None:
        """p85 / p50 of cycle time: 1 if all items took equally long, None if p50 is 0 or none."""
        return self.cycle.p85 / self.cycle.p50 if self.cycle.p85 and self.cycle.p50 else None


def sample_window(before: datetime, as_of: datetime) -> Window:
    """Return the 90 days before an instant, that instant excluded: nothing later is looked at."""
    return Window(before - SAMPLE, before, as_of)


def present_sample(as_of: datetime) -> Window:
    """Return the 90 days up to and including `as_of`, for a promise made then."""
    return sample_window(as_of + MICROSECOND, as_of)


def expectation(cycles_us: Sequence[int], p: Fraction = DEFAULT_P) -> Expectation:
    """State the service level expectation that a sample of cycle times supports.

    It is the k-th smallest of the n cycle times with `k = ⌈p(n + 1)⌉`, None when k > n. If the
    next item is like the sample (exchangeable), it takes at most that long with probability
    k / (n + 1) >= p; the plain nearest rank ⌈pn⌉ would hold with 17/21 = 81 % at n = 20 and p =
    85 %. The rank is exact: p is a fraction, since `int(90 * 0.7)` is 62. Source: the service
    level expectation of the Kanban Guide; the rank is that of a distribution-free prediction bound.
    """
    if not 0 < p < 1:
        raise ValueError(f"p must lie between 0 and 1, was {p}")
    rank = math.ceil(p * (len(cycles_us) + 1))
    limit_us = sorted(cycles_us)[rank - 1] if rank <= len(cycles_us) else None
    return Expectation(p, len(cycles_us), limit_us)


def attainment(stated: Expectation, cycles_us: Sequence[int]) -> Attainment:
    """Hold an expectation against the cycle times of items that were finished after it."""
    limit_us = stated.limit_us
    within = None if limit_us is None else sum(cycle <= limit_us for cycle in cycles_us)
    return Attainment(stated, len(cycles_us), within)


def predictability(stated: Expectation, cycles_us: Sequence[int]) -> Predictability:
    """Hold an expectation against a window's cycle times, and summarise these."""
    return Predictability(attainment(stated, cycles_us), DurationSummary.of(cycles_us))


@lru_cache(maxsize=64)  # an answer asks twice: for the interval, and for the verdict
def clopper_pearson(hits: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact confidence interval of a share of which `hits` of `n` were seen.

    The ends are the shares at which seeing at least, and at most, so many hits would have the
    probability (1 - confidence) / 2: quantiles of the beta distribution (Clopper & Pearson
    1934). 0 of 10 gives [0, 0.3085]; 4 of 10 gives [0.1216, 0.7376].
    """
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"of {n} there cannot be {hits}")
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, hits, n - hits + 1) if hits else 0.0
    high = beta_quantile(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return low, high


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the x at which the beta distribution with parameters a and b has reached p.

    By halving: the distribution rises, and after some sixty steps no number lies in between.
    """
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if beta_cdf(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return high


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), for positive a and b.

    `x^a (1 - x)^b / (a B(a, b))` times a continued fraction, which converges fast below the
    distribution's bulk; above it the symmetry `I_x(a, b) = 1 - I_{1-x}(b, a)` leads there. Source:
    NIST Digital Library of Mathematical Functions, 8.17.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    scale = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / a
    return scale * _beta_fraction(x, a, b)


_TINY = 1e-300
_PRECISION = 1e-15
_MOST_TERMS = 100_000  # some √max(a, b) are needed


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate 1/(1 + d1/(1 + d2/(1 + …))) of DLMF 8.17.22 from the front (Lentz's method)."""
    ratio = 1 / _nonzero(1 - (a + b) * x / (a + 1))
    upper, value = 1.0, ratio
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            ratio = 1 / _nonzero(1 + term * ratio)
            upper = _nonzero(1 + term / upper)
            value *= upper * ratio
        if abs(upper * ratio - 1) < _PRECISION:
            return value
    raise ArithmeticError(f"the beta function of {a} and {b} did not converge at {x}")


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


@dataclass(frozen=True, slots=True)
class StatedLevel:
    """What a team has promised, held against the cycle times of a window.

    `within` of the `finished` items took at most the promised time.
    """

    level: ServiceLevel
    finished: int
    within: int

    @property
    def share(self) -> float | None:
        """Within / finished; None when nothing was finished."""
        return self.within / self.finished if self.finished else None

    @property
    def is_kept(self) -> bool | None:
        """Whether at least the promised share was within; None when nothing was finished."""
        # in whole numbers, so that 85 of 100 is 85 %
        return 100 * self.within >= self.level.percent * self.finished if self.finished else None


def stated_level(level: ServiceLevel, cycles_us: Sequence[int]) -> StatedLevel:
    """Hold what was promised against cycle times in microseconds."""
    within = sum(each <= level.hours * US_PER_HOUR for each in cycles_us)
    return StatedLevel(level, len(cycles_us), within)
