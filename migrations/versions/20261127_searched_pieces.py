"""What is odd about closed days and hours, kept so that data quality need not search them again.

Revision: 0009, after 0010.
"""

from alembic import op

revision = "0009"
down_revision = "0010"
branch_labels = None
depends_on = None

PIECE = """
        value_stream_id INTEGER NOT NULL,
        starts TIMESTAMPTZ NOT NULL,
        ends TIMESTAMPTZ NOT NULL"""

TABLES = (
    f"""
    CREATE TABLE kept_searches ({PIECE},
        CONSTRAINT kept_searches_pkey PRIMARY KEY (value_stream_id, starts, ends),
        CONSTRAINT kept_searches_value_stream_id_fkey
            FOREIGN KEY (value_stream_id) REFERENCES value_streams (id)
    )
    """,
    f"""
    CREATE TABLE kept_oddities ({PIECE},
        type TEXT NOT NULL,
        rule TEXT NOT NULL,
        stage_id INTEGER NOT NULL,
        at TIMESTAMPTZ,
        population BIGINT NOT NULL,
        n BIGINT NOT NULL,
        items BYTEA,
        CONSTRAINT kept_oddities_value_stream_id_starts_ends_fkey
            FOREIGN KEY (value_stream_id, starts, ends)
            REFERENCES kept_searches (value_stream_id, starts, ends) ON DELETE CASCADE
    )
    """,
    f"""
    CREATE TABLE kept_sources ({PIECE},
        type TEXT NOT NULL,
        source TEXT,
        moves BIGINT NOT NULL,
        first_at TIMESTAMPTZ NOT NULL,
        last_at TIMESTAMPTZ NOT NULL,
        longest_pause_us BIGINT NOT NULL,
        CONSTRAINT kept_sources_value_stream_id_starts_ends_fkey
            FOREIGN KEY (value_stream_id, starts, ends)
            REFERENCES kept_searches (value_stream_id, starts, ends) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX kept_oddities_piece_idx ON kept_oddities (value_stream_id, starts, ends)",
    "CREATE INDEX kept_sources_piece_idx ON kept_sources (value_stream_id, starts, ends)",
)

# A version that does not search keeps pieces anew as well, when one of them was corrected. Whoever
# does it, what was found in them before does not hold any more.
FORGET = """
    CREATE FUNCTION forget_searches() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM kept_searches k
        USING (SELECT DISTINCT value_stream_id, starts, ends FROM changed) AS c
        WHERE k.value_stream_id = c.value_stream_id AND k.starts = c.starts AND k.ends = c.ends;
        RETURN NULL;
    END
    $$
"""
WATCHED = ("kept_items", "kept_moves")
CHANGES = (("INSERT", "NEW"), ("DELETE", "OLD"))


def upgrade() -> None:
    """Make the tables, which the roll-up fills, and let go of what is kept anew."""
    for statement in (*TABLES, FORGET):
        op.execute(statement)
    for table in WATCHED:
        for change, rows in CHANGES:
            op.execute(
                f"CREATE TRIGGER {table}_{change.lower()}_forgets AFTER {change} ON {table} "
                f"REFERENCING {rows} TABLE AS changed "
                "FOR EACH STATEMENT EXECUTE FUNCTION forget_searches()"
            )


def downgrade() -> None:
    """Search for what is odd whenever somebody asks."""
    for table in WATCHED:
        for change, _ in CHANGES:
            op.execute(f"DROP TRIGGER {table}_{change.lower()}_forgets ON {table}")
    op.execute("DROP FUNCTION forget_searches")
    for table in ("kept_sources", "kept_oddities", "kept_searches"):
        op.execute(f"DROP TABLE {table}")
