"""The bottleneck: which stage holds the flow up. A claim about people's work, so it needs evidence.

Four pieces of evidence for each stage in doing, the first three with a guard against noise:

- E1, longest share: the stage's part of the time that finished items spent in doing, T_k / sum T.
  By Little's law it is its part of WIP. Guard: the share of bootstrap resamples of the items in
  which the stage is the longest must be at least 0.95.
- E2, growing queue: arrivals - departures per full day. Guard: one-sided sign-flip test, p < 0.05
  after Holm's adjustment over the stages.
- E3, at the limit: share of time with at least `wip_limit` items; must be at least 0.5. None for
  a stage without a limit.
- E4, starvation below: share of time in which the next doing stage is empty. Reported only.

Not used: a fixed threshold such as "more than five items", which is no evidence; utilisation,
which the data do not hold; the active period method, since a stage of knowledge work is almost
never empty.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.value_stream import Category, Stage, ValueStream
from app.flow.queues import Observation, Queue, doing_stages
from app.flow.resampling import growth_p_value, holm, largest_column_confidence

MIN_FINISHED = 20
MIN_FULL_DAYS = 28
CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
AT_LIMIT = 0.5


class Verdict(StrEnum):
    """What the evidence amounts to."""

    CONSTRAINT = "constraint"
    LONGEST_STAGE = "longest_stage"
    GROWING_QUEUE = "growing_queue"
    NONE_CLEAR = "none_clear"
    INSUFFICIENT_DATA = "insufficient_data"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for one stage. `confidence` and the p-values are None with too few data."""

    queue: Queue
    time_us: int
    share: float | None
    confidence: float | None
    p_value: float | None
    p_adjusted: float | None
    at_limit: float | None
    next_stage: Stage | None
    next_empty: float | None

    @property
    def stage(self) -> Stage:
        """The stage that it is about."""
        return self.queue.stage

    @property
    def is_longest(self) -> bool:
        """E1 holds."""
        return self.confidence is not None and self.confidence >= CONFIDENCE

    @property
    def is_growing(self) -> bool:
        """E2 holds."""
        return self.p_adjusted is not None and self.p_adjusted < SIGNIFICANCE

    @property
    def is_at_limit(self) -> bool:
        """E3 holds."""
        return self.at_limit is not None and self.at_limit >= AT_LIMIT


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The verdict with its evidence, stages with the largest share first.

    `seen_in` is the stage whose evidence led to the verdict. If it is a waiting stage, work queues
    there in front of the stage that it waits for, and that one is named: `waits_for`.
    """

    verdict: Verdict
    seen_in: Evidence | None
    waits_for: Stage | None
    ranking: tuple[Evidence, ...]
    observation: Observation

    @property
    def stage(self) -> Stage | None:
        """The stage that the verdict names."""
        return self.waits_for or (self.seen_in.stage if self.seen_in else None)


def bottleneck(observation: Observation, stream: ValueStream) -> Bottleneck:
    """Weigh the evidence.

    `constraint` if one stage is the longest and its queue grows or it is at its limit;
    `longest_stage` if there is a longest one, `growing_queue` if only queues grow (named: the one
    with the smallest p, then the largest growth); else `none_clear`, and the ranking says what
    comes nearest. `insufficient_data` below 20 finished items or 28 full days.
    """
    ranking = tuple(
        sorted(_evidence(observation), key=lambda each: (-each.time_us, each.stage.order))
    )
    verdict, seen_in = _verdict(observation, ranking)
    waits_for = _waits_for(seen_in.stage, stream) if seen_in else None
    return Bottleneck(verdict, seen_in, waits_for, ranking, observation)


def is_enough(observation: Observation) -> bool:
    """Tell whether the guards against noise are known to hold with so many data."""
    return observation.finished >= MIN_FINISHED and observation.full_days >= MIN_FULL_DAYS


def _verdict(
    observation: Observation, ranking: tuple[Evidence, ...]
) -> tuple[Verdict, Evidence | None]:
    if not is_enough(observation):
        return Verdict.INSUFFICIENT_DATA, None
    for each in ranking:
        if each.is_longest and (each.is_growing or each.is_at_limit):
            return Verdict.CONSTRAINT, each
        if each.is_longest:
            return Verdict.LONGEST_STAGE, each
    growing = [each for each in ranking if each.is_growing]
    if growing:
        return Verdict.GROWING_QUEUE, min(growing, key=_clearest_growth)
    return Verdict.NONE_CLEAR, None


def _clearest_growth(evidence: Evidence) -> tuple[float, int]:
    return evidence.p_value or 0.0, -sum(evidence.queue.net_flow)


def _waits_for(stage: Stage, stream: ValueStream) -> Stage | None:
    """Return the next active stage after a waiting one, None for an active one."""
    if stage.category is not Category.WAIT:
        return None
    later = (each for each in doing_stages(stream) if each.order > stage.order)
    return next((each for each in later if each.category is Category.ACTIVE), None)


def _evidence(observation: Observation) -> list[Evidence]:
    queues, enough = observation.queues, is_enough(observation)
    times = [sum(column) for column in zip(*observation.times_us, strict=True)]
    times = times or [0] * len(queues)
    total = sum(times)
    confidence = largest_column_confidence(observation.times_us) if enough else None
    p_values = {q.stage.name: growth_p_value(q.net_flow) for q in queues} if enough else {}
    adjusted = holm(p_values)
    return [
        Evidence(
            queue=queue,
            time_us=times[place],
            share=times[place] / total if total else None,
            confidence=confidence[place] if confidence is not None else None,
            p_value=p_values.get(queue.stage.name),
            p_adjusted=adjusted.get(queue.stage.name),
            at_limit=_share(queue.at_limit_us, observation),
            next_stage=below.stage if below else None,
            next_empty=_share(below.empty_us, observation) if below else None,
        )
        for place, (queue, below) in enumerate(zip(queues, [*queues[1:], None], strict=True))
    ]


def _share(part_us: int | None, observation: Observation) -> float | None:
    return None if part_us is None else part_us / observation.window.length_us
