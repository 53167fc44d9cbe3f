"""Roll-ups are what the raw events give: kept step by step, corrected, or made anew."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory, WorkItemType
from app.flow.calendar import Window
from app.flow.periods import PeriodType
from app.flow.summary import FlowSummary, summarise
from app.flow.times import item_times
from app.store import invalidations, observations, rollups, value_streams, work_items
from app.store.database import Connection, Database
from app.telemetry import BUCKET_HOURS
from app.usecases.observe import observe
from app.usecases.rebuild import rebuild
from app.usecases.recent_hours import LONG
from app.usecases.roll_up import negated, roll_up
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US
from tests.integration.stored import Stored, stored, stored_test
from tests.strategies import (
    BASE,
    HORIZON,
    SPAN,
    Population,
    histories,
    instants,
    populations,
    zones,
)

CLOSED = BASE + 2 * SPAN
"""Later than every generated event but cancellations, of which some lie in open days."""

_EVERYTHING = text(
    """
    SELECT v.id, c.series, c.label, c.other, c.bucket, sum(c.n)::bigint, sum(c.sum_us)
    FROM value_streams v
    CROSS JOIN LATERAL flow_counts(v.id, '-infinity', 'infinity', CAST(:bounds AS float8[])) c
    GROUP BY v.id, c.series, c.label, c.other, c.bucket
    """
)
KEPT = (
    "flow_metrics",
    "daily_counts",
    "total_counts",
    "kept_items",
    "kept_moves",
    "kept_paths",
    "kept_passes",
    "kept_steps",
    "kept_crossings",
    "kept_searches",
    "kept_oddities",
    "kept_sources",
)


async def in_zone(inside: Stored, tz: ZoneInfo) -> Stored:
    """Let the stream's days be those of a zone."""
    await inside.connection.execute(
        text("UPDATE value_streams SET time_zone = :tz WHERE id = :id"),
        {"tz": str(tz), "id": inside.stream.id},
    )
    return replace(
        inside, stream=await value_streams.load_by_id(inside.connection, inside.stream.id)
    )


async def roll_up_all(inside: Stored, settled: datetime = CLOSED, long: timedelta = LONG) -> int:
    """Roll up until nothing is left to do; returns in how many batches."""
    batches = 0
    while await roll_up(inside.connection, inside.stream.id, BUCKET_HOURS, settled, long=long):
        batches += 1
    return batches


async def kept_rows(connection: Connection, stream: ValueStream) -> dict[str, Any]:
    """Return all that is kept of a stream, without when it was computed."""
    found: dict[str, Any] = {}
    for table in KEPT:
        columns = "*" if table != "flow_metrics" else ", ".join(rollups.COMPUTED)
        rows = await connection.execute(
            text(f"SELECT {columns} FROM {table} WHERE value_stream_id = :id"),  # noqa: S608
            {"id": stream.id},
        )
        found[table] = sorted(tuple(map(str, row)) for row in rows)
    return found


def expected_rows(
    row: Any, told: Sequence[ItemHistory], stream: ValueStream
) -> Mapping[str, object]:
    """Compute a row's figures from the histories, by definition."""
    chosen = [each for each in told if row.type_filter in ("", each.type)]
    window = Window(row.period_start, row.period_end, HORIZON)
    summary = summarise([item_times(each, stream, HORIZON) for each in chosen], window)
    return figures(summary)


def figures(summary: FlowSummary) -> dict[str, object]:
    """Return a summary's figures under the names of the columns."""
    return {
        "throughput": summary.throughput,
        "completed_n": summary.throughput,
        "wip": summary.wip,
        "wip_item_us": summary.wip_us,
        "wip_at_end": summary.wip_at_end,
        "period_us": summary.window_us,
        "cycle_sum_us": summary.cycle.sum_us,
        "lead_sum_us": summary.lead.sum_us,
        "created_n": summary.created,
        "started_n": summary.started,
        "discarded_n": summary.discarded,
        "reopened_n": summary.reopened,
        "recompleted_n": summary.recompleted,
        **{
            f"{clock}_time_{name}": getattr(summary, f"{clock}_time_{name}")
            for clock in ("cycle", "lead")
            for name in ("avg", "p50", "p85", "p95")
        },
    }


async def all_rows(inside: Stored) -> list[Any]:
    """Return the rows of every period type and filter."""
    return [
        row
        for period_type in PeriodType
        for kind in (None, *WorkItemType)
        for row in await rollups.rows(inside.connection, inside.stream, period_type, kind)
    ]


async def test_the_week_worked_out_by_hand_is_rolled_up(shared_database: Database) -> None:
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        await roll_up_all(inside, F1_WEEK.end + timedelta(days=1))
        days = await rollups.rows(inside.connection, inside.stream, PeriodType.DAY)
        [week] = await rollups.rows(inside.connection, inside.stream, PeriodType.WEEK)
        months = await rollups.rows(inside.connection, inside.stream, PeriodType.MONTH)
    assert [row.throughput for row in days][:7] == [0, 1, 0, 1, 0, 1, 1]
    assert [row.wip for row in days][:7] == [0.75, 1.75, 4, 4, 3.75, 1.25, 1.5]
    assert (week.throughput, week.wip_item_us, week.wip_at_end) == (4, 408 * HOUR_US, 1)
    assert (week.cycle_time_avg, week.cycle_time_p50, week.lead_time_avg) == (66, 60, 79.5)
    assert (week.created_n, week.started_n, week.discarded_n) == (7, 6, 1)
    assert (week.reopened_n, week.recompleted_n) == (1, 1)
    assert (week.period_start, week.period_end) == (F1_WEEK.start, F1_WEEK.end)
    assert months == []  # the month is not over


@stored_test
@given(populations(), zones())
async def test_every_row_is_bit_for_bit_what_the_raw_events_give(
    shared_database: Database, population: Population, tz: ZoneInfo
) -> None:
    """P14: integers, averages and percentiles, for days, weeks and months, by type and for all."""
    async with stored(shared_database, population) as first:
        inside = await in_zone(first, tz)
        await roll_up_all(inside)
        rows = await all_rows(inside)
    for row in rows:
        expected = expected_rows(row, population.histories, population.stream)
        assert {name: getattr(row, name) for name in expected} == expected, row
    if population.histories:
        assert {row.period_type for row in rows} == set(PeriodType)
        assert {row.type_filter for row in rows} == {"", *WorkItemType}
        assert not any(row.stale for row in rows)


@dataclass(frozen=True)
class Changed:
    """What the test did to an item, as the use cases do it."""

    inside: Stored

    async def late(self, item_id: int, stage: str, at: datetime) -> None:
        item = await work_items.lock(self.inside.connection, item_id)
        if item.cancelled_at is None or at <= item.cancelled_at:
            last = item.facts.last_transition_at
            added_last = last is None or at >= last or item.cancelled_at is not None
            await self.inside.append(item_id, stage, at)
            await self.mark(at, None if added_last else last)

    async def void(self, item_id: int, which: int) -> None:
        item = await work_items.lock(self.inside.connection, item_id)
        log = await self.inside.log(item_id)
        if item.cancelled_at is None and log:
            mistaken = log[which % len(log)]
            await self.inside.void(item_id, mistaken.id, HORIZON)
            last = item.facts.last_transition_at
            await self.mark(mistaken.timestamp, None if mistaken.timestamp == last else last)

    async def mark(self, at: datetime, through: datetime | None) -> None:
        await invalidations.invalidate(
            self.inside.connection, self.inside.stream.id, at, HORIZON, through
        )


@st.composite
def changes(draw: st.DrawFn, population: Population) -> list[tuple[str, int, str, datetime]]:
    stages = st.sampled_from([stage.name for stage in population.stream.stages])
    one = st.tuples(st.sampled_from(["late", "void"]), st.integers(0, 20), stages, instants())
    return draw(st.lists(one, max_size=5))


async def apply(inside: Stored, change: tuple[str, int, str, datetime]) -> None:
    verb, number, stage, at = change
    if not inside.ids:
        return
    item_id = inside.ids[number % len(inside.ids)]
    if verb == "late":
        await Changed(inside).late(item_id, stage, at)
    else:
        await Changed(inside).void(item_id, number)


async def everything(connection: Connection) -> list[tuple[Any, ...]]:
    """Count all events of all streams, with nothing kept."""
    rows = await connection.execute(_EVERYTHING, {"bounds": list(negated(BUCKET_HOURS))})
    return sorted((*row[:6], int(row[6])) for row in rows)


async def scraped(connection: Connection) -> list[tuple[Any, ...]]:
    """Count as a scrape does."""
    found = await observations.counts(connection, negated(BUCKET_HOURS))
    return sorted(astuple(count) for count in found)


@stored_test
@given(populations(), zones(), st.data())
async def test_a_scrape_counts_everything_at_every_moment_and_corrections_lead_to_a_rebuild(
    shared_database: Database, population: Population, tz: ZoneInfo, data: st.DataObject
) -> None:
    """P14: filling by batches, closing more days, corrections and imports, in any order."""
    async with stored(shared_database, population) as first:
        inside = await in_zone(first, tz)
        connection = inside.connection
        closed = sorted(data.draw(st.lists(instants(), min_size=1, max_size=3)))
        later = data.draw(st.lists(histories(population.stream), max_size=2))
        long = data.draw(st.sampled_from([LONG, timedelta(days=2)]))
        for settled in closed:
            await roll_up(connection, inside.stream.id, BUCKET_HOURS, settled, long=long)
            assert await scraped(connection) == await everything(connection)
            for change in data.draw(changes(population)):
                await apply(inside, change)
                assert await scraped(connection) == await everything(connection)
        await inside.merge(later)
        assert await scraped(connection) == await everything(connection)
        seen = await observe(connection)
        await roll_up_all(inside, closed[-1], long)
        assert replace(await observe(connection), rollup_lag=seen.rollup_lag) == seen
        corrected = await kept_rows(connection, inside.stream)
        assert not any(row.stale for row in await all_rows(inside))
        await rebuild(connection, inside.stream.id, BUCKET_HOURS, settled=closed[-1])
        assert await kept_rows(connection, inside.stream) == corrected
        await connection.execute(text("DELETE FROM flow_metrics"))
        await rebuild(connection, inside.stream.id, BUCKET_HOURS, settled=closed[-1])
        assert await kept_rows(connection, inside.stream) == corrected
