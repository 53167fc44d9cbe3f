"""A function by which one statement can share a stream's definition and see that it is in force.

Revision: 0006, after 0005.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A statement sees the database as it was when the statement began. A definition that was changed
# between that and the lock would be missed; queries inside of a volatile function look anew. Every
# change of a definition writes the stream's row, so its xmin tells whether both saw the same one.
SHARE_DEFINITION = """
    CREATE FUNCTION share_definition(stream_id integer) RETURNS xid
    LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        IF NOT pg_try_advisory_xact_lock_shared(hashtext('vsm-service definition'), stream_id) THEN
            RETURN NULL;
        END IF;
        RETURN (SELECT v.xmin FROM value_streams v WHERE v.id = stream_id);
    END
    $$
"""


def upgrade() -> None:
    """Add the function."""
    op.execute(SHARE_DEFINITION)


def downgrade() -> None:
    """Drop the function."""
    op.execute("DROP FUNCTION share_definition")
