"""Observe the whole service for Prometheus, from the database."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from app.domain.broken_rule import Rule
from app.domain.work_item import WorkItemType
from app.store import observations, recent_measures
from app.store.database import Connection
from app.store.observations import Count, StageZone, StreamState
from app.store.recent_measures import Measure
from app.telemetry import BUCKET_HOURS, RECENT_DAYS, Histogram, Observation, Recent
from app.usecases.roll_up import negated

Stages = Mapping[int, float]


async def observe(connection: Connection) -> Observation:
    """Read every flow series; the same on all replicas.

    Types, stages and the moves between a stream's stages have their series from the start, at 0:
    Prometheus does not see the increase that makes a series appear.
    """
    streams = await observations.stream_states(connection)
    found = _Found(
        streams,
        await observations.stage_list(connection),
        await observations.counts(connection, negated(BUCKET_HOURS)),
    )
    oldest = await observations.oldest_started(connection)
    return Observation(
        created=found.by_type("created"),
        completed=found.by_type("finished"),
        transitions=found.moves(),
        broken_rules=found.broken_rules(await observations.broken_rules(connection)),
        in_progress=found.in_stages(),
        wip_limits=found.wip_limits(),
        blocked=found.blocked(await observations.blocked_items(connection)),
        oldest_started=found.of_stages({id_: at.timestamp() for id_, at in oldest.items()}),
        last_event={(s.key,): s.last_event.timestamp() for s in streams if s.last_event},
        rollup_lag={(s.key,): s.rollup_lag for s in streams},
        cycle_time=found.durations("finished"),
        lead_time=found.durations("lead"),
        stage_time=found.stage_times(),
        recent=found.recent(await recent_measures.load(connection)),
    )


class _Found:
    """What was read, told by the keys of streams and the names of stages instead of their ids."""

    def __init__(
        self, streams: Sequence[StreamState], stages: Sequence[StageZone], counts: Iterable[Count]
    ) -> None:
        self._keys = {stream.id: stream.key for stream in streams}
        self._stages = [stage for stage in stages if stage.stream_id in self._keys]
        self._names = {"": ""} | {str(stage.id): stage.name for stage in self._stages}
        self._counts: dict[str, list[Count]] = defaultdict(list)
        for count in counts:
            if count.stream_id in self._keys:
                self._counts[count.series].append(count)

    def by_type(self, series: str) -> dict[tuple[str, ...], float]:
        """Return the number of items of each type."""
        numbers: Counter[tuple[str, ...]] = Counter()
        numbers.update(
            {(key, str(kind)): 0 for key in self._keys.values() for kind in WorkItemType}
        )
        for count in self._counts[series]:
            numbers[self._keys[count.stream_id], count.label] += count.n
        return dict(numbers)

    def moves(self) -> dict[tuple[str, ...], float]:
        """Return the number of moves by the stages left and entered."""
        numbers: Counter[tuple[str, ...]] = Counter()
        for key, stages in self._by_stream().items():
            numbers.update({(key, "", entered.name): 0 for entered in stages})
            numbers.update(
                {
                    (key, left.name, entered.name): 0
                    for left in stages
                    for entered in stages
                    if left is not entered
                }
            )
        for count in self._counts["moves"]:
            left, entered = self._names[count.label], self._names[count.other]
            numbers[self._keys[count.stream_id], left, entered] += count.n
        return dict(numbers)

    def in_stages(self) -> dict[tuple[str, ...], float]:
        """Return how many items lie in each stage: entries less exits, and less those given up.

        What lies in zone done is delivered: giving it up does not take it out.
        """
        present: Counter[str] = Counter()
        for count in self._counts["moves"]:
            present[count.other] += count.n
            present[count.label] -= count.n
        given_up = {count.label: count.n for count in self._counts["cancelled"]}
        return {
            (*self._named(stage), stage.zone): present[str(stage.id)]
            - (0 if stage.zone == "done" else given_up.get(str(stage.id), 0))
            for stage in self._stages
        }

    def stage_times(self) -> dict[tuple[str, ...], Histogram]:
        """Return how long the visits to each stage took that have ended by a move."""
        ended: dict[str, list[Count]] = defaultdict(list)
        for count in self._counts["moves"]:
            ended[count.label].append(count)
        return {self._named(stage): _histogram(ended[str(stage.id)]) for stage in self._stages}

    def durations(self, series: str) -> dict[tuple[str, ...], Histogram]:
        """Return how long the finished items of each stream took."""
        by_stream: dict[int, list[Count]] = defaultdict(list)
        for count in self._counts[series]:
            by_stream[count.stream_id].append(count)
        return {(key,): _histogram(by_stream[id_]) for id_, key in self._keys.items()}

    def broken_rules(self, numbers: Mapping[tuple[str, int], int]) -> dict[tuple[str, ...], float]:
        """Return how often each rule was broken by entering each stage."""
        return {
            (self._keys[stage.stream_id], str(rule), stage.name): numbers.get((rule, stage.id), 0)
            for stage in self._stages
            for rule in Rule
        }

    def wip_limits(self) -> dict[tuple[str, ...], float]:
        """Return the limits of the stages that have one."""
        return {
            self._named(stage): stage.wip_limit
            for stage in self._stages
            if stage.wip_limit is not None
        }

    def blocked(self, numbers: Stages) -> dict[tuple[str, ...], float]:
        """Return the number of blocked items of every stage before done."""
        unfinished = [stage for stage in self._stages if stage.zone != "done"]
        return {self._named(stage): numbers.get(stage.id, 0) for stage in unfinished}

    def of_stages(self, numbers: Stages) -> dict[tuple[str, ...], float]:
        """Return the numbers of the stages that have one."""
        return {
            self._named(stage): numbers[stage.id] for stage in self._stages if stage.id in numbers
        }

    def recent(self, measures: Iterable[tuple[int, Measure]]) -> Recent:
        """Return what was measured of the last days, of stages that are still there."""
        told: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
        for stream_id, each in measures:
            if stream_id in self._keys and each.label in self._names:
                labels = (self._keys[stream_id], self._names[each.label], each.other)
                told[each.series][labels] = each.value
        window = f"{RECENT_DAYS}d"
        return Recent(
            cycle_times={(key, q, window): v for (key, _, q), v in told["cycle"].items()},
            lead_times={(key, q, window): v for (key, _, q), v in told["lead"].items()},
            stage_times={(*labels, window): v for labels, v in told["visit"].items()},
            throughput={(key, days): v for (key, _, days), v in told["throughput"].items()},
            shares={labels[:2]: v for labels, v in told["share"].items()},
            bottlenecks=dict(told["bottleneck"]),
            expectations={(key, p): v for (key, _, p), v in told["expectation"].items()},
        )

    def _named(self, stage: StageZone) -> tuple[str, str]:
        return self._keys[stage.stream_id], stage.name

    def _by_stream(self) -> dict[str, list[StageZone]]:
        grouped: dict[str, list[StageZone]] = defaultdict(list)
        for stage in self._stages:
            grouped[self._keys[stage.stream_id]].append(stage)
        return grouped


def _histogram(counts: Iterable[Count]) -> Histogram:
    """Add up counts per bucket, and make them cumulative."""
    per_bucket = [0] * (len(BUCKET_HOURS) + 1)
    sum_us = 0
    for count in counts:
        per_bucket[count.bucket] += count.n
        sum_us += count.sum_us
    return Histogram(tuple(accumulate(per_bucket)), sum_us)
