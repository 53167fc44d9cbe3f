"""What the service tells of itself: Prometheus series, logs, and traces if asked for."""

from app.telemetry.flow_series import (
    BUCKET_HOURS,
    EXPECTED_P,
    QUANTILES,
    RECENT_DAYS,
    SERIES,
    WEEK_DAYS,
    Histogram,
    Observation,
    Recent,
    Series,
)
from app.telemetry.logs import configure_logs

__all__ = [
    "BUCKET_HOURS",
    "EXPECTED_P",
    "QUANTILES",
    "RECENT_DAYS",
    "SERIES",
    "WEEK_DAYS",
    "Histogram",
    "Observation",
    "Recent",
    "Series",
    "configure_logs",
]
