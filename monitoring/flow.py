"""The dashboard of the flow: what a team looks at.

Replicas tell the same numbers about the flow, so `max` over them is each of them.
"""

from monitoring.grafana import Panel, Query, Row, Variable, dashboard

_STREAM = 'stream=~"$stream"'
_STAGE = "{{stream}} / {{stage}}"
_DOING = 'zone="doing"'
_WEEK, _MONTH = 'window="7d"', 'window="30d"'


def _latest(series: str, by: str, *matchers: str) -> str:
    """Return a series as the replicas agree on it."""
    return f"max by ({by}) ({series}{{{', '.join((_STREAM, *matchers))}}})"


def _growth(series: str, by: str) -> str:
    """Return by how much a counter grew in a day, over all its labels."""
    grown = f"max without (instance, pod) (increase({series}{{{_STREAM}}}[1d]))"
    return f"sum by ({by}) ({grown})"


_NOW = Row(
    "Now",
    (
        Panel(
            "Work in process",
            "Items in the stages in doing.",
            [
                Query(
                    f"sum by (stream) ({_latest('vsm_work_in_progress', 'stream, stage', _DOING)})",
                    "{{stream}}",
                )
            ],
            kind="stat",
            width=4,
            height=5,
        ),
        Panel(
            "Finished in 7 days",
            "Items finished for the first time in the last 7 days.",
            [Query(_latest("vsm_throughput_items", "stream", _WEEK), "{{stream}}")],
            kind="stat",
            width=4,
            height=5,
        ),
        Panel(
            "Blocked now",
            "Items before done that are blocked.",
            [
                Query(
                    f"sum by (stream) ({_latest('vsm_blocked_items', 'stream, stage')})",
                    "{{stream}}",
                )
            ],
            kind="stat",
            width=4,
            height=5,
        ),
        Panel(
            "Expected cycle time",
            "85 % of the items begun now may be expected to finish within this time.",
            [Query(_latest("vsm_cycle_time_expectation_seconds", "stream"), "{{stream}}")],
            kind="stat",
            unit="s",
            width=4,
            height=5,
        ),
        Panel(
            "Since the latest move",
            "How long nothing has moved. On a working day that may be a feed that broke.",
            [
                Query(
                    f"time() - {_latest('vsm_last_event_timestamp_seconds', 'stream')}",
                    "{{stream}}",
                )
            ],
            kind="stat",
            unit="s",
            width=4,
            height=5,
        ),
        Panel(
            "Stages over their limit",
            "Stages that hold more items than their WIP limit allows.",
            [
                Query(
                    "count by (stream) "
                    f"({_latest('vsm_work_in_progress', 'stream, stage')} > "
                    f"{_latest('vsm_wip_limit', 'stream, stage')}) or "
                    f"0 * {_latest('vsm_rollup_lag_seconds', 'stream')}",
                    "{{stream}}",
                )
            ],
            kind="stat",
            width=4,
            height=5,
        ),
    ),
)
_WORK = Row(
    "Work in process",
    (
        Panel(
            "WIP by stage",
            "Items in each stage in doing.",
            [Query(_latest("vsm_work_in_progress", "stream, stage", _DOING), _STAGE)],
            stacked=True,
        ),
        Panel(
            "WIP against its limit",
            "1 is a full stage; above it, the limit is broken. Stages with a limit only.",
            [
                Query(
                    f"{_latest('vsm_work_in_progress', 'stream, stage')} / "
                    f"{_latest('vsm_wip_limit', 'stream, stage')}",
                    _STAGE,
                )
            ],
            unit="percentunit",
        ),
        Panel(
            "Oldest item per stage",
            "Time since the oldest item in each stage was started, against the time in which "
            "85 % are expected to finish.",
            [
                Query(
                    "time() - "
                    + _latest("vsm_oldest_item_started_timestamp_seconds", "stream, stage"),
                    _STAGE,
                ),
                Query(
                    _latest("vsm_cycle_time_expectation_seconds", "stream"), "{{stream}}: expected"
                ),
            ],
            unit="s",
        ),
        Panel(
            "Blocked items",
            "Items in each stage that are blocked.",
            [Query(_latest("vsm_blocked_items", "stream, stage"), _STAGE)],
            stacked=True,
        ),
    ),
)
_FLOW = Row(
    "Flow",
    (
        Panel(
            "Throughput",
            "Items finished in the last 7 days, and what a week of the last 30 days brought.",
            [
                Query(_latest("vsm_throughput_items", "stream", _WEEK), "{{stream}}: 7 days"),
                Query(
                    f"{_latest('vsm_throughput_items', 'stream', _MONTH)} * 7 / 30",
                    "{{stream}}: a week of 30 days",
                ),
            ],
        ),
        Panel(
            "Created and finished per day",
            "By when they were told: an import shows as one jump.",
            [
                Query(_growth("vsm_work_items_created_total", "stream"), "{{stream}}: created"),
                Query(_growth("vsm_items_completed_total", "stream"), "{{stream}}: finished"),
            ],
        ),
        Panel(
            "Lead time trend",
            "From creation to the first finish; exact, of items finished in the last 30 days.",
            [
                Query(
                    _latest("vsm_lead_time_quantile_seconds", "stream, quantile"),
                    "{{stream}}: p{{quantile}}",
                )
            ],
            unit="s",
        ),
        Panel(
            "Cycle time trend",
            "From the first start to the first finish; exact, of the last 30 days.",
            [
                Query(
                    _latest("vsm_cycle_time_quantile_seconds", "stream, quantile"),
                    "{{stream}}: p{{quantile}}",
                )
            ],
            unit="s",
        ),
    ),
)
_STAGES = Row(
    "Where the time goes",
    (
        Panel(
            "Cycle time per stage",
            "85 % of the visits to a stage that ended in the last 30 days took no longer.",
            [
                Query(
                    _latest("vsm_stage_time_quantile_seconds", "stream, stage", 'quantile="0.85"'),
                    _STAGE,
                )
            ],
            unit="s",
        ),
        Panel(
            "Typical time per stage",
            "Median of the visits to a stage that ended in the last 30 days.",
            [
                Query(
                    _latest("vsm_stage_time_quantile_seconds", "stream, stage", 'quantile="0.5"'),
                    _STAGE,
                )
            ],
            kind="bargauge",
            unit="s",
        ),
        Panel(
            "Bottleneck",
            "What the last 90 days say holds each stream up; no stage where the evidence is not "
            "clear, or too little. The API tells the evidence: GET /api/v1/metrics/bottleneck.",
            [Query(_latest("vsm_bottleneck", "stream, stage, verdict"), instant=True)],
            kind="table",
            transformations=[
                {
                    "id": "organize",
                    "options": {
                        "excludeByName": {"Time": True, "Value": True},
                        "indexByName": {"stream": 0, "stage": 1, "verdict": 2},
                        "renameByName": {
                            "stream": "Stream",
                            "stage": "Stage",
                            "verdict": "Verdict",
                        },
                    },
                }
            ],
        ),
        Panel(
            "Share of the time in process",
            "Which part of their time in process the items of 90 days spent in each stage. "
            "The longest share is where to look first, and no proof.",
            [Query(_latest("vsm_stage_time_share", "stream, stage"), _STAGE)],
            kind="bargauge",
            unit="percentunit",
        ),
        Panel(
            "Rules broken per day",
            "Moves that broke a limit or a rule, with a warning or a reason.",
            [Query(_growth("vsm_broken_rules_total", "stream, rule"), "{{stream}}: {{rule}}")],
            width=24,
            height=6,
        ),
    ),
)

FLOW = dashboard(
    "vsm-flow-metrics",
    "VSM / Flow metrics",
    "How work flows through each value stream, and where it waits.",
    "30d",
    [Variable("stream", "Value stream", "label_values(vsm_work_in_progress, stream)")],
    [_NOW, _WORK, _FLOW, _STAGES],
)
