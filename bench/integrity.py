"""What has to hold of the log and all that is derived from it, whatever wrote it; asked in SQL."""

import asyncpg

from bench.harness import verdict

DAMAGE = {
    "moves that do not leave what the one before entered": """
        SELECT count(*) FROM (
            SELECT from_stage_id, lag(to_stage_id) OVER moves AS left_id
            FROM stage_transitions WHERE voided_at IS NULL
            WINDOW moves AS (PARTITION BY work_item_id ORDER BY timestamp, id)
        ) log WHERE from_stage_id IS DISTINCT FROM left_id""",
    # a move within a stage goes on with its visit
    "moves that do not know when the visit they end began": """
        SELECT count(*) FROM (
            SELECT from_stage_since,
                   CASE WHEN lag(from_stage_id) OVER moves = lag(to_stage_id) OVER moves
                        THEN lag(from_stage_since) OVER moves
                        ELSE lag(timestamp) OVER moves END AS entered_at
            FROM stage_transitions WHERE voided_at IS NULL
            WINDOW moves AS (PARTITION BY work_item_id ORDER BY timestamp, id)
        ) log WHERE from_stage_since IS DISTINCT FROM entered_at""",
    "items whose facts do not follow from the log": """
        SELECT count(*) FROM work_items i LEFT JOIN (
            SELECT work_item_id, max(timestamp) AS last_at,
                   min(timestamp) FILTER (WHERE zone <> 'todo') AS started_at,
                   min(timestamp) FILTER (WHERE zone = 'done') AS finished_at,
                   (array_agg(to_stage_id ORDER BY timestamp DESC, t.id DESC))[1] AS stage_id
            FROM stage_transitions t JOIN stage_zones z ON z.stage_id = t.to_stage_id
            WHERE voided_at IS NULL
            GROUP BY work_item_id
        ) log ON log.work_item_id = i.id
        WHERE (i.last_transition_at, i.started_at, i.finished_at, i.current_stage_id)
              IS DISTINCT FROM (log.last_at, log.started_at, log.finished_at, log.stage_id)""",
    "kept totals that are not the sum of their days": """
        SELECT count(*) FROM total_counts t FULL JOIN (
            SELECT value_stream_id, series, label, other, bucket, sum(n) AS n, sum(sum_us) AS sum_us
            FROM daily_counts GROUP BY 1, 2, 3, 4, 5
        ) d USING (value_stream_id, series, label, other, bucket)
        WHERE (coalesce(t.n, 0), coalesce(t.sum_us, 0))
              IS DISTINCT FROM (coalesce(d.n, 0), coalesce(d.sum_us, 0))""",
}
"""Queries that count; each has to find nothing."""

CROWDED = """
    SELECT count(*) FROM (
        SELECT FROM stages s
        JOIN work_items i ON i.current_stage_id = s.id AND i.cancelled_at IS NULL
        WHERE s.wip_policy = 'enforce'
        GROUP BY s.id, s.wip_limit HAVING count(*) > s.wip_limit
    ) AS crowded
"""
"""Stages with more in them than their enforced limit; for loads that never override one."""


async def tell_damage(connection: asyncpg.Connection, more: dict[str, str] | None = None) -> None:
    """Print how much damage there is, of each kind."""
    for what, query in {**DAMAGE, **(more or {})}.items():
        verdict(what, await connection.fetchval(query), 0)


async def tell_lost(connection: asyncpg.Connection, what: str, table: str, ids: list[int]) -> None:
    """Print how many acknowledged writes are not in the table, or share a row of it."""
    known = await connection.fetchval(
        f"SELECT count(*) FROM {table} WHERE id = ANY ($1::bigint[])",  # noqa: S608 - our own names
        ids,
    )
    verdict(f"acknowledged {what} that are not in the database", len(set(ids)) - known, 0)
    verdict(f"acknowledged {what} that share a row", len(ids) - len(set(ids)), 0)
