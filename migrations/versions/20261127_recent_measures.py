"""What was measured lately of each stream, for Prometheus.

Revision: 0005, after 0004.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. `recent_quantiles` stays, for replicas that still write it."""
    op.execute(
        """
        CREATE TABLE recent_measures (
            value_stream_id INTEGER NOT NULL,
            series TEXT NOT NULL,
            label TEXT NOT NULL,
            other TEXT NOT NULL,
            value DOUBLE PRECISION NOT NULL,
            measured_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT recent_measures_pkey PRIMARY KEY (value_stream_id, series, label, other),
            CONSTRAINT recent_measures_value_stream_id_fkey FOREIGN KEY(value_stream_id) REFERENCES value_streams (id)
        )
        """
    )


def downgrade() -> None:
    """Drop the table; what it holds is measured again within minutes."""
    op.execute("DROP TABLE recent_measures")
