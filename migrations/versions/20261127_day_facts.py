"""What flowed on each closed day, in parts that add up to any window.

Revision: 0003, after 0002.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Percentiles do not add up. So the durations themselves are kept as well: packed, and sorted.
TABLES = (
    """
    CREATE TABLE day_items (
        value_stream_id INTEGER NOT NULL,
        date DATE NOT NULL,
        type TEXT NOT NULL,
        created_n BIGINT NOT NULL,
        created_until_end_us BIGINT NOT NULL,
        late_n BIGINT NOT NULL,
        started_n BIGINT NOT NULL,
        finished_n BIGINT NOT NULL,
        cycle_us BIGINT NOT NULL,
        lead_us BIGINT NOT NULL,
        cycles BYTEA,
        leads BYTEA,
        CONSTRAINT day_items_pkey PRIMARY KEY (value_stream_id, date, type),
        CONSTRAINT day_items_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE day_moves (
        value_stream_id INTEGER NOT NULL,
        date DATE NOT NULL,
        type TEXT NOT NULL,
        left_id INTEGER NOT NULL,
        entered_id INTEGER NOT NULL,
        n BIGINT NOT NULL,
        until_end_us BIGINT NOT NULL,
        visit_us BIGINT NOT NULL,
        instant_n BIGINT NOT NULL,
        mismatch_n BIGINT NOT NULL,
        discarded_n BIGINT NOT NULL,
        discarded_started_n BIGINT NOT NULL,
        visits BYTEA,
        CONSTRAINT day_moves_pkey PRIMARY KEY (value_stream_id, date, type, left_id, entered_id),
        CONSTRAINT day_moves_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE day_paths (
        value_stream_id INTEGER NOT NULL,
        date DATE NOT NULL,
        type TEXT NOT NULL,
        left_id INTEGER NOT NULL,
        entered_id INTEGER NOT NULL,
        n BIGINT NOT NULL,
        left_us BIGINT NOT NULL,
        rework_us BIGINT NOT NULL,
        returned_n BIGINT NOT NULL,
        first_rework_n BIGINT NOT NULL,
        CONSTRAINT day_paths_pkey PRIMARY KEY (value_stream_id, date, type, left_id, entered_id),
        CONSTRAINT day_paths_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    """
    CREATE TABLE day_passes (
        value_stream_id INTEGER NOT NULL,
        date DATE NOT NULL,
        type TEXT NOT NULL,
        stage_id INTEGER NOT NULL,
        n BIGINT NOT NULL,
        us BIGINT NOT NULL,
        passes BYTEA,
        CONSTRAINT day_passes_pkey PRIMARY KEY (value_stream_id, date, type, stage_id),
        CONSTRAINT day_passes_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
    """,
    # unpacking would cost more than reading: most durations differ
    "ALTER TABLE day_items ALTER COLUMN cycles SET STORAGE EXTERNAL",
    "ALTER TABLE day_items ALTER COLUMN leads SET STORAGE EXTERNAL",
    "ALTER TABLE day_moves ALTER COLUMN visits SET STORAGE EXTERNAL",
    "ALTER TABLE day_passes ALTER COLUMN passes SET STORAGE EXTERNAL",
    # days that were closed by an older version have no parts: they are closed again
    "DELETE FROM daily_counts",
    "DELETE FROM total_counts",
    "DELETE FROM rollup_state",
)


def upgrade() -> None:
    """Make room for the parts; the roll-up fills them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Forget the parts, which follow from the log."""
    for table in ("day_passes", "day_paths", "day_moves", "day_items"):
        op.execute(f"DROP TABLE {table}")
