"""What vacuum leaves to do: the tables as they are kept, against PostgreSQL's defaults.

python bench/bench_vacuum.py [--items N] [--writes N] [--clients N]

The same moves go, in turns, to two databases of one server; in one of them the tables have lost the
settings that the migrations gave them. Autovacuum runs in both, every five seconds for the time to
be bearable. Then the reads of the last 30 days tell how many rows they had to fetch from
the tables although an index holds all they ask for, because the page may hide versions that nobody
may see. HOT is the share of updates that left all indexes alone.
"""

import argparse
import asyncio
import json
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from bench.harness import Filled, dsn, fill, server, verdict
from bench.load_tools import machine, missing_tools, pgbench

READS = {
    "moves of 30 days, by stage": """
        SELECT to_stage_id, count(work_item_id) FROM stage_transitions
        WHERE value_stream_id = 1 AND from_stage_id = ANY (ARRAY[1, 2, 3, 4, 5, 6])
          AND to_stage_id = ANY (ARRAY[1, 2, 3, 4, 5, 6])
          AND timestamp >= now() - interval '30 days' AND voided_at IS NULL GROUP BY 1""",
    "items finished in 30 days": """
        SELECT type, count(started_at), min(effective_created_at) FROM work_items
        WHERE value_stream_id = 1 AND finished_at >= now() - interval '30 days' GROUP BY 1""",
    "items in each stage": """
        SELECT current_stage_id, count(*) FROM work_items
        WHERE value_stream_id = 1 AND cancelled_at IS NULL GROUP BY 1""",
}
SET_OPTIONS = """
    SELECT c.oid::regclass::text AS name, c.reloptions FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.reloptions IS NOT NULL
"""
ROUND = 10
"""Seconds of writes to one database before it is the other's turn."""
CALM = 20
"""Seconds that autovacuum has for what is left to do."""
TABLES = ("work_items", "stage_transitions")


async def run_all(url: str, *statements: str) -> None:
    """Run statements."""
    connection = await asyncpg.connect(dsn(url))
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def forget_settings(filled: Filled) -> None:
    """Let all tables be kept as PostgreSQL does by itself."""
    connection = await asyncpg.connect(filled.dsn)
    for name, options in await connection.fetch(SET_OPTIONS):
        names = ", ".join(option.partition("=")[0] for option in options)
        await connection.execute(f"ALTER TABLE {name} RESET ({names})")
    await connection.close()


async def tell(filled: Filled) -> dict[str, float]:
    """Print what the tables and the reads look like; returns what is compared."""
    connection = await asyncpg.connect(filled.dsn)
    found: dict[str, float] = {}
    for table in TABLES:
        row = await connection.fetchrow(
            "SELECT n_tup_upd, n_tup_hot_upd, n_tup_newpage_upd, n_dead_tup, autovacuum_count,"
            " pg_total_relation_size(relid) / 2^20 AS mib"
            " FROM pg_stat_user_tables WHERE relname = $1",
            table,
        )
        hot, left = (100 * row[n] / max(row[0], 1) for n in (1, 2))
        print(
            f"    {table}: {row[0]:,} updates, HOT {hot:.0f} %, to another page {left:.0f} %,"
            f" {row[3]:,} dead, {row[4]} vacuums, {row[5]:,.0f} MiB"
        )
    for what, query in READS.items():
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")
        fetches, ms = _fetches(plan)
        found[what] = fetches
        print(f"    {what}: {fetches:,} rows fetched, {ms:.0f} ms")
    await connection.close()
    return found


def _fetches(explained: str) -> tuple[int, float]:
    [top] = json.loads(explained)

    def heap(node: dict[str, Any]) -> int:
        return int(node.get("Heap Fetches", 0)) + sum(map(heap, node.get("Plans", [])))

    return heap(top["Plan"]), float(top["Execution Time"])


async def copied(server_url: str, of: Filled) -> Filled:
    """Copy a database."""
    name = f"bench_{of.items}_defaults"
    await run_all(server_url, f"CREATE DATABASE {name} TEMPLATE bench_{of.items}")
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    return Filled(of.items, url, dsn(url))


async def moves_in(filled: Filled) -> int:
    """Count the log's rows."""
    connection = await asyncpg.connect(filled.dsn)
    found: int = await connection.fetchval("SELECT count(*) FROM stage_transitions")
    await connection.close()
    return found


async def compare(url: str, asked: argparse.Namespace) -> None:
    """Write to both in turns, let autovacuum catch up, and look."""
    await run_all(url, "ALTER SYSTEM SET autovacuum_naptime = '5s'", "SELECT pg_reload_conf()")
    kept = await fill(url, asked.items)
    defaults = await copied(url, kept)
    await forget_settings(defaults)
    live = "UPDATE work_items SET cancelled_at = NULL, cancel_reason = NULL"
    for each in (kept, defaults):
        await run_all(each.url, live, "VACUUM (ANALYZE)", "SELECT pg_stat_reset()")
    before, written = await moves_in(kept), 0
    rates: dict[str, list[float]] = {"as kept": [], "defaults": []}
    while written < asked.writes:
        for name, each in (("defaults", defaults), ("as kept", kept)):
            rate = await asyncio.to_thread(
                pgbench, each.url, "move", asked.clients, ROUND, asked.items
            )
            rates[name].append(rate)
        written = await moves_in(kept) - before
    await asyncio.sleep(CALM)
    fetched = {}
    for name, each in (("defaults", defaults), ("as kept", kept)):
        per_second = sum(rates[name]) / len(rates[name])
        print(f"  {name}: {await moves_in(each) - before:,} moves, {per_second:,.0f}/s")
        fetched[name] = await tell(each)
    for what, rows in fetched["as kept"].items():
        verdict(
            f"rows fetched for {what}, to defaults", rows / max(fetched["defaults"][what], 1), 1
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--writes", type=int, default=500_000)
    parser.add_argument("--clients", type=int, default=16)
    arguments = parser.parse_args()
    if reason := missing_tools():
        print(reason)
    else:
        print(machine())
        with server() as running:
            asyncio.run(compare(running, arguments))
