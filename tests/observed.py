"""An observation with a sample in every series, and a process that has counted everything once."""

from app.telemetry import Histogram, Observation, Recent, process
from app.telemetry.exposition import exposition

WINDOW = "30d"
SEEN = Observation(
    created={("shop", "bug"): 1},
    completed={("shop", "bug"): 1},
    transitions={("shop", "", "Backlog"): 1},
    broken_rules={("shop", "wip_limit", "Testing"): 1},
    in_progress={("shop", "Backlog", "todo"): 1},
    wip_limits={("shop", "Testing"): 3},
    blocked={("shop", "Testing"): 1},
    oldest_started={("shop", "Testing"): 1.0},
    last_event={("shop",): 1.0},
    rollup_lag={("shop",): 0.0},
    cycle_time={("shop",): Histogram()},
    lead_time={("shop",): Histogram()},
    stage_time={("shop", "Testing"): Histogram()},
    recent=Recent(
        cycle_times={("shop", "0.5", WINDOW): 1.0},
        lead_times={("shop", "0.5", WINDOW): 1.0},
        stage_times={("shop", "Testing", "0.5", WINDOW): 1.0},
        throughput={("shop", WINDOW): 1},
        shares={("shop", "Testing"): 1.0},
        bottlenecks={("shop", "Testing", "constraint"): 1},
        expectations={("shop", "0.85"): 1.0},
    ),
)


def everything() -> bytes:
    """Return what is exported once everything has happened."""
    process.REQUESTS.labels("GET", "/ready", "200")
    process.REQUEST_SECONDS.labels("GET", "/ready")
    process.STATEMENT_SECONDS.labels("observe")
    process.STATEMENT_ERRORS.labels("observe")
    process.JOB_RUNS.labels("roll up", "done")
    process.DATABASE_UP.labels("primary")
    process.JOB_SUCCESS.labels("roll up")
    return exposition(SEEN)
