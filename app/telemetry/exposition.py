"""The text that Prometheus scrapes: the database's view, and what this process has counted."""

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app import __version__
from app.telemetry.flow_series import (
    BUCKET_HOURS,
    HISTOGRAMS,
    SERIES,
    Histogram,
    HistogramSeries,
    Observation,
    Series,
)
from app.telemetry.process import PROCESS

__all__ = ["CONTENT_TYPE", "exposition"]

_HOUR_US = 3600 * 1_000_000


class _Flow(Collector):
    """Turns an observation into metric families."""

    def __init__(self, seen: Observation) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(
            "vsm_build_info", "Always 1: the version that answers.", labels=["version"]
        )
        build.add_metric([__version__], 1)
        yield build
        for series in SERIES:
            yield _family(series, self._seen)
        for each in HISTOGRAMS:
            yield _histograms(each, self._seen)


def _family(series: Series, seen: Observation) -> Metric:
    kind = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
    family = kind(series.name, series.help, labels=series.labels)
    for labels, number in series.of(seen).items():
        family.add_metric(labels, number)
    return family


def _histograms(series: HistogramSeries, seen: Observation) -> Metric:
    family = HistogramMetricFamily(series.name, series.help, labels=series.labels)
    for labels, histogram in series.of(seen).items():
        total = histogram.sum_us * series.per_hour / _HOUR_US
        family.add_metric(labels, _buckets(histogram, series.per_hour), sum_value=total)
    return family


def _buckets(seen: Histogram, per_hour: int) -> list[tuple[str, float]]:
    """Return upper bounds, written as floats are in Prometheus, with their counts."""
    return list(zip(_BOUNDS[per_hour], seen.counts, strict=True))


_BOUNDS = {
    per_hour: [*(f"{hours * per_hour:.1f}" for hours in BUCKET_HOURS), "+Inf"]
    for per_hour in (1, 3600)
}


def exposition(seen: Observation) -> bytes:
    """Return the text of all series."""
    registry = CollectorRegistry()
    registry.register(_Flow(seen))
    shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if shared is not None:
        _forget_the_dead(Path(shared))
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # untyped there
        return generate_latest(registry)
    return generate_latest(registry) + generate_latest(PROCESS)


def _forget_the_dead(folder: Path) -> None:
    """Take away the gauges of workers that have ended: they would be summed up for ever."""
    for path in folder.glob("gauge_live*_*.db"):
        worker = int(path.stem.rpartition("_")[2])
        try:
            os.kill(worker, 0)  # signal 0 does nothing but ask
        except ProcessLookupError:
            multiprocess.mark_process_dead(worker)  # type: ignore[no-untyped-call] # untyped there
        except PermissionError:
            continue
