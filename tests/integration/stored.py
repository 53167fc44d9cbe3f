"""Generated populations in PostgreSQL, for one example each: stored, measured, rolled back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from sqlalchemy import URL, insert, select, text, update

from app.domain.transition import RecordedTransition, Transition
from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemFacts, ItemHistory, WorkItem, WorkItemType
from app.domain.working_time import WorkingCalendar, to_plain
from app.flow.calendar import Window
from app.flow.summary import FlowSummary, summarise
from app.flow.times import item_times
from app.flow.working_time import WorkingClock
from app.store import (
    clocks,
    histories,
    measurements,
    tables,
    transitions,
    value_streams,
    work_items,
)
from app.store.database import Connection, Database
from app.store.flow_summary import flow_summary
from app.store.histories import Merged
from tests.strategies import BASE, HORIZON, SPAN, Population

agreement_test = settings(max_examples=80, deadline=None)
"""For the comparison of what is stored with its definition."""

stored_test = settings(agreement_test, max_examples=20)
"""For laws that follow from it. On a CI server Hypothesis draws the same examples every time."""

PERCENTILES = ("p50", "p85", "p95")


@dataclass(frozen=True)
class Stored:
    """A population's stream with its items, seen over the connection that stored them."""

    connection: Connection
    stream: ValueStream
    ids: tuple[int, ...] = ()

    async def beside(self, population: Population) -> "Stored":
        """Store another population too, on a stream of its own."""
        stream = await store_stream(self.connection, population.stream)
        empty = Stored(self.connection, stream)
        return replace(empty, ids=(await empty.merge(population.histories)).ids)

    async def merge(self, told: Sequence[ItemHistory]) -> Merged:
        """Put histories in, as an import does."""
        await histories.prepare(self.connection, self.stream)
        return await histories.merge(self.connection, self.stream, told)

    async def summary(
        self, window: Window, types: Sequence[WorkItemType] | None = None
    ) -> FlowSummary:
        """Let the database summarise."""
        selection = measurements.Selection(self.stream.id, window, types)
        return await flow_summary(self.connection, selection)

    async def append(self, item_id: int, to_stage: str, timestamp: datetime) -> int:
        """Add one row to an item's log wherever it belongs in time, and derive what follows."""
        item = await work_items.lock(self.connection, item_id)
        stage, move = self.stream.stage(to_stage), Transition(to_stage, timestamp)
        added = await transitions.add(self.connection, item, None, stage, move)
        await transitions.derive_facts(self.connection, [item_id])
        return added

    async def void(self, item_id: int, transition_id: int, now: datetime) -> None:
        """Take one row out of an item's history, and derive what follows."""
        await transitions.void(self.connection, transition_id, "a mistake", now)
        await transitions.derive_facts(self.connection, [item_id])

    async def item(self, item_id: int) -> WorkItem:
        """Read an item."""
        return await work_items.get(self.connection, item_id)

    async def log(self, item_id: int) -> list[RecordedTransition]:
        """Read an item's history as it stands."""
        return await transitions.history(self.connection, item_id)


async def wind(
    inside: Stored, calendar: WorkingCalendar, zone: ZoneInfo
) -> tuple[Stored, WorkingClock]:
    """Give the stream a calendar and its clock, for the time in which generated items live."""
    working_time = {"working_time": to_plain(calendar), "time_zone": str(zone)}
    streams = tables.value_streams
    await inside.connection.execute(
        update(streams).where(streams.c.id == inside.stream.id).values(working_time)
    )
    stream = await value_streams.load_by_id(inside.connection, inside.stream.id)
    since, until = BASE - SPAN, HORIZON + 2 * SPAN
    found = clocks.working_time(stream, since.date(), until.date())
    await clocks.write(inside.connection, stream.id, found)
    return replace(inside, stream=stream), WorkingClock(found, since, until)


@asynccontextmanager
async def stored(database: Database, population: Population) -> AsyncIterator[Stored]:
    """Store a population for the block's time."""
    async with database.connect() as connection:
        empty = Stored(connection, await store_stream(connection, population.stream))
        yield replace(empty, ids=(await empty.merge(population.histories)).ids)


async def store_stream(connection: Connection, stream: ValueStream) -> ValueStream:
    """Return the stream as stored, with its ids; the default stream is there already."""
    if stream.key == "default":
        return await value_streams.load(connection)
    added = await connection.execute(
        insert(tables.value_streams)
        .values(key=stream.key, name=stream.name)
        .returning(tables.value_streams.c.id)
    )
    stream_id = added.scalar_one()
    await connection.execute(
        insert(tables.stages),
        [
            {
                "value_stream_id": stream_id,
                "name": stage.name,
                "order": stage.order,
                "type": stage.type,
                "category": stage.category,
            }
            for stage in stream.stages
        ],
    )
    return await value_streams.load(connection, stream.key)


def summary_by_definition(population: Population, window: Window) -> FlowSummary:
    """Summarise in plain Python what could be known at the window's `as_of`."""
    items = [item_times(told, population.stream, window.as_of) for told in population.histories]
    return summarise(items, window)


def facts_by_definition(told: ItemHistory, stream: ValueStream) -> ItemFacts:
    """Tell an item's facts from its normal form."""
    times = item_times(told, stream)
    last = times.visits[-1] if times.visits else None
    return ItemFacts(
        created_at=times.created,
        started_at=times.started,
        finished_at=times.finished,
        stage_id=last.stage.id if last else None,
        stage_since=last.entered if last else None,
        last_transition_at=max((move.timestamp for move in told.transitions), default=None),
    )


def assert_same(measured: FlowSummary, expected: FlowSummary) -> None:
    """Hold two summaries equal: integers exactly, percentiles to a billionth."""
    assert integers(measured) == integers(expected)
    for name, expected_value in percentiles(expected).items():
        value = percentiles(measured)[name]
        assert value == (expected_value and pytest.approx(expected_value, rel=1e-9, abs=0)), name


def integers(summary: FlowSummary) -> dict[str, int]:
    """Return every exact figure of a summary by its name; all of them are integers."""
    figures = asdict(summary)
    for clock in ("cycle", "lead"):
        sample = figures.pop(clock)
        figures |= {f"{clock}_{name}": sample[name] for name in ("count", "sum_us")}
    assert {type(figure) for figure in figures.values()} == {int}
    return figures


def percentiles(summary: FlowSummary) -> dict[str, float | None]:
    """Return every percentile of a summary by its name, in seconds."""
    samples = {"cycle": summary.cycle, "lead": summary.lead}
    return {
        f"{clock}_{p}": getattr(sample, p) for clock, sample in samples.items() for p in PERCENTILES
    }


async def table_rows(connection: Connection, *names: str) -> dict[str, list[tuple[object, ...]]]:
    """Return the whole content of tables, to see whether something changed."""
    return {
        name: [tuple(row) for row in await connection.execute(text(f"TABLE {name} ORDER BY 1"))]
        for name in names
    }


async def broken_links(connection: Connection, stream_id: int | None = None) -> list[int]:
    """Find the moves whose stored visit, the one that they ended, is not the one before them.

    The list of their ids is empty for a sound log, of one stream or of all.
    """
    columns = tables.stage_transitions.c
    moves = (
        select(
            columns.id,
            columns.work_item_id,
            columns.from_stage_id,
            columns.from_stage_since,
            columns.to_stage_id,
            columns.timestamp,
        )
        .where(columns.voided_at.is_(None))
        .order_by(columns.work_item_id, columns.timestamp, columns.id)
    )
    if stream_id is not None:
        moves = moves.where(columns.value_stream_id == stream_id)
    broken = []
    for _, log in groupby(await connection.execute(moves), key=attrgetter("work_item_id")):
        visit = (None, None)
        for move in log:
            if (move.from_stage_id, move.from_stage_since) != visit:
                broken.append(move.id)
            if move.to_stage_id != visit[0]:
                visit = (move.to_stage_id, move.timestamp)
    return broken


async def until_one_waits(connection: Connection, lock: str = "transactionid") -> None:
    """Return when some session of this database waits for a lock of this kind."""
    waiting = text(
        """
        SELECT count(*) FROM pg_locks
        WHERE NOT granted AND locktype = :lock AND pid IN (
            SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database
            WHERE d.datname = current_database())
        """
    )
    async with asyncio.timeout(60):
        while not await connection.scalar(waiting, {"lock": lock}):  # noqa: ASYNC110 - only asking
            await asyncio.sleep(0.01)


def environment(url: URL) -> dict[str, str]:
    """Write a URL as the variables that the service is configured by."""
    host, port = url.query.get("host", url.host), url.query.get("port", url.port or 5432)
    return {
        "DATABASE_HOST": str(host),
        "DATABASE_PORT": str(port),
        "DATABASE_NAME": url.database or "",
        "DATABASE_USER": url.username or "",
        "DATABASE_PASSWORD": url.password or "not asked for",
    }
