"""What is kept so that it need not be counted again: roll-ups per period, counts per day."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.store.tables.schema import NOW, Instant, metadata

flow_metrics = Table(
    "flow_metrics",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), nullable=False),
    Column("date", Date, nullable=False),
    Column("period_type", Text, nullable=False),
    Column("period_start", Instant, nullable=False),
    Column("period_end", Instant, nullable=False),
    Column("tz", Text, nullable=False),
    Column("type_filter", Text, nullable=False, server_default=text("''")),
    Column("throughput", Integer, nullable=False),
    Column("wip", Double, nullable=False),
    *(
        Column(f"{clock}_time_{statistic}", Double)
        for clock in ("cycle", "lead")
        for statistic in ("avg", "p50", "p85", "p95")
    ),
    Column("completed_n", Integer, nullable=False),
    Column("wip_item_us", Numeric(38, 0), nullable=False),
    Column("wip_at_end", Integer, nullable=False),
    Column("period_us", BigInteger, nullable=False),
    Column("cycle_sum_us", Numeric(38, 0), nullable=False),
    Column("lead_sum_us", Numeric(38, 0), nullable=False),
    *(
        Column(name, Integer, nullable=False)
        for name in ("created_n", "started_n", "discarded_n", "reopened_n", "recompleted_n")
    ),
    Column("definitions_version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    Column("recomputed_at", Instant, nullable=False, server_default=NOW),
    CheckConstraint("period_type IN ('day', 'week', 'month')", name="period_type_check"),
    CheckConstraint("period_end > period_start", name="period_end_check"),
    UniqueConstraint(
        "value_stream_id", "period_type", "date", "tz", "type_filter", name="bucket_key"
    ),
)

rollup_state = Table(
    "rollup_state",
    metadata,
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), primary_key=True),
    Column("status", Text, nullable=False),
    Column("filled_from", Instant, nullable=False),
    Column("filled_until", Instant, nullable=False),
    # by which rules: where they have changed, the roll-ups are made anew
    Column("tz", Text, nullable=False),
    Column("definitions_version", Integer, nullable=False),
    Column("negated_bounds", ARRAY(Double), nullable=False),
    Column("updated_at", Instant, nullable=False, server_default=NOW),
    # the hours whose parts are kept too
    Column("hours_from", Instant),
    Column("hours_until", Instant),
    # where the adjacent pieces of the hour after these begin, and where the last one ends
    Column("burst_edges", ARRAY(Instant), nullable=False, server_default=text("'{}'")),
    Column("parts_version", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("status IN ('filling', 'filled')", name="status_check"),
    CheckConstraint("filled_until >= filled_from", name="filled_until_check"),
    CheckConstraint("hours_until >= hours_from", name="hours_until_check"),
)

rollup_invalidations = Table(
    "rollup_invalidations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), nullable=False),
    Column("from_instant", Instant, nullable=False),
    Column("through_instant", Instant),
    Column("recorded_at", Instant, nullable=False, server_default=NOW),
    CheckConstraint("through_instant >= from_instant", name="through_instant_check"),
)
Index("rollup_invalidations_stream_idx", rollup_invalidations.c.value_stream_id)

daily_counts = Table(
    "daily_counts",
    metadata,
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("series", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("sum_us", Numeric(38, 0), nullable=False),
)

total_counts = Table(
    "total_counts",
    metadata,
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), primary_key=True),
    Column("series", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("sum_us", Numeric(38, 0), nullable=False),
)
"""The sum of `daily_counts` over all days."""

recent_measures = Table(
    "recent_measures",
    metadata,
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), primary_key=True),
    Column("series", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("value", Double, nullable=False),
    Column("measured_at", Instant, nullable=False, server_default=NOW),
)
"""What was measured lately of the last days of each stream, for Prometheus."""

recent_quantiles = Table(
    "recent_quantiles",
    metadata,
    Column("days", Integer, primary_key=True),
    Column("quantile", Double, primary_key=True),
    Column("cycle_time_seconds", Double),
    Column("measured_at", Instant, nullable=False, server_default=NOW),
)
"""Not used any more; there for replicas of the version before `recent_measures`."""
