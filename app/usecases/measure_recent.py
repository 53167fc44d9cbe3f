"""Measure what Prometheus is told of a stream's last days, by the rules of the API's numbers."""

from collections.abc import Iterator
from dataclasses import replace

from app.domain.value_stream import ValueStream
from app.flow.bottleneck import Bottleneck
from app.flow.calendar import US_PER_SECOND
from app.flow.expectation import expectation, present_sample
from app.flow.summary import DurationSummary
from app.store import cycle_times
from app.store.database import Connection
from app.store.flow_summary import summary_of
from app.store.parts import Parts, gather
from app.store.recent_measures import Measure
from app.store.stage_times import stage_presence
from app.telemetry import EXPECTED_P, QUANTILES, RECENT_DAYS, WEEK_DAYS
from app.usecases import find_bottleneck
from app.usecases.scope import Question, Scope, resolve, scope_at


async def measure_recent(connection: Connection, key: str) -> tuple[ValueStream, list[Measure]]:
    """Return the measures of a stream, in a transaction of their own that only reads."""
    month = await resolve(connection, Question(stream=key, days=RECENT_DAYS))
    now = month.window.as_of
    week = await scope_at(connection, Question(stream=key, days=WEEK_DAYS), now)
    quarter = await scope_at(
        connection, Question(stream=key, days=find_bottleneck.DEFAULT_DAYS), now
    )
    parts = await gather(connection, month.selection)
    found = [
        *await _times(connection, month, parts),
        _throughput(await gather(connection, week.selection), WEEK_DAYS),
        _throughput(parts, RECENT_DAYS),
        *_bottleneck(await find_bottleneck.find_bottleneck(connection, quarter)),
        *await _expectation(connection, month),
    ]
    return month.stream, found


async def _times(connection: Connection, scope: Scope, parts: Parts) -> list[Measure]:
    summary = summary_of(parts)
    presence = await stage_presence(connection, scope.selection, scope.stream, parts)
    return [
        *_quantiles("cycle", "", summary.cycle),
        *_quantiles("lead", "", summary.lead),
        *(
            each
            for stage in presence.stages
            for each in _quantiles("visit", str(stage.stage.id), stage.visit_time)
        ),
    ]


def _quantiles(series: str, label: str, durations: DurationSummary) -> Iterator[Measure]:
    values = (durations.p50, durations.p85, durations.p95)
    for quantile, seconds in zip(QUANTILES, values, strict=True):
        if seconds is not None:
            yield Measure(series, label, str(quantile), seconds)


def _throughput(parts: Parts, days: int) -> Measure:
    return Measure("throughput", "", f"{days}d", summary_of(parts).throughput)


def _bottleneck(found: Bottleneck) -> Iterator[Measure]:
    named = str(found.stage.id) if found.stage else ""
    yield Measure("bottleneck", named, str(found.verdict), 1)
    for evidence in found.ranking:
        if evidence.share is not None:
            yield Measure("share", str(evidence.stage.id), "", evidence.share)


async def _expectation(connection: Connection, scope: Scope) -> list[Measure]:
    """State by which time an item that is begun now may be expected to be finished."""
    sample = replace(scope.selection, window=present_sample(scope.window.as_of))
    stated = expectation(await cycle_times.cycles_us(connection, sample))
    if stated.limit_us is None:
        return []
    return [Measure("expectation", "", EXPECTED_P, stated.limit_us / US_PER_SECOND)]
