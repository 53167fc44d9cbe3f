"""What happens beside moves is noted for whoever watches; made-up items can be removed.

Revision: 0010, after 0007.
"""

from alembic import op

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None

NEWS = """
    CREATE TABLE news (
        id bigint GENERATED ALWAYS AS IDENTITY,
        kind text NOT NULL,
        value_stream_id integer NOT NULL,
        work_item_id bigint,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT news_pkey PRIMARY KEY (id),
        CONSTRAINT news_value_stream_id_fkey FOREIGN KEY (value_stream_id)
            REFERENCES value_streams (id)
    )
"""


def _append_only(deletes: str) -> str:
    """Return the guard of the log, with what it says about deletes."""
    return f"""
    CREATE OR REPLACE FUNCTION stage_transitions_append_only() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF (OLD.voided_at IS NULL OR (NEW.voided_at, NEW.void_reason) IS NOT DISTINCT FROM
                                         (OLD.voided_at, OLD.void_reason))
               AND (NEW.id, NEW.work_item_id, NEW.value_stream_id,
                    coalesce(NEW.recorded_stage_id, NEW.to_stage_id), NEW.timestamp,
                    NEW.asserted_from_stage_id, NEW.source_event_id, NEW.reason, NEW.actor_kind,
                    NEW.recorded_at)
                   IS NOT DISTINCT FROM
                   (OLD.id, OLD.work_item_id, OLD.value_stream_id,
                    coalesce(OLD.recorded_stage_id, OLD.to_stage_id), OLD.timestamp,
                    OLD.asserted_from_stage_id, OLD.source_event_id, OLD.reason, OLD.actor_kind,
                    OLD.recorded_at)
            THEN
                RETURN NEW;
            END IF;
        END IF;
        {deletes}
        RAISE EXCEPTION 'stage_transitions is append-only: % refused', lower(TG_OP)
            USING ERRCODE = 'restrict_violation',
                  HINT = 'Void the transition (voided_at, void_reason) and add the right one.';
    END
    $$
    """


# what was made up tells of nothing that happened
MADE_UP = """IF TG_OP = 'DELETE' THEN
            IF EXISTS (SELECT FROM work_items WHERE id = OLD.work_item_id AND source = 'demo') THEN
                RETURN OLD;
            END IF;
        END IF;"""


def upgrade() -> None:
    """Add the table, and let moves of made-up items go."""
    op.execute(NEWS)
    op.execute(_append_only(MADE_UP))


def downgrade() -> None:
    """Forget the news, and let no move go."""
    op.execute("DROP TABLE news")
    op.execute(_append_only(""))
