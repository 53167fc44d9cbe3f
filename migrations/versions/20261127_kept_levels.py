"""How full stages were, kept beside the other parts, and parts of less than an hour.

Revision: 0007, after 0006.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LEVELS = """
    CREATE TABLE kept_levels (
        value_stream_id INTEGER NOT NULL,
        starts TIMESTAMP WITH TIME ZONE NOT NULL,
        ends TIMESTAMP WITH TIME ZONE NOT NULL,
        type TEXT NOT NULL,
        stage_id INTEGER NOT NULL,
        step BIGINT NOT NULL,
        levels BYTEA,
        spent BYTEA,
        CONSTRAINT kept_levels_pkey PRIMARY KEY (value_stream_id, starts, ends, type, stage_id),
        CONSTRAINT kept_levels_value_stream_id_fkey
            FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
    )
"""


def upgrade() -> None:
    """Add the table, which the roll-up fills, and the edges of what is kept of the last hour.

    `parts_version` tells the roll-up by which version the parts are kept: it makes older ones anew.
    """
    op.execute(LEVELS)
    for column in ("levels", "spent"):
        op.execute(f"ALTER TABLE kept_levels ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.execute(
        "ALTER TABLE rollup_state "
        "ADD COLUMN burst_edges TIMESTAMP WITH TIME ZONE[] DEFAULT '{}' NOT NULL, "
        "ADD COLUMN parts_version INTEGER DEFAULT 1 NOT NULL"
    )


def downgrade() -> None:
    """Drop both; what they hold follows from the log."""
    op.execute("ALTER TABLE rollup_state DROP COLUMN parts_version, DROP COLUMN burst_edges")
    op.execute("DROP TABLE kept_levels")
