"""The series that a process counts itself: requests, the database pool, jobs.

With several worker processes they share their counts through PROMETHEUS_MULTIPROC_DIR, which
`vsm serve --workers` sets up.
"""

from prometheus_client.metrics import (
    Counter,
    Gauge,
    Histogram,
    Summary,
    disable_created_metrics,
)
from prometheus_client.registry import CollectorRegistry

disable_created_metrics()  # type: ignore[no-untyped-call] # untyped there
# when a series began is of no use here, and would be told in a single process alone

PROCESS = CollectorRegistry()

REQUESTS = Counter(
    "vsm_requests_total",
    "HTTP requests by method, route template and status.",
    ["method", "endpoint", "status"],
    registry=PROCESS,
)
REQUEST_SECONDS = Histogram(
    "vsm_request_duration_seconds",
    "Time from a request's arrival to the end of its answer.",
    ["method", "endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=PROCESS,
)
REQUESTS_IN_PROGRESS = Gauge(
    "vsm_requests_in_progress",
    "HTTP requests that are being answered now.",
    multiprocess_mode="livesum",
    registry=PROCESS,
)
STATEMENT_SECONDS = Summary(
    "vsm_database_statement_seconds",
    "Time of SQL statements, by the name of their file, or by verb and table.",
    ["statement"],
    registry=PROCESS,
)
STATEMENT_ERRORS = Counter(
    "vsm_database_statement_errors_total",
    "SQL statements that failed, by name.",
    ["statement"],
    registry=PROCESS,
)
POOL_IN_USE = Gauge(
    "vsm_database_pool_in_use",
    "Connections of the pool that are in use now.",
    multiprocess_mode="livesum",
    registry=PROCESS,
)
POOL_SIZE = Gauge(
    "vsm_database_pool_size",
    "Connections that the pool may hold.",
    multiprocess_mode="livesum",
    registry=PROCESS,
)
DATABASE_UP = Gauge(
    "vsm_database_up",
    "Whether this process finds a server: 1 or 0, by role: primary or standby.",
    ["role"],
    multiprocess_mode="livemin",
    registry=PROCESS,
)
JOB_RUNS = Counter(
    "vsm_background_job_runs_total",
    "Runs of background jobs, by outcome: done or failed.",
    ["task", "outcome"],
    registry=PROCESS,
)
JOB_SUCCESS = Gauge(
    "vsm_background_job_success_timestamp_seconds",
    "When a background job last ran without an error, in Unix time.",
    ["task"],
    multiprocess_mode="max",
    registry=PROCESS,
)
