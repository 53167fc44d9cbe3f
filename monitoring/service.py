"""The dashboard of the service itself: what an operator looks at."""

from monitoring.grafana import Panel, Query, Row, Variable, dashboard

_SCOPE = 'job=~"$job", instance=~"$instance"'


def _rate(series: str, by: str = "", *matchers: str) -> str:
    """Return how fast a counter grows, summed over instances."""
    grouping = f" by ({by})" if by else ""
    selected = ", ".join((_SCOPE, *matchers))
    return f"sum{grouping} (rate({series}{{{selected}}}[$__rate_interval]))"


_PEOPLE = 'endpoint!~"/metrics|/ready|/api/v1/health"'
"""Requests that somebody waits for: probes and scrapes would thin out what goes wrong."""


def _latency(quantile: float, by: str = "le") -> str:
    buckets = _rate("vsm_request_duration_seconds_bucket", by, _PEOPLE)
    return f"histogram_quantile({quantile}, {buckets})"


_FAILED = _rate("vsm_requests_total", "", _PEOPLE, 'status=~"5.."')
_ALL = _rate("vsm_requests_total", "", _PEOPLE)

_REQUESTS = Row(
    "Requests",
    (
        Panel(
            "Versions",
            "Instances that answer, by version: two while a new one is rolled out.",
            [Query(f"count by (version) (vsm_build_info{{{_SCOPE}}})", "{{version}}")],
            kind="stat",
            width=4,
            height=6,
        ),
        Panel(
            "Requests per second",
            "All requests, by status.",
            [Query(_rate("vsm_requests_total", "status"), "{{status}}")],
            unit="reqps",
            width=10,
            height=6,
            stacked=True,
        ),
        Panel(
            "Error ratio",
            "Share of requests answered with a status of 500 or above; without probes and scrapes.",
            [Query(f"({_FAILED} or vector(0)) / {_ALL}", "5xx")],
            unit="percentunit",
            width=10,
            height=6,
        ),
        Panel(
            "Latency",
            "Within what time the share of requests is answered, without probes and scrapes; "
            "estimated from a histogram.",
            [Query(_latency(q), f"p{round(100 * q)}") for q in (0.5, 0.95, 0.99)],
            unit="s",
        ),
        Panel(
            "Slowest endpoints",
            "95 % of the requests to each endpoint are answered within this time.",
            [Query(f"topk(10, {_latency(0.95, 'endpoint, le')})", "{{endpoint}}")],
            unit="s",
        ),
        Panel(
            "Busiest endpoints",
            "Requests per second by endpoint.",
            [Query(f"topk(10, {_rate('vsm_requests_total', 'endpoint')})", "{{endpoint}}")],
            unit="reqps",
        ),
        Panel(
            "Requests in progress",
            "Being answered now. A number that only grows is a database that does not answer.",
            [Query(f"sum by (instance) (vsm_requests_in_progress{{{_SCOPE}}})", "{{instance}}")],
        ),
    ),
)
_DATABASE = Row(
    "Database",
    (
        Panel(
            "Connections in use",
            "Of each instance's pool. At its size, requests queue, and are answered 503 at last.",
            [
                Query(f"vsm_database_pool_in_use{{{_SCOPE}}}", "{{instance}}"),
                Query(f"max(vsm_database_pool_size{{{_SCOPE}}})", "size of a pool"),
            ],
        ),
        Panel(
            "Database time by statement",
            "Seconds of database time that a statement takes per second.",
            [
                Query(
                    f"topk(10, {_rate('vsm_database_statement_seconds_sum', 'statement')})",
                    "{{statement}}",
                )
            ],
            unit="s",
            stacked=True,
        ),
        Panel(
            "Slowest statements",
            "Mean time of a statement.",
            [
                Query(
                    f"topk(10, {_rate('vsm_database_statement_seconds_sum', 'statement')} / "
                    f"{_rate('vsm_database_statement_seconds_count', 'statement')})",
                    "{{statement}}",
                )
            ],
            unit="s",
        ),
        Panel(
            "Failed statements",
            "Statements per second that failed, whatever the reason.",
            [
                Query(
                    f"{_rate('vsm_database_statement_errors_total')} or vector(0)",
                    "statements",
                )
            ],
            unit="reqps",
        ),
    ),
)
_BACKGROUND = Row(
    "Background",
    (
        Panel(
            "Roll-up lag",
            "How far the kept figures of closed days are behind; 0 if nothing waits.",
            [Query(f"max by (stream) (vsm_rollup_lag_seconds{{{_SCOPE}}})", "{{stream}}")],
            unit="s",
            width=8,
        ),
        Panel(
            "Since a job last succeeded",
            "Of the instance that did it last.",
            [
                Query(
                    "time() - max by (task) "
                    f"(vsm_background_job_success_timestamp_seconds{{{_SCOPE}}})",
                    "{{task}}",
                )
            ],
            unit="s",
            width=8,
        ),
        Panel(
            "Scrape duration",
            "What a scrape of each instance costs.",
            [Query(f"scrape_duration_seconds{{{_SCOPE}}}", "{{instance}}")],
            unit="s",
            width=8,
        ),
    ),
)

SERVICE = dashboard(
    "vsm-service",
    "VSM / Service",
    "How the service itself does: requests, database, background jobs.",
    "6h",
    [
        Variable("job", "Job", "label_values(vsm_build_info, job)"),
        Variable("instance", "Instance", 'label_values(vsm_build_info{job=~"$job"}, instance)'),
    ],
    [_REQUESTS, _DATABASE, _BACKGROUND],
)
