"""The series that tell of the flow of all value streams: names, labels, help, as one table.

They are read from the database at each scrape, so they are right with several workers and replicas,
after a restart and after a backfill.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

BUCKET_HOURS = (1, 4, 8, 24, 48, 72, 168, 336, 720, 1440, 2160, 4320, 8760)
"""Upper bounds of duration histograms: 1 hour to 365 days."""

QUANTILES = (0.5, 0.85, 0.95)
WEEK_DAYS = 7
RECENT_DAYS = 30
"""The exact quantiles that are exported, and of how many days."""

EXPECTED_P = "0.85"
"""The share of items that an expected cycle time holds for."""

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative counts for BUCKET_HOURS and +Inf, and the exact sum in microseconds."""

    counts: tuple[int, ...] = (0,) * (len(BUCKET_HOURS) + 1)
    sum_us: int = 0


Numbers: TypeAlias = Mapping[Labels, float]
Histograms: TypeAlias = Mapping[Labels, Histogram]


@dataclass(frozen=True, slots=True)
class Recent:
    """What a job measured of the last days, by the values of the labels that SERIES names."""

    cycle_times: Numbers = field(default_factory=dict)
    lead_times: Numbers = field(default_factory=dict)
    stage_times: Numbers = field(default_factory=dict)
    throughput: Numbers = field(default_factory=dict)
    shares: Numbers = field(default_factory=dict)
    bottlenecks: Numbers = field(default_factory=dict)
    expectations: Numbers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """What the database says at one scrape, by the values of the labels that SERIES names.

    Instants, quantiles and other durations are in seconds.
    """

    created: Numbers = field(default_factory=dict)
    completed: Numbers = field(default_factory=dict)
    transitions: Numbers = field(default_factory=dict)
    broken_rules: Numbers = field(default_factory=dict)
    in_progress: Numbers = field(default_factory=dict)
    wip_limits: Numbers = field(default_factory=dict)
    blocked: Numbers = field(default_factory=dict)
    oldest_started: Numbers = field(default_factory=dict)
    last_event: Numbers = field(default_factory=dict)
    rollup_lag: Numbers = field(default_factory=dict)
    cycle_time: Histograms = field(default_factory=dict)
    lead_time: Histograms = field(default_factory=dict)
    stage_time: Histograms = field(default_factory=dict)
    recent: Recent = field(default_factory=Recent)


@dataclass(frozen=True, slots=True)
class Series:
    """One family of series."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    help: str
    of: Callable[[Observation], Numbers]


@dataclass(frozen=True, slots=True)
class HistogramSeries:
    """One family of histograms; `per_hour` tells its unit: how many make an hour."""

    name: str
    labels: tuple[str, ...]
    help: str
    of: Callable[[Observation], Histograms]
    per_hour: int = 3600


_RECENT_TEXT = "of items finished in the window, exact"

SERIES = (
    Series(
        "vsm_work_items_created",
        "counter",
        ("stream", "type"),
        "Work items created, by type.",
        lambda seen: seen.created,
    ),
    Series(
        "vsm_items_completed",
        "counter",
        ("stream", "type"),
        "Work items finished for the first time.",
        lambda seen: seen.completed,
    ),
    Series(
        "vsm_stage_transitions",
        "counter",
        ("stream", "from_stage", "to_stage"),
        "Moves between stages; from_stage is empty for an item's first.",
        lambda seen: seen.transitions,
    ),
    Series(
        "vsm_broken_rules",
        "counter",
        ("stream", "rule", "stage"),
        "Rules of a stream broken by entering a stage, with a warning or a reason.",
        lambda seen: seen.broken_rules,
    ),
    Series(
        "vsm_work_in_progress",
        "gauge",
        ("stream", "stage", "zone"),
        'Items in each stage now; work in progress is the sum over zone="doing".',
        lambda seen: seen.in_progress,
    ),
    Series(
        "vsm_wip_limit",
        "gauge",
        ("stream", "stage"),
        "WIP limit of each stage that has one.",
        lambda seen: seen.wip_limits,
    ),
    Series(
        "vsm_blocked_items",
        "gauge",
        ("stream", "stage"),
        "Items in each stage before done that are blocked now.",
        lambda seen: seen.blocked,
    ),
    Series(
        "vsm_oldest_item_started_timestamp_seconds",
        "gauge",
        ("stream", "stage"),
        "When the oldest item in process in each stage was started, in Unix time.",
        lambda seen: seen.oldest_started,
    ),
    Series(
        "vsm_last_event_timestamp_seconds",
        "gauge",
        ("stream",),
        "When the latest move in the stream happened, in Unix time.",
        lambda seen: seen.last_event,
    ),
    Series(
        "vsm_rollup_lag_seconds",
        "gauge",
        ("stream",),
        "How far the kept figures of closed days are behind; 0 if nothing waits.",
        lambda seen: seen.rollup_lag,
    ),
    Series(
        "vsm_cycle_time_quantile_seconds",
        "gauge",
        ("stream", "quantile", "window"),
        f"Cycle time {_RECENT_TEXT}.",
        lambda seen: seen.recent.cycle_times,
    ),
    Series(
        "vsm_lead_time_quantile_seconds",
        "gauge",
        ("stream", "quantile", "window"),
        f"Lead time {_RECENT_TEXT}.",
        lambda seen: seen.recent.lead_times,
    ),
    Series(
        "vsm_stage_time_quantile_seconds",
        "gauge",
        ("stream", "stage", "quantile", "window"),
        "Time of the visits to each stage that a move ended in the window, exact.",
        lambda seen: seen.recent.stage_times,
    ),
    Series(
        "vsm_throughput_items",
        "gauge",
        ("stream", "window"),
        "Items finished for the first time in the window.",
        lambda seen: seen.recent.throughput,
    ),
    Series(
        "vsm_stage_time_share",
        "gauge",
        ("stream", "stage"),
        "Share of each stage in the time in process of the items finished in 90 days.",
        lambda seen: seen.recent.shares,
    ),
    Series(
        "vsm_bottleneck",
        "gauge",
        ("stream", "stage", "verdict"),
        "Always 1: what the last 90 days say holds the stream up; stage is empty for none.",
        lambda seen: seen.recent.bottlenecks,
    ),
    Series(
        "vsm_cycle_time_expectation_seconds",
        "gauge",
        ("stream", "p"),
        "Within what time the share p of items may be expected to finish, by the last 90 days.",
        lambda seen: seen.recent.expectations,
    ),
)

HISTOGRAMS = (
    HistogramSeries(
        "vsm_cycle_time_seconds",
        ("stream",),
        "Cycle time of finished items: first start to first finish.",
        lambda seen: seen.cycle_time,
    ),
    HistogramSeries(
        "vsm_lead_time_seconds",
        ("stream",),
        "Lead time of finished items: creation to first finish.",
        lambda seen: seen.lead_time,
    ),
    HistogramSeries(
        "vsm_stage_time_seconds",
        ("stream", "stage"),
        "Time from entering a stage to moving on, by stage; each visit counts.",
        lambda seen: seen.stage_time,
    ),
    HistogramSeries(
        "vsm_cycle_time_hours",
        ("stream",),
        "The same as vsm_cycle_time_seconds, in hours.",
        lambda seen: seen.cycle_time,
        per_hour=1,
    ),
)
