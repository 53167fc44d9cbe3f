"""What teams have agreed on: allowed moves, limits over time, clocks; and what came of it."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.store.tables.schema import NOW, Instant, metadata

allowed_moves = Table(
    "allowed_moves",
    metadata,
    Column("value_stream_id", Integer, nullable=False),
    Column("from_stage_id", Integer, primary_key=True, autoincrement=False),
    Column("to_stage_id", Integer, primary_key=True, autoincrement=False),
    ForeignKeyConstraint(
        ["from_stage_id", "value_stream_id"],
        ["stages.id", "stages.value_stream_id"],
        name="allowed_moves_from_stage_id_value_stream_id_fkey",
    ),
    ForeignKeyConstraint(
        ["to_stage_id", "value_stream_id"],
        ["stages.id", "stages.value_stream_id"],
        name="allowed_moves_to_stage_id_value_stream_id_fkey",
    ),
)
Index("allowed_moves_stream_idx", allowed_moves.c.value_stream_id)

stage_limits = Table(
    "stage_limits",
    metadata,
    Column("stage_id", Integer, ForeignKey("stages.id"), primary_key=True),
    Column("effective_from", Instant, primary_key=True),
    Column("wip_limit", Integer),
    CheckConstraint("wip_limit > 0", name="wip_limit_check"),
)
"""Which WIP limit was in force from when on; null: none any more."""

stream_versions = Table(
    "stream_versions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), nullable=False),
    Column("definitions_version", Integer, nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("effective_from", Instant, nullable=False),
    Column("definition", JSONB, nullable=False),
    Column("changes", JSONB, nullable=False),
)
"""Every definition that was applied to a stream, with what it changed."""
Index(
    "stream_versions_stream_idx",
    stream_versions.c.value_stream_id,
    stream_versions.c.applied_at,
)

broken_rules = Table(
    "broken_rules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("value_stream_id", Integer, nullable=False),
    Column("work_item_id", BigInteger, nullable=False),
    Column("transition_id", BigInteger),  # the log's rows never vanish
    Column("stage_id", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("broken_at", Instant, nullable=False),
    Column("override_reason", Text),
    Column("voided_at", Instant),  # of the move
    CheckConstraint("rule IN ('wip_limit', 'allowed_move', 'backward_reason')", name="rule_check"),
    CheckConstraint("policy IN ('warn', 'enforce')", name="policy_check"),
    CheckConstraint(
        "policy <> 'enforce' OR override_reason IS NOT NULL", name="override_reason_check"
    ),
    ForeignKeyConstraint(
        ["work_item_id", "value_stream_id"],
        ["work_items.id", "work_items.value_stream_id"],
        name="broken_rules_work_item_id_value_stream_id_fkey",
    ),
    ForeignKeyConstraint(
        ["stage_id", "value_stream_id"],
        ["stages.id", "stages.value_stream_id"],
        name="broken_rules_stage_id_value_stream_id_fkey",
    ),
)
"""Moves that were made although a rule spoke against them: warned of, or with a reason."""
Index("broken_rules_stream_idx", broken_rules.c.value_stream_id, broken_rules.c.broken_at)

item_blocks = Table(
    "item_blocks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("work_item_id", BigInteger, nullable=False),
    Column("value_stream_id", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("reason", Text, nullable=False),
    Column("source_event_id", Text),
    Column("created_at", Instant, nullable=False, server_default=NOW),
    Column("voided_at", Instant),
    CheckConstraint("ended_at >= started_at", name="ended_at_check"),
    ForeignKeyConstraint(
        ["work_item_id", "value_stream_id"],
        ["work_items.id", "work_items.value_stream_id"],
        name="item_blocks_work_item_id_value_stream_id_fkey",
    ),
    UniqueConstraint(
        "work_item_id", "source_event_id", name="item_blocks_work_item_id_source_event_id_key"
    ),
)
"""Spans in which an item could not go on; `ended_at` is null while it still cannot."""
Index("item_blocks_item_idx", item_blocks.c.work_item_id, item_blocks.c.started_at)
Index("item_blocks_stream_idx", item_blocks.c.value_stream_id, item_blocks.c.ended_at)

working_spans = Table(
    "working_spans",
    metadata,
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), primary_key=True),
    Column("starts", Instant, primary_key=True),
    Column("ends", Instant, nullable=False),
    Column("before_us", BigInteger, nullable=False),
    CheckConstraint("ends > starts", name="ends_check"),
)
"""A stream's working clock: when it works, and the microseconds worked before each span."""
