"""What has to hold after each scenario, asked of the primary in SQL."""

from collections.abc import Iterable

from tests.ha.cluster import Cluster
from tests.ha.load import Noted

ITEMS = "SELECT id FROM work_items"
MOVES = "SELECT id, work_item_id FROM stage_transitions"

BROKEN_CHAINS = """
    SELECT id FROM (
        SELECT id, from_stage_id,
               lag(to_stage_id) OVER (PARTITION BY work_item_id ORDER BY "timestamp", id) AS before
        FROM stage_transitions WHERE voided_at IS NULL
    ) AS moves
    WHERE from_stage_id IS DISTINCT FROM before
"""
"""Moves that do not begin where the item's move before them ended."""

WRONG_FACTS = """
    SELECT i.id
    FROM work_items i
    LEFT JOIN LATERAL (
        SELECT to_stage_id, "timestamp" FROM stage_transitions t
        WHERE t.work_item_id = i.id AND voided_at IS NULL
        ORDER BY "timestamp" DESC, id DESC LIMIT 1
    ) AS last ON true
    WHERE (i.current_stage_id, i.current_stage_since) IS DISTINCT FROM
          (last.to_stage_id, last."timestamp")
"""
"""Items whose facts do not follow from their last move."""

DOUBLE = """
    SELECT work_item_id FROM stage_transitions
    GROUP BY work_item_id, to_stage_id HAVING count(*) > 1
"""
"""Items that entered a stage twice, which no writer does: a write that was done twice."""


async def lost(cluster: Cluster, noted: Noted) -> int:
    """Count the acknowledged writes that are not there."""
    items = {row["id"] for row in await cluster.query(ITEMS)}
    moves = {(row["work_item_id"], row["id"]) for row in await cluster.query(MOVES)}
    acknowledged = {(item, move) for item, made in noted.items.items() for move in made}
    return len(noted.items.keys() - items) + len(acknowledged - moves)


async def faults(cluster: Cluster) -> list[str]:
    """Name what does not hold."""
    queries = {"chains": BROKEN_CHAINS, "facts": WRONG_FACTS, "written twice": DOUBLE}
    return [name for name, query in queries.items() if await cluster.query(query)]


async def wrong_counts(cluster: Cluster, exposition: str) -> list[str]:
    """Name the exported counts that are not those of the log."""
    counted = {
        "vsm_work_items_created_total": "SELECT count(*) FROM work_items",
        "vsm_stage_transitions_total": "SELECT count(*) FROM stage_transitions",
    }
    truth = {name: (await cluster.query(query))[0][0] for name, query in counted.items()}
    return [name for name in truth if _total(exposition.splitlines(), name) != truth[name]]


def _total(lines: Iterable[str], name: str) -> float:
    values = (line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"{name}{{"))
    return sum(float(value) for value in values)
