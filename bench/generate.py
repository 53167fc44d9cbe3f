"""Fill a database with a long, plausible history, by sets: a million items in about a minute.

Items arrive at a constant rate; so a larger history is a longer one, and what happened lately is
the same to the microsecond in a history of any size. One in seven items is sent back from testing,
one in thirty is reopened, one in thirty is cancelled; what is under way now is open.

    python bench/generate.py postgresql://user@host/database --items 1000000
"""

import argparse
import asyncio
from datetime import UTC, datetime

import asyncpg

CHUNK = 200_000
PER_DAY = 1370.0
"""Items that arrive in a day: a million in two years."""

_SETTINGS = (
    "SET session_replication_role = replica",  # the rows are right; foreign keys need no check
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '512MB'",
    "SET work_mem = '256MB'",
)
# Numbers are counted back from the newest item, and chance is a function of that number, so that
# the newest items are the same in every history.
_CHANCE = """
    CREATE FUNCTION pg_temp.chance(k bigint, what bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
    RETURN ((hashint8extended(k, what) & 1073741823) + 0.5) / 1073741824.0
"""
_STEPS = """
    CREATE TEMPORARY TABLE steps ON COMMIT DROP AS
    WITH items AS (
        SELECT k, CAST($3 AS timestamptz) - k / CAST($4 AS float8) * interval '1 day' AS created,
               pg_temp.chance(k, 1) < 0.15 AS returned, pg_temp.chance(k, 2) < 0.03 AS reopened,
               CASE WHEN pg_temp.chance(k, 3) < 0.03 THEN 1 + floor(pg_temp.chance(k, 4) * 4)::int
               END AS given_up_after
        FROM generate_series(CAST($1 AS bigint), CAST($2 AS bigint)) AS k
    ),
    paths AS (
        SELECT k, created, given_up_after IS NOT NULL AS given_up,
               CASE WHEN given_up_after IS NOT NULL THEN (ARRAY[1, 2, 3, 4])[:given_up_after]
               ELSE ARRAY[1, 2, 3, 4] || CASE WHEN returned THEN ARRAY[3, 4] ELSE '{}' END
                    || ARRAY[5, 6] || CASE WHEN reopened THEN ARRAY[4, 6] ELSE '{}' END
               END AS path
        FROM items
    ),
    timed AS (
        SELECT k, n, given_up, path[n] AS stage_order, n = cardinality(path) AS is_last,
               created + interval '1 hour' * sum(
                   CASE WHEN n = 1 THEN 0
                   ELSE -ln(pg_temp.chance(k, 10 + n))
                        * (ARRAY[60, 24, 60, 40, 20, 100])[path[n - 1]]
                   END) OVER (PARTITION BY k ORDER BY n) AS at
        FROM paths CROSS JOIN LATERAL generate_subscripts(path, 1) AS n
    )
    SELECT k, n, s.id AS stage_id, s."order", at,
           lag(s.id) OVER item AS left_id, lag(at) OVER item AS left_since,
           CASE WHEN given_up AND is_last THEN at + interval '3 days' END AS cancelled_at
    FROM timed JOIN stages s ON s.value_stream_id = $5 AND s."order" = stage_order
    WHERE at <= $3
    WINDOW item AS (PARTITION BY k ORDER BY n)
"""
_ITEMS = """
    INSERT INTO work_items (id, value_stream_id, title, type, created_at, updated_at, cancelled_at,
        effective_created_at, started_at, finished_at, current_stage_id, current_stage_since,
        last_transition_at)
    OVERRIDING SYSTEM VALUE
    SELECT CAST($1 AS bigint) - k, $2, 'Item ' || k,
           (ARRAY['feature', 'feature', 'bug', 'task', 'epic'])[1 + k % 5],
           min(at), max(at), max(cancelled_at) FILTER (WHERE cancelled_at <= $3), min(at),
           min(at) FILTER (WHERE "order" >= 2), min(at) FILTER (WHERE "order" = 6),
           (array_agg(stage_id ORDER BY n DESC))[1], max(at), max(at)
    FROM steps GROUP BY k ORDER BY k DESC
"""
_MOVES = """
    INSERT INTO stage_transitions (work_item_id, value_stream_id, from_stage_id, to_stage_id,
                                   timestamp, from_stage_since)
    SELECT CAST($1 AS bigint) - k, $2, left_id, stage_id, at, left_since FROM steps ORDER BY at
"""
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('work_items', 'stage_transitions')
      AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""

_SIZES = """
    SELECT relname AS name, reltuples::bigint AS rows,
           pg_table_size(oid) / greatest(reltuples, 1)::bigint AS heap,
           pg_indexes_size(oid) / greatest(reltuples, 1)::bigint AS indexes
    FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 0
    ORDER BY pg_total_relation_size(oid) DESC
"""


async def generate(
    url: str, items: int, *, per_day: float = PER_DAY, until: datetime | None = None
) -> None:
    """Fill the default value stream of an empty, migrated database. Needs a superuser."""
    now = until or datetime.now(UTC)
    connection = await asyncpg.connect(url)
    try:
        for setting in (*_SETTINGS, _CHANCE):
            await connection.execute(setting)
        stream = await connection.fetchval("SELECT id FROM value_streams WHERE is_default")
        indexes = await connection.fetch(_INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        for newest in range(0, items, CHUNK):
            oldest = min(newest + CHUNK, items) - 1
            async with connection.transaction():
                await connection.execute(_STEPS, newest, oldest, now, per_day, stream)
                await connection.execute(_ITEMS, items, stream, now)
                await connection.execute(_MOVES, items, stream)
        for index in indexes:
            await connection.execute(index["indexdef"])
        await connection.execute(
            "SELECT setval(pg_get_serial_sequence('work_items', 'id'), $1)", items + 1
        )
        for table in ("work_items", "stage_transitions"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
    finally:
        await connection.close()


async def tell_sizes(url: str) -> None:
    """Print how many bytes a row of each large table takes, with its part of the indexes."""
    connection = await asyncpg.connect(url)
    for row in await connection.fetch(_SIZES):
        print(f"{row['name']}: {row['rows']:,} rows, {row['heap']} + {row['indexes']} bytes each")
    await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--per-day", type=float, default=PER_DAY)
    asked = parser.parse_args()
    asyncio.run(generate(asked.url, asked.items, per_day=asked.per_day))
    asyncio.run(tell_sizes(asked.url))
