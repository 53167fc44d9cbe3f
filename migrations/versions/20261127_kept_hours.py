"""The parts of closed hours beside those of closed days, so that a window's ends are short.

Revision: 0004, after 0003.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEYS = {
    "items": {"type": "TEXT"},
    "moves": {"type": "TEXT", "left_id": "INTEGER", "entered_id": "INTEGER"},
    "paths": {"type": "TEXT", "left_id": "INTEGER", "entered_id": "INTEGER"},
    "passes": {"type": "TEXT", "stage_id": "INTEGER"},
}
COUNTS = {
    "items": (
        *("created_n", "created_until_end_us", "late_n", "started_n", "finished_n"),
        *("cycle_us", "lead_us"),
    ),
    "moves": (
        *("n", "until_end_us", "visit_us", "instant_n", "mismatch_n", "discarded_n"),
        "discarded_started_n",
    ),
    "paths": ("n", "left_us", "rework_us", "returned_n", "first_rework_n"),
    "passes": ("n", "us"),
}
PACKED = {"items": ("cycles", "leads"), "moves": ("visits",), "paths": (), "passes": ("passes",)}
TIMES = {"day": {"date": "DATE"}, "kept": {"starts": "TIMESTAMPTZ", "ends": "TIMESTAMPTZ"}}


STEPS = """
    CREATE TABLE kept_steps (
        value_stream_id INTEGER NOT NULL,
        starts TIMESTAMPTZ NOT NULL,
        ends TIMESTAMPTZ NOT NULL,
        type TEXT NOT NULL,
        left_id INTEGER NOT NULL,
        entered_id INTEGER NOT NULL,
        mark INTEGER NOT NULL,
        n BIGINT NOT NULL,
        discarded_n BIGINT NOT NULL,
        CONSTRAINT kept_steps_pkey
            PRIMARY KEY (value_stream_id, starts, ends, type, left_id, entered_id, mark),
        CONSTRAINT kept_steps_value_stream_id_fkey
            FOREIGN KEY (value_stream_id) REFERENCES value_streams (id)
    )
"""

CROSSINGS = """
    CREATE TABLE kept_crossings (
        value_stream_id INTEGER NOT NULL,
        starts TIMESTAMPTZ NOT NULL,
        ends TIMESTAMPTZ NOT NULL,
        type TEXT NOT NULL,
        entered_n BIGINT NOT NULL,
        left_n BIGINT NOT NULL,
        reentered_us BIGINT NOT NULL,
        exited_us BIGINT NOT NULL,
        CONSTRAINT kept_crossings_pkey PRIMARY KEY (value_stream_id, starts, ends, type),
        CONSTRAINT kept_crossings_value_stream_id_fkey
            FOREIGN KEY (value_stream_id) REFERENCES value_streams (id)
    )
"""


def upgrade() -> None:
    """Key the parts by the time they are about, whatever its length; the roll-up fills them."""
    _replace("day", "kept")
    op.execute(STEPS)
    op.execute(CROSSINGS)
    op.execute("ALTER TABLE rollup_state ADD COLUMN hours_from TIMESTAMPTZ")
    op.execute("ALTER TABLE rollup_state ADD COLUMN hours_until TIMESTAMPTZ")
    op.execute(
        "ALTER TABLE rollup_state ADD CONSTRAINT rollup_state_hours_until_check "
        "CHECK (hours_until >= hours_from)"
    )


def downgrade() -> None:
    """Key the parts by day again; the roll-up fills them."""
    op.execute("DROP TABLE kept_crossings")
    op.execute("DROP TABLE kept_steps")
    _replace("kept", "day")
    op.execute("ALTER TABLE rollup_state DROP COLUMN hours_until, DROP COLUMN hours_from")


def _replace(old: str, new: str) -> None:
    """Make the tables anew: what is in them follows from the log."""
    for part, key in KEYS.items():
        place = {"value_stream_id": "INTEGER", **TIMES[new], **key}
        counts = dict.fromkeys(COUNTS[part], "BIGINT")
        packed = "".join(f"{each} BYTEA, " for each in PACKED[part])
        columns = "".join(f"{name} {kind} NOT NULL, " for name, kind in (place | counts).items())
        op.execute(f"DROP TABLE {old}_{part}")
        op.execute(
            f"CREATE TABLE {new}_{part} ({columns}{packed}"
            f"CONSTRAINT {new}_{part}_pkey PRIMARY KEY ({', '.join(place)}), "
            f"CONSTRAINT {new}_{part}_value_stream_id_fkey "
            "FOREIGN KEY (value_stream_id) REFERENCES value_streams (id))"
        )
        for column in PACKED[part]:
            # unpacking would cost more than reading: most durations differ
            op.execute(f"ALTER TABLE {new}_{part} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.execute("DELETE FROM daily_counts")
    op.execute("DELETE FROM total_counts")
    op.execute("DELETE FROM rollup_state")
