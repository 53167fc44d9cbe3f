"""The tables as SQLAlchemy sees them. The migrations make them; a test proves both equal.

The transition log (`stage_transitions`) is the truth. The columns of `work_items` under "facts"
are derived from it in the transaction of each write, so that reading never replays a history.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    column,
    func,
    table,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

Instant = DateTime(timezone=True)
NOW = func.now()

value_streams = Table(
    "value_streams",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False, server_default=text("'UTC'")),
    Column("definitions_version", Integer, nullable=False, server_default=text("1")),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    CheckConstraint("key ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="key_check"),
)
Index(
    "value_streams_one_default_idx",
    value_streams.c.is_default,
    unique=True,
    postgresql_where=value_streams.c.is_default,
)

stages = Table(
    "stages",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("order", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("wip_limit", Integer),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    CheckConstraint("category IN ('wait', 'active', 'done')", name="category_check"),
    CheckConstraint("wip_limit > 0", name="wip_limit_check"),
    UniqueConstraint("value_stream_id", "name"),
    UniqueConstraint("value_stream_id", "order"),
    UniqueConstraint("id", "value_stream_id"),
)

work_items = Table(
    "work_items",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    Column("source", Text),
    Column("external_key", Text),
    Column("cancelled_at", Instant),
    Column("cancel_reason", Text),
    # facts, derived from the log
    Column("effective_created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("current_stage_id", Integer),
    Column("current_stage_since", Instant),
    Column("last_transition_at", Instant),
    CheckConstraint("char_length(title) BETWEEN 1 AND 500", name="title_check"),
    CheckConstraint("type IN ('feature', 'bug', 'task', 'epic')", name="type_check"),
    CheckConstraint("(source IS NULL) = (external_key IS NULL)", name="external_key_check"),
    CheckConstraint(
        "cancel_reason IS NULL OR cancelled_at IS NOT NULL", name="cancel_reason_check"
    ),
    CheckConstraint("effective_created_at <= created_at", name="effective_created_at_check"),
    CheckConstraint("started_at >= effective_created_at", name="started_at_check"),
    CheckConstraint(
        "finished_at IS NULL OR (started_at IS NOT NULL AND finished_at >= started_at)",
        name="finished_at_check",
    ),
    CheckConstraint("cancelled_at >= effective_created_at", name="cancelled_at_check"),
    CheckConstraint("cancelled_at >= last_transition_at", name="cancelled_last_check"),
    CheckConstraint(
        "(current_stage_id IS NULL) = (last_transition_at IS NULL)"
        " AND (current_stage_id IS NULL) = (current_stage_since IS NULL)",
        name="current_stage_check",
    ),
    ForeignKeyConstraint(
        ["current_stage_id", "value_stream_id"], ["stages.id", "stages.value_stream_id"]
    ),
    UniqueConstraint("value_stream_id", "source", "external_key"),
    UniqueConstraint("id", "value_stream_id"),
)
Index("work_items_created_idx", work_items.c.value_stream_id, work_items.c.effective_created_at)
Index(
    "work_items_started_idx",
    work_items.c.value_stream_id,
    work_items.c.started_at,
    postgresql_where=work_items.c.started_at.is_not(None),
)
Index(
    "work_items_finished_idx",
    work_items.c.value_stream_id,
    work_items.c.finished_at,
    postgresql_include=["id", "started_at", "effective_created_at", "type"],
    postgresql_where=work_items.c.finished_at.is_not(None),
)
Index(
    "work_items_cancelled_idx",
    work_items.c.value_stream_id,
    work_items.c.cancelled_at,
    postgresql_where=work_items.c.cancelled_at.is_not(None),
)
Index(
    "work_items_stage_idx",
    work_items.c.value_stream_id,
    work_items.c.current_stage_id,
    work_items.c.started_at,
    postgresql_include=["finished_at", "type"],
    postgresql_where=work_items.c.cancelled_at.is_(None),
)

stage_transitions = Table(
    "stage_transitions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("work_item_id", BigInteger, nullable=False),
    Column("value_stream_id", Integer, nullable=False),
    Column("from_stage_id", Integer),
    Column("to_stage_id", Integer, nullable=False),
    Column("timestamp", Instant, nullable=False),
    Column("from_stage_since", Instant),
    Column("asserted_from_stage_id", Integer),
    Column("source_event_id", Text),
    Column("reason", Text),
    Column("actor_kind", Text),
    Column("recorded_at", Instant, nullable=False, server_default=NOW),
    Column("voided_at", Instant),
    Column("void_reason", Text),
    CheckConstraint("actor_kind IN ('human', 'automation', 'agent')", name="actor_kind_check"),
    CheckConstraint("(voided_at IS NULL) = (void_reason IS NULL)", name="void_check"),
    CheckConstraint(
        "(from_stage_id IS NULL) = (from_stage_since IS NULL)"
        " AND (voided_at IS NOT NULL OR from_stage_since IS NULL OR from_stage_since <= timestamp)",
        name="from_stage_check",
    ),
    ForeignKeyConstraint(
        ["work_item_id", "value_stream_id"], ["work_items.id", "work_items.value_stream_id"]
    ),
    ForeignKeyConstraint(
        ["from_stage_id", "value_stream_id"], ["stages.id", "stages.value_stream_id"]
    ),
    ForeignKeyConstraint(
        ["to_stage_id", "value_stream_id"], ["stages.id", "stages.value_stream_id"]
    ),
    ForeignKeyConstraint(
        ["asserted_from_stage_id", "value_stream_id"], ["stages.id", "stages.value_stream_id"]
    ),
    UniqueConstraint("work_item_id", "source_event_id"),
)
Index(
    "stage_transitions_item_idx",
    stage_transitions.c.work_item_id,
    stage_transitions.c.timestamp,
    stage_transitions.c.id,
)
Index(
    "stage_transitions_stages_idx",
    stage_transitions.c.value_stream_id,
    stage_transitions.c.from_stage_id,
    stage_transitions.c.to_stage_id,
    stage_transitions.c.timestamp,
    postgresql_include=["work_item_id"],
    postgresql_where=stage_transitions.c.voided_at.is_(None),
)
Index(
    "stage_transitions_timestamp_idx",
    stage_transitions.c.value_stream_id,
    stage_transitions.c.timestamp,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", Text),
    Column("created_at", Instant, nullable=False, server_default=NOW),
)
Index("idempotency_keys_created_at_idx", idempotency_keys.c.created_at)

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
    CheckConstraint("status IN ('filling', 'filled')", name="status_check"),
    CheckConstraint("filled_until >= filled_from", name="filled_until_check"),
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

recent_quantiles = Table(
    "recent_quantiles",
    metadata,
    Column("days", Integer, primary_key=True),
    Column("quantile", Double, primary_key=True),
    Column("cycle_time_seconds", Double),
    Column("measured_at", Instant, nullable=False, server_default=NOW),
)

stage_zones = table(
    "stage_zones",
    column("stage_id"),
    column("value_stream_id"),
    column("name"),
    column("order"),
    column("zone"),
)
"""The view that tells which zone each stage lies in."""
