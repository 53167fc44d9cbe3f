"""What a stream's file can say: descriptions, policies, limits over time, clocks, blocked spans.

Revision: 0002, after 0001.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STREAMS = (
    """
    ALTER TABLE value_streams
        ADD COLUMN description TEXT DEFAULT '' NOT NULL,
        ADD COLUMN move_policy TEXT DEFAULT 'open' NOT NULL,
        ADD COLUMN backward_reason TEXT DEFAULT 'open' NOT NULL,
        ADD COLUMN service_level_percent INTEGER,
        ADD COLUMN service_level_hours DOUBLE PRECISION,
        ADD COLUMN working_time JSONB,
        ADD CONSTRAINT value_streams_move_policy_check CHECK (move_policy IN ('open', 'warn', 'enforce')),
        ADD CONSTRAINT value_streams_backward_reason_check CHECK (backward_reason IN ('open', 'warn', 'enforce')),
        ADD CONSTRAINT value_streams_service_level_check CHECK ((service_level_percent IS NULL) = (service_level_hours IS NULL) AND service_level_percent BETWEEN 1 AND 99 AND service_level_hours > 0)
    """,
    # A stage that was merged into another one or taken out is kept, retired: what was recorded
    # about it still names it. Only stages in use have an order and a name to themselves.
    """
    ALTER TABLE stages
        ADD COLUMN description TEXT DEFAULT '' NOT NULL,
        ADD COLUMN wip_policy TEXT DEFAULT 'observe' NOT NULL,
        ADD COLUMN retired_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN merged_into INTEGER,
        ADD CONSTRAINT stages_wip_policy_check CHECK (wip_policy IN ('observe', 'warn', 'enforce')),
        ADD CONSTRAINT stages_merged_into_check CHECK (merged_into IS NULL OR retired_at IS NOT NULL),
        ADD CONSTRAINT stages_merged_into_value_stream_id_fkey FOREIGN KEY(merged_into, value_stream_id) REFERENCES stages (id, value_stream_id),
        DROP CONSTRAINT stages_value_stream_id_name_key,
        DROP CONSTRAINT stages_value_stream_id_order_key
    """,
    "CREATE UNIQUE INDEX stages_name_idx ON stages (value_stream_id, name) WHERE retired_at IS NULL",
    'CREATE UNIQUE INDEX stages_order_idx ON stages (value_stream_id, "order") WHERE retired_at IS NULL',
    """
    CREATE TABLE allowed_moves (
        value_stream_id INTEGER NOT NULL,
        from_stage_id INTEGER NOT NULL,
        to_stage_id INTEGER NOT NULL,
        CONSTRAINT allowed_moves_pkey PRIMARY KEY (from_stage_id, to_stage_id),
        CONSTRAINT allowed_moves_from_stage_id_value_stream_id_fkey FOREIGN KEY(from_stage_id, value_stream_id) REFERENCES stages (id, value_stream_id),
        CONSTRAINT allowed_moves_to_stage_id_value_stream_id_fkey FOREIGN KEY(to_stage_id, value_stream_id) REFERENCES stages (id, value_stream_id)
    )
    """,
    "CREATE INDEX allowed_moves_stream_idx ON allowed_moves (value_stream_id)",
    # Which limit was in force when: a limit counts from its own start, never before.
    """
    CREATE TABLE stage_limits (
        stage_id INTEGER NOT NULL,
        effective_from TIMESTAMP WITH TIME ZONE NOT NULL,
        wip_limit INTEGER,
        CONSTRAINT stage_limits_pkey PRIMARY KEY (stage_id, effective_from),
        CONSTRAINT stage_limits_wip_limit_check CHECK (wip_limit > 0),
        CONSTRAINT stage_limits_stage_id_fkey FOREIGN KEY(stage_id) REFERENCES stages (id)
    )
    """,
    """
    INSERT INTO stage_limits (stage_id, effective_from, wip_limit)
    SELECT id, '1970-01-01T00:00:00Z', wip_limit FROM stages WHERE wip_limit IS NOT NULL
    """,
    """
    CREATE TABLE stream_versions (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        value_stream_id INTEGER NOT NULL,
        definitions_version INTEGER NOT NULL,
        applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
        effective_from TIMESTAMP WITH TIME ZONE NOT NULL,
        definition JSONB NOT NULL,
        changes JSONB NOT NULL,
        CONSTRAINT stream_versions_pkey PRIMARY KEY (id),
        CONSTRAINT stream_versions_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    "CREATE INDEX stream_versions_stream_idx ON stream_versions (value_stream_id, applied_at)",
)

# to_stage_id is what a move means today. Where the stage that was recorded has been merged into
# another one since, recorded_stage_id keeps what was recorded; null means: the same.
RECORDED_STAGE = """
    ALTER TABLE stage_transitions
        ADD COLUMN recorded_stage_id INTEGER,
        ADD CONSTRAINT stage_transitions_recorded_stage_id_value_stream_id_fkey FOREIGN KEY(recorded_stage_id, value_stream_id) REFERENCES stages (id, value_stream_id)
    """


def _append_only(stage: str) -> str:
    """Return the guard of the log, for which `stage` of a row never changes."""
    before, after = stage.format(row="OLD"), stage.format(row="NEW")
    return f"""
    CREATE OR REPLACE FUNCTION stage_transitions_append_only() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF (OLD.voided_at IS NULL OR (NEW.voided_at, NEW.void_reason) IS NOT DISTINCT FROM
                                         (OLD.voided_at, OLD.void_reason))
               AND (NEW.id, NEW.work_item_id, NEW.value_stream_id, {after}, NEW.timestamp,
                    NEW.asserted_from_stage_id, NEW.source_event_id, NEW.reason, NEW.actor_kind,
                    NEW.recorded_at)
                   IS NOT DISTINCT FROM
                   (OLD.id, OLD.work_item_id, OLD.value_stream_id, {before}, OLD.timestamp,
                    OLD.asserted_from_stage_id, OLD.source_event_id, OLD.reason, OLD.actor_kind,
                    OLD.recorded_at)
            THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'stage_transitions is append-only: % refused', lower(TG_OP)
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Void the transition (voided_at, void_reason) and add the right one.';
    END
    $$
    """


def _zones(which: str) -> str:
    """Return the view of where stages lie in the flow, for the stages that `which` selects."""
    return f"""
    CREATE OR REPLACE VIEW stage_zones AS
    SELECT id AS stage_id,
           value_stream_id,
           name,
           "order",
           category,
           CASE
               WHEN category = 'done' THEN 'done'
               WHEN "order" < min("order") FILTER (WHERE category = 'active')
                              OVER (PARTITION BY value_stream_id) THEN 'todo'
               ELSE 'doing'
           END AS zone
    FROM stages
    {which}
    """  # noqa: S608 - its own constants


LOG = (
    RECORDED_STAGE,
    _append_only("coalesce({row}.recorded_stage_id, {row}.to_stage_id)"),
    _zones("WHERE retired_at IS NULL"),
)

RULES = (
    """
    CREATE TABLE broken_rules (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        value_stream_id INTEGER NOT NULL,
        work_item_id BIGINT NOT NULL,
        transition_id BIGINT,
        stage_id INTEGER NOT NULL,
        rule TEXT NOT NULL,
        policy TEXT NOT NULL,
        broken_at TIMESTAMP WITH TIME ZONE NOT NULL,
        override_reason TEXT,
        voided_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT broken_rules_pkey PRIMARY KEY (id),
        CONSTRAINT broken_rules_rule_check CHECK (rule IN ('wip_limit', 'allowed_move', 'backward_reason')),
        CONSTRAINT broken_rules_policy_check CHECK (policy IN ('warn', 'enforce')),
        CONSTRAINT broken_rules_override_reason_check CHECK (policy <> 'enforce' OR override_reason IS NOT NULL),
        CONSTRAINT broken_rules_work_item_id_value_stream_id_fkey FOREIGN KEY(work_item_id, value_stream_id) REFERENCES work_items (id, value_stream_id),
        CONSTRAINT broken_rules_stage_id_value_stream_id_fkey FOREIGN KEY(stage_id, value_stream_id) REFERENCES stages (id, value_stream_id)
    )
    """,
    "CREATE INDEX broken_rules_stream_idx ON broken_rules (value_stream_id, broken_at)",
    """
    CREATE TABLE item_blocks (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        work_item_id BIGINT NOT NULL,
        value_stream_id INTEGER NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        reason TEXT NOT NULL,
        source_event_id TEXT,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        voided_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT item_blocks_pkey PRIMARY KEY (id),
        CONSTRAINT item_blocks_ended_at_check CHECK (ended_at >= started_at),
        CONSTRAINT item_blocks_work_item_id_source_event_id_key UNIQUE (work_item_id, source_event_id),
        CONSTRAINT item_blocks_work_item_id_value_stream_id_fkey FOREIGN KEY(work_item_id, value_stream_id) REFERENCES work_items (id, value_stream_id)
    )
    """,
    "CREATE INDEX item_blocks_item_idx ON item_blocks (work_item_id, started_at)",
    "CREATE INDEX item_blocks_stream_idx ON item_blocks (value_stream_id, ended_at)",
)

# A working clock is a table of the spans in which a stream works, with the microseconds worked
# before each: how much was worked until an instant is one look-up, a duration is a difference.
CLOCKS = (
    """
    CREATE TABLE working_spans (
        value_stream_id INTEGER NOT NULL,
        starts TIMESTAMP WITH TIME ZONE NOT NULL,
        ends TIMESTAMP WITH TIME ZONE NOT NULL,
        before_us BIGINT NOT NULL,
        CONSTRAINT working_spans_pkey PRIMARY KEY (value_stream_id, starts),
        CONSTRAINT working_spans_ends_check CHECK (ends > starts),
        CONSTRAINT working_spans_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    # In floating point for speed. Exact: instants lie between 1970 and now, so both roundings
    # together stay under half a microsecond for another decade and more; a test holds it.
    """
    CREATE FUNCTION span_us(began timestamptz, ended timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN round(date_part('epoch', ended - began) * 1000000)::bigint
    """,
    """
    CREATE FUNCTION worked_us(calendar integer, until timestamptz) RETURNS bigint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN coalesce(
        (SELECT s.before_us + span_us(s.starts, least(until, s.ends))
         FROM working_spans s
         WHERE s.value_stream_id = calendar AND s.starts <= until
         ORDER BY s.starts DESC
         LIMIT 1), 0)
    """,
    # calendar: the stream whose working time counts; null: elapsed time
    """
    CREATE FUNCTION span_us(began timestamptz, ended timestamptz, calendar integer) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN calendar IS NULL THEN span_us(began, ended)
                ELSE worked_us(calendar, ended) - worked_us(calendar, began) END
    """,
)


def upgrade() -> None:
    """Add what a stream's file can say."""
    for statement in (*STREAMS, *LOG, *RULES, *CLOCKS):
        op.execute(statement)
    # too few rows for autovacuum, and without knowing them the planner takes all stages for retired
    op.execute("ANALYZE stages")


def downgrade() -> None:
    """Go back to plain streams; refused by the database where stages have been merged."""
    op.execute("DROP FUNCTION span_us(timestamptz, timestamptz, integer)")
    op.execute("DROP FUNCTION worked_us")
    op.execute("DROP FUNCTION span_us(timestamptz, timestamptz)")
    for table in (
        "working_spans",
        "item_blocks",
        "broken_rules",
        "stream_versions",
        "stage_limits",
        "allowed_moves",
    ):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP VIEW stage_zones")
    op.execute("DROP INDEX stages_order_idx")
    op.execute("DROP INDEX stages_name_idx")
    op.execute(
        """
        ALTER TABLE stages
            DROP COLUMN description, DROP COLUMN wip_policy,
            DROP COLUMN merged_into, DROP COLUMN retired_at,
            ADD CONSTRAINT stages_value_stream_id_name_key UNIQUE (value_stream_id, name),
            ADD CONSTRAINT stages_value_stream_id_order_key UNIQUE (value_stream_id, "order")
        """
    )
    op.execute(
        """
        ALTER TABLE value_streams
            DROP COLUMN description, DROP COLUMN move_policy, DROP COLUMN backward_reason,
            DROP COLUMN service_level_percent, DROP COLUMN service_level_hours,
            DROP COLUMN working_time
        """
    )
    op.execute(_zones(""))
    op.execute(_append_only("{row}.to_stage_id"))
    op.execute("ALTER TABLE stage_transitions DROP COLUMN recorded_stage_id")
