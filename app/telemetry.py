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


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative counts for BUCKET_HOURS and +Inf, and the sum in hours."""

    counts: tuple[int, ...]
    total_hours: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What the database says at one scrape."""

    created: Mapping[str, int] = field(default_factory=dict)
    completed: Mapping[str, int] = field(default_factory=dict)
    transitions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    in_progress: Mapping[tuple[str, str], int] = field(default_factory=dict)
    cycle_time: Histogram = field(default_factory=lambda: Histogram((0,) * 14, 0.0))


class _Flow(Collector):
    """Turns an observation into metric families."""

    def __init__(self, seen: Observation) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
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
        wip = GaugeMetricFamily(
            "vsm_work_in_progress",
            'Items in each stage now; work in progress is the sum over zone="doing".',
            labels=["stage", "zone"],
        )
        for (stage, zone), count in self._seen.in_progress.items():
            wip.add_metric([stage, zone], count)
        yield wip
        yield self._cycle_time()

    def _cycle_time(self) -> Metric:
        seen = self._seen.cycle_time
        bounds = [*(f"{hours:.1f}" for hours in BUCKET_HOURS), "+Inf"]
        return HistogramMetricFamily(
            "vsm_cycle_time_hours",
            "Cycle time of finished items: first start to first finish.",
            buckets=list(zip(bounds, seen.counts, strict=True)),
            sum_value=seen.total_hours,
        )


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
