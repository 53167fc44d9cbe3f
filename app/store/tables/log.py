"""The log of moves, and what it is about: streams, stages, items. The facts are derived from it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.store.tables.schema import NOW, Instant, metadata

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
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("move_policy", Text, nullable=False, server_default=text("'open'")),
    Column("backward_reason", Text, nullable=False, server_default=text("'open'")),
    Column("service_level_percent", Integer),
    Column("service_level_hours", Double),
    Column("working_time", JSONB),
    CheckConstraint("key ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="key_check"),
    CheckConstraint("move_policy IN ('open', 'warn', 'enforce')", name="move_policy_check"),
    CheckConstraint("backward_reason IN ('open', 'warn', 'enforce')", name="backward_reason_check"),
    CheckConstraint(
        "(service_level_percent IS NULL) = (service_level_hours IS NULL)"
        " AND service_level_percent BETWEEN 1 AND 99 AND service_level_hours > 0",
        name="service_level_check",
    ),
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
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("wip_policy", Text, nullable=False, server_default=text("'observe'")),
    # no longer in use: what was recorded about it is kept, as of the stage it was merged into
    Column("retired_at", Instant),
    Column("merged_into", Integer),
    CheckConstraint("category IN ('wait', 'active', 'done')", name="category_check"),
    CheckConstraint("wip_limit > 0", name="wip_limit_check"),
    CheckConstraint("wip_policy IN ('observe', 'warn', 'enforce')", name="wip_policy_check"),
    CheckConstraint("merged_into IS NULL OR retired_at IS NOT NULL", name="merged_into_check"),
    ForeignKeyConstraint(
        ["merged_into", "value_stream_id"],
        ["stages.id", "stages.value_stream_id"],
        name="stages_merged_into_value_stream_id_fkey",
    ),
    UniqueConstraint("id", "value_stream_id"),
)
for _name, _column in (("name", stages.c.name), ("order", stages.c.order)):
    Index(
        f"stages_{_name}_idx",
        stages.c.value_stream_id,
        _column,
        unique=True,
        postgresql_where=stages.c.retired_at.is_(None),
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
    # what was recorded, where that stage has been merged into `to_stage_id` since
    Column("recorded_stage_id", Integer),
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
    ForeignKeyConstraint(
        ["recorded_stage_id", "value_stream_id"], ["stages.id", "stages.value_stream_id"]
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

stage_zones = table(
    "stage_zones",
    column("stage_id"),
    column("value_stream_id"),
    column("name"),
    column("order"),
    column("zone"),
)
"""The view that tells which zone each stage lies in."""
