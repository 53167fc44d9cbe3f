"""Observe the whole service for Prometheus, from the database."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from app.domain.broken_rule import Rule
from app.domain.work_item import WorkItemType
from app.store import observations
from app.store.database import Connection
from app.store.observations import Count, StageZone
from app.telemetry import BUCKET_HOURS, QUANTILE_DAYS, QUANTILES, Histogram, Observation
from app.usecases.roll_up import negated


async def observe(connection: Connection) -> Observation:
    """Read every flow series; the same on all replicas.

    Types, stages and the moves between a stream's stages have their series from the start, at 0:
    Prometheus does not see the increase that makes a series appear.
    """
    found = _Found(
        await observations.counts(connection, negated(BUCKET_HOURS)),
        await observations.stage_list(connection),
    )
    quantiles = await observations.cycle_time_quantiles(connection, QUANTILES, QUANTILE_DAYS)
    oldest = await observations.oldest_started(connection)
    return Observation(
        created=found.by_type("created"),
        completed=found.by_type("finished"),
        transitions=found.moves(),
        in_progress=found.in_stages(),
        oldest_started={stage: _unix_time(at) for stage, at in oldest.items()},
        cycle_time=_histogram(found.of("finished")),
        lead_time=_histogram(found.of("lead")),
        stage_time=found.stage_times(),
        cycle_time_quantiles=quantiles,
        broken_rules=found.broken_rules(await observations.broken_rules(connection)),
        wip_limits=found.wip_limits(),
    )


@dataclass(frozen=True)
class _Found:
    """Counts by the ids of stages; stages of one name in several streams add up."""

    counts: Sequence[Count]
    stages: Sequence[StageZone]

    def of(self, series: str) -> list[Count]:
        """Return the counts of one series."""
        return [count for count in self.counts if count.series == series]

    def by_type(self, series: str) -> dict[str, int]:
        """Return the number of items of each type."""
        numbers = dict.fromkeys(map(str, WorkItemType), 0)
        for count in self.of(series):
            numbers[count.label] += count.n
        return numbers

    def moves(self) -> dict[tuple[str, str], int]:
        """Return the number of moves by the names of the stages left and entered."""
        names = self._names()
        numbers = {
            (left.name if left else "", entered.name): 0
            for entered in self.stages
            for left in (None, *self.stages)
            if left is None or (left.stream_id == entered.stream_id and left.id != entered.id)
        }
        for count in self.of("moves"):
            numbers[names[count.label], names[count.other]] += count.n
        return numbers

    def in_stages(self) -> dict[tuple[str, str], int]:
        """Return how many items lie in each stage: entries less exits, and less those given up.

        What lies in zone done is delivered: giving it up does not take it out.
        """
        present: Counter[str] = Counter()
        for count in self.of("moves"):
            present[count.other] += count.n
            present[count.label] -= count.n
        given_up = {count.label: count.n for count in self.of("cancelled")}
        numbers: Counter[tuple[str, str]] = Counter()
        for stage in self.stages:
            out = 0 if stage.zone == "done" else given_up.get(str(stage.id), 0)
            numbers[stage.name, stage.zone] += present[str(stage.id)] - out
        return dict(numbers)

    def stage_times(self) -> dict[str, Histogram]:
        """Return how long the visits to each stage took that have ended by a move."""
        names = self._names()
        ended = [count for count in self.of("moves") if count.label]
        return {
            name: _histogram(count for count in ended if names[count.label] == name)
            for name in dict.fromkeys(stage.name for stage in self.stages)
        }

    def broken_rules(self, numbers: Mapping[tuple[str, int], int]) -> dict[tuple[str, str], int]:
        """Return how often each rule was broken by entering each stage."""
        broken = {(str(rule), stage.name): 0 for rule in Rule for stage in self.stages}
        for stage in self.stages:
            for rule in Rule:
                broken[rule, stage.name] += numbers.get((rule, stage.id), 0)
        return broken

    def wip_limits(self) -> dict[str, int]:
        """Return the limits of the stages that have one."""
        limits: Counter[str] = Counter()
        for stage in self.stages:
            if stage.wip_limit is not None:
                limits[stage.name] += stage.wip_limit
        return dict(limits)

    def _names(self) -> dict[str, str]:
        return {"": ""} | {str(stage.id): stage.name for stage in self.stages}


def _histogram(counts: Iterable[Count]) -> Histogram:
    """Add up counts per bucket, and make them cumulative."""
    per_bucket = [0] * (len(BUCKET_HOURS) + 1)
    sum_us = 0
    for count in counts:
        per_bucket[count.bucket] += count.n
        sum_us += count.sum_us
    return Histogram(tuple(accumulate(per_bucket)), sum_us)


def _unix_time(instant: datetime) -> float:
    return instant.timestamp()
