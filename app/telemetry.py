"""Every Prometheus metric with its labels and help text, and how the logs look.

Flow metrics are read from the database at each scrape, so they are right with several workers and
replicas, after a restart and after a backfill. Only `vsm_requests_total` counts in the process;
with several worker processes they share their counts through PROMETHEUS_MULTIPROC_DIR, which
`vsm serve --workers` sets up.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import structlog
from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

__all__ = [
    "BUCKET_HOURS",
    "CONTENT_TYPE",
    "QUANTILES",
    "QUANTILE_DAYS",
    "REQUESTS",
    "Histogram",
    "Observation",
    "configure_logs",
    "exposition",
]

_process = CollectorRegistry()

REQUESTS = Counter(
    "vsm_requests_total",
    "HTTP requests by method, route template and status.",
    ["method", "endpoint", "status"],
    registry=_process,
)

BUCKET_HOURS = (1, 4, 8, 24, 48, 72, 168, 336, 720, 1440, 2160, 4320, 8760)
"""Upper bounds of duration histograms: 1 hour to 365 days."""


_TRACEBACKS = structlog.processors.ExceptionRenderer(
    # local variables hold bodies and passwords; they do not belong into logs
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


QUANTILES = (0.5, 0.85, 0.95)
QUANTILE_DAYS = 30
"""The exact quantiles that are exported, and of how many days."""

_HOUR_US = 3600 * 1_000_000
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative counts for BUCKET_HOURS and +Inf, and the exact sum in microseconds."""

    counts: tuple[int, ...] = (0,) * (len(BUCKET_HOURS) + 1)
    sum_us: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """What the database says at one scrape; instants and quantiles in seconds."""

    created: Mapping[str, int] = field(default_factory=dict)
    completed: Mapping[str, int] = field(default_factory=dict)
    transitions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    in_progress: Mapping[tuple[str, str], int] = field(default_factory=dict)
    oldest_started: Mapping[str, float] = field(default_factory=dict)
    cycle_time: Histogram = field(default_factory=Histogram)
    lead_time: Histogram = field(default_factory=Histogram)
    stage_time: Mapping[str, Histogram] = field(default_factory=dict)
    cycle_time_quantiles: Mapping[float, float] = field(default_factory=dict)
    broken_rules: Mapping[tuple[str, str], int] = field(default_factory=dict)
    wip_limits: Mapping[str, int] = field(default_factory=dict)


class _Flow(Collector):
    """Turns an observation into metric families."""

    def __init__(self, seen: Observation) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._gauges()
        yield from self._histograms()

    def _counters(self) -> Iterator[Metric]:
        created = CounterMetricFamily(
            "vsm_work_items_created", "Work items created, by type.", labels=["type"]
        )
        completed = CounterMetricFamily(
            "vsm_items_completed", "Work items finished for the first time.", labels=["type"]
        )
        for family, counts in ((created, self._seen.created), (completed, self._seen.completed)):
            for kind, count in counts.items():
                family.add_metric([kind], count)
            yield family
        moves = CounterMetricFamily(
            "vsm_stage_transitions",
            "Moves between stages; from_stage is empty for an item's first.",
            labels=["from_stage", "to_stage"],
        )
        for (left, entered), count in self._seen.transitions.items():
            moves.add_metric([left, entered], count)
        yield moves
        broken = CounterMetricFamily(
            "vsm_broken_rules",
            "Rules of a stream broken by entering a stage, with a warning or a reason.",
            labels=["rule", "stage"],
        )
        for (rule, stage), count in self._seen.broken_rules.items():
            broken.add_metric([rule, stage], count)
        yield broken

    def _gauges(self) -> Iterator[Metric]:
        wip = GaugeMetricFamily(
            "vsm_work_in_progress",
            'Items in each stage now; work in progress is the sum over zone="doing".',
            labels=["stage", "zone"],
        )
        for (stage, zone), count in self._seen.in_progress.items():
            wip.add_metric([stage, zone], count)
        yield wip
        limits = GaugeMetricFamily(
            "vsm_wip_limit", "WIP limit of each stage that has one.", labels=["stage"]
        )
        for stage, limit in self._seen.wip_limits.items():
            limits.add_metric([stage], limit)
        yield limits
        oldest = GaugeMetricFamily(
            "vsm_oldest_item_started_timestamp_seconds",
            "When the oldest item in process in each stage was started, in Unix time.",
            labels=["stage"],
        )
        for stage, started in self._seen.oldest_started.items():
            oldest.add_metric([stage], started)
        yield oldest
        quantiles = GaugeMetricFamily(
            "vsm_cycle_time_quantile_seconds",
            "Exact quantiles of the cycle times of items finished lately.",
            labels=["quantile", "window"],
        )
        for quantile, seconds in self._seen.cycle_time_quantiles.items():
            quantiles.add_metric([str(quantile), f"{QUANTILE_DAYS}d"], seconds)
        yield quantiles

    def _histograms(self) -> Iterator[Metric]:
        yield _histogram(
            "vsm_cycle_time_seconds",
            "Cycle time of finished items: first start to first finish.",
            self._seen.cycle_time,
        )
        yield _histogram(
            "vsm_lead_time_seconds",
            "Lead time of finished items: creation to first finish.",
            self._seen.lead_time,
        )
        stage_time = HistogramMetricFamily(
            "vsm_stage_time_seconds",
            "Time from entering a stage to moving on, by stage; each visit counts.",
            labels=["stage"],
        )
        for stage, seen in self._seen.stage_time.items():
            stage_time.add_metric([stage], _buckets(seen, 3600), sum_value=seen.sum_us / _SECOND_US)
        yield stage_time
        yield HistogramMetricFamily(
            "vsm_cycle_time_hours",
            "The same as vsm_cycle_time_seconds, in hours.",
            buckets=_buckets(self._seen.cycle_time, 1),
            sum_value=self._seen.cycle_time.sum_us / _HOUR_US,
        )


def _histogram(name: str, text: str, seen: Histogram) -> Metric:
    return HistogramMetricFamily(
        name, text, buckets=_buckets(seen, 3600), sum_value=seen.sum_us / _SECOND_US
    )


def _buckets(seen: Histogram, units_per_hour: int) -> list[tuple[str, float]]:
    """Return upper bounds, written as floats are in Prometheus, with their counts."""
    bounds = [*(f"{hours * units_per_hour:.1f}" for hours in BUCKET_HOURS), "+Inf"]
    return list(zip(bounds, seen.counts, strict=True))


def exposition(seen: Observation) -> bytes:
    """Return the text that Prometheus scrapes: the database's view and the requests counted."""
    registry = CollectorRegistry()
    registry.register(_Flow(seen))
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # untyped there
        return generate_latest(registry)
    return generate_latest(registry) + generate_latest(_process)


def configure_logs(style: str, level: str) -> None:
    """Log to standard error: JSON lines for machines, colours for a terminal."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
    ]
    render: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [_TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # libraries log through the standard library; give their lines the same shape
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
