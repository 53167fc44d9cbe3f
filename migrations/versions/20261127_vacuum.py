"""How the tables that grow or change all the time are vacuumed, and what room their pages have.

Revision: 0008, after 0009.
"""

from alembic import op

revision = "0008"
down_revision = "0009"
branch_labels = None
depends_on = None

SETTINGS = {
    # rows are added and hardly ever changed; a vacuum of what is new lets indexes answer alone
    "stage_transitions": {
        "autovacuum_vacuum_insert_scale_factor": "0.01",
        "autovacuum_vacuum_insert_threshold": "5000",
        "autovacuum_analyze_scale_factor": "0.02",
    },
    # each move leaves a dead version; room on the page lets the next one lie beside it
    "work_items": {
        "fillfactor": "85",
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_vacuum_threshold": "500",
        "autovacuum_vacuum_insert_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.02",
    },
    # added, answered once, and deleted after a week
    "idempotency_keys": {
        "fillfactor": "85",
        "autovacuum_vacuum_scale_factor": "0.05",
    },
    # the same few rows again and again
    "flow_metrics": {"fillfactor": "70"},
    "rollup_invalidations": {"fillfactor": "70"},
    "rollup_state": {"fillfactor": "50"},
}


def upgrade() -> None:
    """Set them: for pages and vacuums to come. The lock stands in no reader's or writer's way."""
    for table, options in SETTINGS.items():
        told = ", ".join(f"{name} = {value}" for name, value in options.items())
        op.execute(f"ALTER TABLE {table} SET ({told})")


def downgrade() -> None:
    """Take them back."""
    for table, options in SETTINGS.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(options)})")
