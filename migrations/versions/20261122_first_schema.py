"""The first schema: streams, stages, items, the append-only log, keys and roll-ups.

Revision: 0001, the first.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE value_streams (
        id INTEGER GENERATED ALWAYS AS IDENTITY,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        time_zone TEXT DEFAULT 'UTC' NOT NULL,
        definitions_version INTEGER DEFAULT 1 NOT NULL,
        is_default BOOLEAN DEFAULT false NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT value_streams_pkey PRIMARY KEY (id),
        CONSTRAINT value_streams_key_check CHECK (key ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
        CONSTRAINT value_streams_key_key UNIQUE (key)
    )
    """,
    "CREATE UNIQUE INDEX value_streams_one_default_idx ON value_streams (is_default) WHERE is_default",
    """
    CREATE TABLE stages (
        id INTEGER GENERATED ALWAYS AS IDENTITY,
        value_stream_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        "order" INTEGER NOT NULL,
        type TEXT NOT NULL,
        category TEXT NOT NULL,
        wip_limit INTEGER,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT stages_pkey PRIMARY KEY (id),
        CONSTRAINT stages_category_check CHECK (category IN ('wait', 'active', 'done')),
        CONSTRAINT stages_wip_limit_check CHECK (wip_limit > 0),
        CONSTRAINT stages_value_stream_id_name_key UNIQUE (value_stream_id, name),
        CONSTRAINT stages_value_stream_id_order_key UNIQUE (value_stream_id, "order"),
        CONSTRAINT stages_id_value_stream_id_key UNIQUE (id, value_stream_id),
        CONSTRAINT stages_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE work_items (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        value_stream_id INTEGER NOT NULL,
        title TEXT NOT NULL,
        type TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        version BIGINT DEFAULT 1 NOT NULL,
        source TEXT,
        external_key TEXT,
        cancelled_at TIMESTAMP WITH TIME ZONE,
        cancel_reason TEXT,
        effective_created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE,
        finished_at TIMESTAMP WITH TIME ZONE,
        current_stage_id INTEGER,
        current_stage_since TIMESTAMP WITH TIME ZONE,
        last_transition_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT work_items_pkey PRIMARY KEY (id),
        CONSTRAINT work_items_title_check CHECK (char_length(title) BETWEEN 1 AND 500),
        CONSTRAINT work_items_type_check CHECK (type IN ('feature', 'bug', 'task', 'epic')),
        CONSTRAINT work_items_external_key_check CHECK ((source IS NULL) = (external_key IS NULL)),
        CONSTRAINT work_items_cancel_reason_check CHECK (cancel_reason IS NULL OR cancelled_at IS NOT NULL),
        CONSTRAINT work_items_effective_created_at_check CHECK (effective_created_at <= created_at),
        CONSTRAINT work_items_started_at_check CHECK (started_at >= effective_created_at),
        CONSTRAINT work_items_finished_at_check CHECK (finished_at IS NULL OR (started_at IS NOT NULL AND finished_at >= started_at)),
        CONSTRAINT work_items_cancelled_at_check CHECK (cancelled_at >= effective_created_at),
        CONSTRAINT work_items_cancelled_last_check CHECK (cancelled_at >= last_transition_at),
        CONSTRAINT work_items_current_stage_check CHECK ((current_stage_id IS NULL) = (last_transition_at IS NULL) AND (current_stage_id IS NULL) = (current_stage_since IS NULL)),
        CONSTRAINT work_items_current_stage_id_value_stream_id_fkey FOREIGN KEY(current_stage_id, value_stream_id) REFERENCES stages (id, value_stream_id),
        CONSTRAINT work_items_value_stream_id_source_external_key_key UNIQUE (value_stream_id, source, external_key),
        CONSTRAINT work_items_id_value_stream_id_key UNIQUE (id, value_stream_id),
        CONSTRAINT work_items_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    "CREATE INDEX work_items_cancelled_idx ON work_items (value_stream_id, cancelled_at) WHERE cancelled_at IS NOT NULL",
    "CREATE INDEX work_items_created_idx ON work_items (value_stream_id, effective_created_at)",
    "CREATE INDEX work_items_finished_idx ON work_items (value_stream_id, finished_at) INCLUDE (id, started_at, effective_created_at, type) WHERE finished_at IS NOT NULL",
    "CREATE INDEX work_items_stage_idx ON work_items (value_stream_id, current_stage_id, started_at) INCLUDE (finished_at, type) WHERE cancelled_at IS NULL",
    "CREATE INDEX work_items_started_idx ON work_items (value_stream_id, started_at) WHERE started_at IS NOT NULL",
    """
    CREATE TABLE stage_transitions (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        work_item_id BIGINT NOT NULL,
        value_stream_id INTEGER NOT NULL,
        from_stage_id INTEGER,
        to_stage_id INTEGER NOT NULL,
        timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
        from_stage_since TIMESTAMP WITH TIME ZONE,
        asserted_from_stage_id INTEGER,
        source_event_id TEXT,
        reason TEXT,
        actor_kind TEXT,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        voided_at TIMESTAMP WITH TIME ZONE,
        void_reason TEXT,
        CONSTRAINT stage_transitions_pkey PRIMARY KEY (id),
        CONSTRAINT stage_transitions_actor_kind_check CHECK (actor_kind IN ('human', 'automation', 'agent')),
        CONSTRAINT stage_transitions_void_check CHECK ((voided_at IS NULL) = (void_reason IS NULL)),
        CONSTRAINT stage_transitions_from_stage_check CHECK ((from_stage_id IS NULL) = (from_stage_since IS NULL) AND (voided_at IS NOT NULL OR from_stage_since IS NULL OR from_stage_since <= timestamp)),
        CONSTRAINT stage_transitions_work_item_id_value_stream_id_fkey FOREIGN KEY(work_item_id, value_stream_id) REFERENCES work_items (id, value_stream_id),
        CONSTRAINT stage_transitions_from_stage_id_value_stream_id_fkey FOREIGN KEY(from_stage_id, value_stream_id) REFERENCES stages (id, value_stream_id),
        CONSTRAINT stage_transitions_to_stage_id_value_stream_id_fkey FOREIGN KEY(to_stage_id, value_stream_id) REFERENCES stages (id, value_stream_id),
        CONSTRAINT stage_transitions_asserted_from_stage_id_value_stream_id_fkey FOREIGN KEY(asserted_from_stage_id, value_stream_id) REFERENCES stages (id, value_stream_id),
        CONSTRAINT stage_transitions_work_item_id_source_event_id_key UNIQUE (work_item_id, source_event_id)
    )
    """,
    "CREATE INDEX stage_transitions_item_idx ON stage_transitions (work_item_id, timestamp, id)",
    "CREATE INDEX stage_transitions_stages_idx ON stage_transitions (value_stream_id, from_stage_id, to_stage_id, timestamp) INCLUDE (work_item_id) WHERE voided_at IS NULL",
    "CREATE INDEX stage_transitions_timestamp_idx ON stage_transitions (value_stream_id, timestamp)",
    """
    CREATE TABLE idempotency_keys (
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        status INTEGER,
        headers TEXT,
        body TEXT,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT idempotency_keys_pkey PRIMARY KEY (key)
    )
    """,
    "CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at)",
    """
    CREATE TABLE flow_metrics (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        value_stream_id INTEGER NOT NULL,
        date DATE NOT NULL,
        period_type TEXT NOT NULL,
        period_start TIMESTAMP WITH TIME ZONE NOT NULL,
        period_end TIMESTAMP WITH TIME ZONE NOT NULL,
        tz TEXT NOT NULL,
        type_filter TEXT DEFAULT '' NOT NULL,
        throughput INTEGER NOT NULL,
        wip DOUBLE PRECISION NOT NULL,
        cycle_time_avg DOUBLE PRECISION,
        cycle_time_p50 DOUBLE PRECISION,
        cycle_time_p85 DOUBLE PRECISION,
        cycle_time_p95 DOUBLE PRECISION,
        lead_time_avg DOUBLE PRECISION,
        lead_time_p50 DOUBLE PRECISION,
        lead_time_p85 DOUBLE PRECISION,
        lead_time_p95 DOUBLE PRECISION,
        completed_n INTEGER NOT NULL,
        wip_item_us NUMERIC(38, 0) NOT NULL,
        wip_at_end INTEGER NOT NULL,
        period_us BIGINT NOT NULL,
        cycle_sum_us NUMERIC(38, 0) NOT NULL,
        lead_sum_us NUMERIC(38, 0) NOT NULL,
        created_n INTEGER NOT NULL,
        started_n INTEGER NOT NULL,
        discarded_n INTEGER NOT NULL,
        reopened_n INTEGER NOT NULL,
        recompleted_n INTEGER NOT NULL,
        definitions_version INTEGER NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        recomputed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT flow_metrics_pkey PRIMARY KEY (id),
        CONSTRAINT flow_metrics_period_type_check CHECK (period_type IN ('day', 'week', 'month')),
        CONSTRAINT flow_metrics_period_end_check CHECK (period_end > period_start),
        CONSTRAINT bucket_key UNIQUE (value_stream_id, period_type, date, tz, type_filter),
        CONSTRAINT flow_metrics_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE rollup_state (
        value_stream_id INTEGER NOT NULL,
        status TEXT NOT NULL,
        filled_from TIMESTAMP WITH TIME ZONE NOT NULL,
        filled_until TIMESTAMP WITH TIME ZONE NOT NULL,
        tz TEXT NOT NULL,
        definitions_version INTEGER NOT NULL,
        negated_bounds DOUBLE PRECISION[] NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT rollup_state_pkey PRIMARY KEY (value_stream_id),
        CONSTRAINT rollup_state_status_check CHECK (status IN ('filling', 'filled')),
        CONSTRAINT rollup_state_filled_until_check CHECK (filled_until >= filled_from),
        CONSTRAINT rollup_state_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE rollup_invalidations (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        value_stream_id INTEGER NOT NULL,
        from_instant TIMESTAMP WITH TIME ZONE NOT NULL,
        through_instant TIMESTAMP WITH TIME ZONE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT rollup_invalidations_pkey PRIMARY KEY (id),
        CONSTRAINT rollup_invalidations_through_instant_check CHECK (through_instant >= from_instant),
        CONSTRAINT rollup_invalidations_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    "CREATE INDEX rollup_invalidations_stream_idx ON rollup_invalidations (value_stream_id)",
    """
    CREATE TABLE daily_counts (
        value_stream_id INTEGER NOT NULL,
        date DATE NOT NULL,
        series TEXT NOT NULL,
        label TEXT NOT NULL,
        other TEXT NOT NULL,
        bucket INTEGER NOT NULL,
        n BIGINT NOT NULL,
        sum_us NUMERIC(38, 0) NOT NULL,
        CONSTRAINT daily_counts_pkey PRIMARY KEY (value_stream_id, date, series, label, other, bucket),
        CONSTRAINT daily_counts_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE total_counts (
        value_stream_id INTEGER NOT NULL,
        series TEXT NOT NULL,
        label TEXT NOT NULL,
        other TEXT NOT NULL,
        bucket INTEGER NOT NULL,
        n BIGINT NOT NULL,
        sum_us NUMERIC(38, 0) NOT NULL,
        CONSTRAINT total_counts_pkey PRIMARY KEY (value_stream_id, series, label, other, bucket),
        CONSTRAINT total_counts_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE recent_quantiles (
        days INTEGER NOT NULL,
        quantile DOUBLE PRECISION NOT NULL,
        cycle_time_seconds DOUBLE PRECISION,
        measured_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT recent_quantiles_pkey PRIMARY KEY (days, quantile)
    )
    """,
)

# The one definition of what is counted for Prometheus, used both to keep the counts of a closed day
# and to count live what is not kept. Buckets of durations are numbered from 0, the one up to the
# smallest bound, to the one above all. An upper bound belongs to its bucket, which is why the bounds
# are given in seconds times -1, ascending.
#   created    label: type                          n items by their creation
#   cancelled  label: stage they lie in             n items by their cancellation
#   finished   label: type, bucket of cycle time    n items by their first finish, sum of cycle times
#   lead       bucket of lead time                  the same items, sum of lead times
#   moves      label, other: stage left, entered;   n moves by their instant, sum of the times of the
#              bucket of the time in the stage left visits they ended ('' and 0 for a first move)
COUNTS = (
    """
    CREATE FUNCTION duration_bucket(took interval, negated_bounds double precision[])
    RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN cardinality(negated_bounds)
           - width_bucket(-extract(epoch FROM took)::double precision, negated_bounds)
    """,
    """
    CREATE FUNCTION flow_counts(
        stream_id integer, starts timestamptz, ends timestamptz, negated_bounds double precision[]
    )
    RETURNS TABLE (series text, label text, other text, bucket integer, n bigint, sum_us numeric)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
        WITH finished AS (
            SELECT i.type,
                   i.finished_at - i.started_at AS cycle,
                   i.finished_at - i.effective_created_at AS lead
            FROM work_items i
            WHERE i.value_stream_id = stream_id
              AND i.finished_at >= starts AND i.finished_at < ends
        )
        SELECT 'created', i.type, '', 0, count(*), 0::numeric
        FROM work_items i
        WHERE i.value_stream_id = stream_id
          AND i.effective_created_at >= starts AND i.effective_created_at < ends
        GROUP BY i.type
        UNION ALL
        SELECT 'cancelled', i.current_stage_id::text, '', 0, count(*), 0
        FROM work_items i
        WHERE i.value_stream_id = stream_id
          AND i.cancelled_at >= starts AND i.cancelled_at < ends
          AND i.current_stage_id IS NOT NULL
        GROUP BY i.current_stage_id
        UNION ALL
        SELECT 'finished', type, '', duration_bucket(cycle, negated_bounds), count(*),
               sum((extract(epoch FROM cycle) * 1000000)::bigint)
        FROM finished
        GROUP BY 2, 4
        UNION ALL
        SELECT 'lead', '', '', duration_bucket(lead, negated_bounds), count(*),
               sum((extract(epoch FROM lead) * 1000000)::bigint)
        FROM finished
        GROUP BY 4
        UNION ALL
        SELECT 'moves', coalesce(t.from_stage_id::text, ''), t.to_stage_id::text,
               coalesce(duration_bucket(t.timestamp - t.from_stage_since, negated_bounds), 0), count(*),
               coalesce(sum((extract(epoch FROM t.timestamp - t.from_stage_since)
                             * 1000000)::bigint), 0)
        FROM stage_transitions t
        WHERE t.value_stream_id = stream_id
          AND t.timestamp >= starts AND t.timestamp < ends
          AND t.voided_at IS NULL
          AND t.from_stage_id IS DISTINCT FROM t.to_stage_id
        GROUP BY t.from_stage_id, t.to_stage_id, 4;
    END
    """,
)

# The log tells what happened: rows are added, never changed or taken away. Two things may still
# be set. from_stage_id and from_stage_since describe the visit that a move ended; they are derived
# from the order of the moves, so a late arrival corrects its successor. voided_at with its reason takes a mistaken row out of the history, once.
APPEND_ONLY = (
    """
    CREATE FUNCTION stage_transitions_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF (OLD.voided_at IS NULL OR (NEW.voided_at, NEW.void_reason) IS NOT DISTINCT FROM
                                         (OLD.voided_at, OLD.void_reason))
               AND (NEW.id, NEW.work_item_id, NEW.value_stream_id, NEW.to_stage_id, NEW.timestamp,
                    NEW.asserted_from_stage_id, NEW.source_event_id, NEW.reason, NEW.actor_kind,
                    NEW.recorded_at)
                   IS NOT DISTINCT FROM
                   (OLD.id, OLD.work_item_id, OLD.value_stream_id, OLD.to_stage_id, OLD.timestamp,
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
    """,
    """
    CREATE TRIGGER stage_transitions_append_only
        BEFORE UPDATE OR DELETE ON stage_transitions
        FOR EACH ROW EXECUTE FUNCTION stage_transitions_append_only()
    """,
    """
    CREATE TRIGGER stage_transitions_no_truncate
        BEFORE TRUNCATE ON stage_transitions
        FOR EACH STATEMENT EXECUTE FUNCTION stage_transitions_append_only()
    """,
)

# Where a stage lies in the flow follows from its stream's first active stage.
ZONES = (
    """
    CREATE VIEW stage_zones AS
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
    """,
)

DEFAULTS = (
    "INSERT INTO value_streams (key, name, is_default) VALUES ('default', 'Default value stream', true)",
    """
    INSERT INTO stages (value_stream_id, name, "order", type, category)
    SELECT s.id, d.name, d."order", d.type, d.category
    FROM value_streams s,
         (VALUES ('Backlog', 1, 'backlog', 'wait'),
                 ('Analysis', 2, 'analysis', 'active'),
                 ('Development', 3, 'development', 'active'),
                 ('Testing', 4, 'testing', 'active'),
                 ('Deployment', 5, 'deployment', 'active'),
                 ('Production', 6, 'production', 'done')) AS d (name, "order", type, category)
    WHERE s.key = 'default'
    ORDER BY d."order"
    """,
)


def upgrade() -> None:
    """Make the schema and the default value stream."""
    for statement in (*TABLES, *COUNTS, *APPEND_ONLY, *ZONES, *DEFAULTS):
        op.execute(statement)


def downgrade() -> None:
    """Drop everything this revision made, with the data."""
    op.execute("DROP FUNCTION flow_counts")
    op.execute("DROP FUNCTION duration_bucket")
    op.execute("DROP VIEW stage_zones")
    for table in (
        "recent_quantiles",
        "total_counts",
        "daily_counts",
        "rollup_invalidations",
        "rollup_state",
        "flow_metrics",
        "idempotency_keys",
        "stage_transitions",
        "work_items",
        "stages",
        "value_streams",
    ):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION stage_transitions_append_only()")
