"""Give the default stream rules, as applying its file does, and see what was kept of them."""

from typing import Any

from app.store.database import Database
from tests.acceptance.helpers import sql


async def limit(database: Database, stage: str, items: int | None, policy: str) -> None:
    """Set a stage's WIP limit and what it does."""
    await sql(
        database,
        "UPDATE stages SET wip_limit = :items, wip_policy = :policy WHERE name = :stage",
        stage=stage,
        items=items,
        policy=policy,
    )


async def allow(database: Database, policy: str, *pairs: tuple[str, str]) -> None:
    """Allow exactly these moves, by the names of the stages left and entered."""
    await sql(database, "UPDATE value_streams SET move_policy = :policy", policy=policy)
    await sql(database, "DELETE FROM allowed_moves")
    for left, entered in pairs:
        await sql(
            database,
            """
            INSERT INTO allowed_moves (value_stream_id, from_stage_id, to_stage_id)
            SELECT l.value_stream_id, l.id, e.id
            FROM stages l JOIN stages e USING (value_stream_id)
            WHERE (l.name, e.name) = (:left, :entered)
            """,
            left=left,
            entered=entered,
        )


async def ask_for_reasons(database: Database, policy: str) -> None:
    """Say what happens to a move back without a reason."""
    await sql(database, "UPDATE value_streams SET backward_reason = :policy", policy=policy)


async def breaches(database: Database) -> list[tuple[Any, ...]]:
    """Return rule, policy, stage and reason of all that was broken, in order."""
    return await sql(
        database,
        """
        SELECT b.rule, b.policy, s.name, b.override_reason
        FROM broken_rules b JOIN stages s ON s.id = b.stage_id ORDER BY b.id
        """,
    )


async def most_at_once(database: Database, stage: str) -> int:
    """Replay the log, instant by instant: how many items were in a stage at the fullest moment."""
    [(most,)] = await sql(
        database,
        """
        SELECT coalesce(max(present), 0) FROM (
            SELECT sum(step) OVER (ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS present FROM (
                SELECT timestamp AS at, 1 AS step, to_stage_id AS stage_id FROM stage_transitions
                WHERE voided_at IS NULL AND from_stage_id IS DISTINCT FROM to_stage_id
                UNION ALL
                SELECT timestamp, -1, from_stage_id FROM stage_transitions
                WHERE voided_at IS NULL AND from_stage_id IS DISTINCT FROM to_stage_id
                UNION ALL
                SELECT cancelled_at, -1, current_stage_id FROM work_items
                WHERE cancelled_at IS NOT NULL
            ) steps JOIN stages s ON s.id = steps.stage_id WHERE s.name = :stage
        ) course
        """,
        stage=stage,
    )
    return int(most)
