"""What Prometheus is told comes from the database: counted once, in the right bucket."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text

from app import jobs
from app.domain.block import Block
from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType
from app.store import (
    blocks,
    invalidations,
    observations,
    recent_measures,
    value_streams,
    work_items,
)
from app.store.database import Connection, Database, transaction
from app.store.recent_measures import Measure
from app.telemetry import BUCKET_HOURS, Histogram, Recent
from app.usecases.measure_recent import measure_recent
from app.usecases.observe import observe
from app.usecases.roll_up import roll_up
from tests.fixture_f1 import F1, F1_WEEK, HOUR_US
from tests.integration.stored import Stored
from tests.strategies import BASE, HORIZON, Population

Label = TypeVar("Label")
KEY = DEFAULT_STREAM.key

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
async def inside(scratch: Connection) -> Stored:
    return Stored(scratch, await value_streams.load(scratch))


def taking(duration: timedelta) -> ItemHistory:
    """An item with this cycle time."""
    moves = (Transition("Analysis", BASE), Transition("Production", BASE + duration))
    return ItemHistory("took", WorkItemType.TASK, BASE, moves)


def some(numbers: Mapping[Label, float]) -> dict[Label, float]:
    """Leave out the zeros."""
    return {label: number for label, number in numbers.items() if number}


async def test_an_empty_database_counts_to_zero_in_every_stage(scratch: Connection) -> None:
    seen = await observe(scratch)
    nothing = {(KEY, str(kind)): 0 for kind in WorkItemType}
    assert (seen.created, seen.completed) == (nothing, nothing)
    stages = [stage.name for stage in DEFAULT_STREAM.stages]
    moves = {
        (KEY, left, entered) for left in ["", *stages] for entered in stages if left != entered
    }
    assert seen.transitions == dict.fromkeys(moves, 0)
    assert seen.stage_time == {(KEY, stage): Histogram() for stage in stages}
    assert (seen.oldest_started, seen.last_event, seen.recent) == ({}, {}, Recent())
    assert seen.in_progress == {
        (KEY, "Backlog", "todo"): 0,
        (KEY, "Analysis", "doing"): 0,
        (KEY, "Development", "doing"): 0,
        (KEY, "Testing", "doing"): 0,
        (KEY, "Deployment", "doing"): 0,
        (KEY, "Production", "done"): 0,
    }
    assert seen.blocked == {(KEY, stage): 0 for stage in stages if stage != "Production"}
    assert seen.rollup_lag == {(KEY,): 0}
    assert seen.cycle_time == seen.lead_time == {(KEY,): Histogram()}
    assert len(seen.cycle_time[KEY,].counts) == len(BUCKET_HOURS) + 1


async def test_the_week_worked_out_by_hand_is_counted(inside: Stored) -> None:
    await inside.merge(F1)
    seen = await observe(inside.connection)
    created = {kind: number for (_, kind), number in seen.created.items()}
    assert created == {"feature": 2, "bug": 2, "task": 2, "epic": 1}
    assert some(seen.completed) == {(KEY, "feature"): 2, (KEY, "bug"): 2}
    assert seen.in_progress[KEY, "Development", "doing"] == 1
    assert seen.in_progress[KEY, "Analysis", "doing"] == 0  # the item there was cancelled
    assert seen.in_progress[KEY, "Production", "done"] == 4
    assert seen.in_progress[KEY, "Backlog", "todo"] == 1
    assert seen.transitions[KEY, "", "Backlog"] == 6
    assert seen.transitions[KEY, "Testing", "Production"] == 3
    assert seen.transitions[KEY, "Production", "Testing"] == 1
    moves = [move for told in F1 for move in told.transitions]
    assert sum(seen.transitions.values()) == len(moves)
    assert seen.last_event == {(KEY,): max(move.timestamp for move in moves).timestamp()}
    # cycle times of 96, 120, 24 and 24 hours
    assert dict(zip(BUCKET_HOURS, seen.cycle_time[KEY,].counts, strict=False)) == {
        hours: 0 if hours < 24 else 2 if hours < 168 else 4 for hours in BUCKET_HOURS
    }
    assert seen.cycle_time[KEY,].sum_us == 264 * HOUR_US
    assert seen.lead_time[KEY,].sum_us == 318 * HOUR_US
    ended = {name: (each.counts[-1], each.sum_us) for (_, name), each in seen.stage_time.items()}
    assert ended["Development"] == (5, 168 * HOUR_US)
    assert ended["Testing"] == (5, 108 * HOUR_US)
    assert ended["Production"] == (1, 72 * HOUR_US)
    started = F1_WEEK.start + timedelta(days=3)
    assert seen.oldest_started == {(KEY, "Development"): started.timestamp()}


@pytest.mark.parametrize("hours", BUCKET_HOURS)
async def test_an_upper_bound_belongs_to_its_bucket(inside: Stored, hours: int) -> None:
    bucket = BUCKET_HOURS.index(hours)
    bound = hours * HOUR
    await inside.merge([taking(bound - MICROSECOND), taking(bound), taking(bound + MICROSECOND)])
    counts = (await observe(inside.connection)).cycle_time[KEY,].counts
    assert counts[bucket] == 2
    assert counts[bucket + 1] == 3
    assert counts[-1] == 3


async def test_work_done_at_once_lies_in_the_first_bucket_and_ages_in_the_last(
    inside: Stored,
) -> None:
    await inside.merge([taking(timedelta()), taking(timedelta(days=4000))])
    seen = (await observe(inside.connection)).cycle_time[KEY,]
    assert seen.counts == (*[1] * len(BUCKET_HOURS), 2)
    assert seen.sum_us == 4000 * 24 * HOUR_US


async def test_buckets_are_numbered_from_the_smallest_bound_up(inside: Stored) -> None:
    await inside.merge([taking(2 * HOUR), taking(3 * HOUR), taking(5 * HOUR)])
    found = await observations.counts(inside.connection, [-4 * 3600, -2 * 3600])
    finished = {each.bucket: (each.n, each.sum_us) for each in found if each.series == "finished"}
    assert finished == {0: (1, 2 * HOUR_US), 1: (1, 3 * HOUR_US), 2: (1, 5 * HOUR_US)}


async def test_a_repeated_move_is_not_counted(inside: Stored) -> None:
    moves = [Transition(stage, BASE) for stage in ("Backlog", "Backlog", "Analysis", "Analysis")]
    await inside.merge([ItemHistory("repeated", WorkItemType.BUG, BASE, tuple(moves))])
    seen = await observe(inside.connection)
    assert some(seen.transitions) == {
        (KEY, "", "Backlog"): 1,
        (KEY, "Backlog", "Analysis"): 1,
    }


async def test_a_voided_move_is_not_counted(inside: Stored) -> None:
    merged = await inside.merge([taking(HOUR)])
    [item_id] = merged.ids
    finishing = (await inside.log(item_id))[-1]
    await inside.void(item_id, finishing.id, HORIZON)
    seen = await observe(inside.connection)
    assert some(seen.transitions) == {(KEY, "", "Analysis"): 1}
    assert some(seen.completed) == {}
    assert seen.in_progress[KEY, "Analysis", "doing"] == 1
    assert seen.cycle_time[KEY,].counts[-1] == 0


async def test_streams_that_share_names_of_stages_are_told_apart(inside: Stored) -> None:
    other = type(DEFAULT_STREAM)(key="other", name="Other", stages=DEFAULT_STREAM.stages)
    await inside.beside(Population(other, (taking(HOUR),)))
    await inside.merge([taking(HOUR), taking(2 * HOUR)])
    seen = await observe(inside.connection)
    expected = {KEY: 2, "other": 1}
    for key, number in expected.items():
        assert seen.transitions[key, "", "Analysis"] == number
        assert seen.in_progress[key, "Production", "done"] == number
        assert seen.stage_time[key, "Analysis"].counts[-1] == number
    assert some(seen.completed) == {(key, "task"): number for key, number in expected.items()}
    assert {key: each.sum_us for (key,), each in seen.cycle_time.items()} == {
        KEY: 3 * HOUR_US,
        "other": HOUR_US,
    }


async def test_an_item_is_blocked_once_until_its_last_block_ends(inside: Stored) -> None:
    connection = inside.connection
    begun = ItemHistory("begun", WorkItemType.BUG, BASE, (Transition("Testing", BASE),))
    [item_id] = (await inside.merge([begun])).ids
    item = await work_items.lock(connection, item_id)
    first, second = [await blocks.add(connection, item, Block(why, BASE)) for why in ("a", "b")]
    assert some((await observe(connection)).blocked) == {(KEY, "Testing"): 1}
    await blocks.change(connection, first.id, ended_at=BASE + HOUR)
    assert some((await observe(connection)).blocked) == {(KEY, "Testing"): 1}
    await blocks.change(connection, second.id, voided_at=BASE + HOUR)
    assert some((await observe(connection)).blocked) == {}


async def test_roll_ups_are_behind_until_closed_days_and_changes_are_in_them(
    inside: Stored,
) -> None:
    connection = inside.connection
    await inside.merge([taking(HOUR)])
    now = await connection.scalar(text("SELECT now()"))
    [lag] = (await observe(connection)).rollup_lag.values()
    assert lag == pytest.approx((now - BASE).total_seconds(), abs=2 * 86400)
    while await roll_up(connection, inside.stream.id, BUCKET_HOURS, now):
        pass
    assert (await observe(connection)).rollup_lag == {(KEY,): 0}
    await invalidations.invalidate(connection, inside.stream.id, BASE, now)
    await connection.execute(
        text("UPDATE rollup_invalidations SET recorded_at = now() - time '00:10'")
    )
    assert (await observe(connection)).rollup_lag == {(KEY,): 600}


async def test_a_finished_item_that_is_reopened_stays_completed(inside: Stored) -> None:
    [item_id] = (await inside.merge([taking(HOUR)])).ids
    await inside.append(item_id, "Testing", BASE + 2 * HOUR)
    await inside.append(item_id, "Production", BASE + 9 * HOUR)
    seen = await observe(inside.connection)
    assert some(seen.completed) == {(KEY, "task"): 1}
    assert seen.cycle_time[KEY,].sum_us == HOUR_US
    assert await inside.connection.scalar(text("SELECT count(*) FROM work_items")) == 1


async def test_the_last_days_are_measured_by_a_job_as_the_api_measures_them(
    database: Database,
) -> None:
    async with transaction(database) as connection:
        inside = Stored(connection, await value_streams.load(connection))
        now = await connection.scalar(text("SELECT now()"))
        recent = [
            replace(
                taking(n * HOUR),
                created_at=now - 2 * n * HOUR,
                transitions=(
                    Transition("Backlog", now - 2 * n * HOUR),
                    Transition("Analysis", now - n * HOUR),
                    Transition("Production", now),
                ),
            )
            for n in (1, 2, 4, 8, 16, 32)
        ]
        await inside.merge([*recent, taking(9 * HOUR)])
    assert await jobs.measure_streams(database) == 1
    assert await jobs.measure_streams(database) == 0, "another process has just done it"
    async with transaction(database) as connection:
        seen = (await observe(connection)).recent
    hours = {"0.5": 6, "0.85": 20, "0.95": 28}
    assert seen.cycle_times == {(KEY, q, "30d"): h * 3600 for q, h in hours.items()}
    assert seen.lead_times == {(KEY, q, "30d"): 2 * h * 3600 for q, h in hours.items()}
    visits = {(stage, q): s for (_, stage, q, _), s in seen.stage_times.items()}
    for stage in ("Backlog", "Analysis"):
        assert {q: visits[stage, q] for q in hours} == {q: h * 3600 for q, h in hours.items()}
    assert seen.throughput == {(KEY, "7d"): 6, (KEY, "30d"): 6}
    assert seen.expectations == {(KEY, "0.85"): 32 * 3600}
    assert seen.bottlenecks == {(KEY, "", "insufficient_data"): 1}
    assert {stage: share for (_, stage), share in seen.shares.items() if share} == {"Analysis": 1}


async def test_measures_that_are_old_are_not_told(database: Database) -> None:
    async with transaction(database) as connection:
        stream, measures = await measure_recent(connection, KEY)
    assert Measure("throughput", "", "30d", 0) in measures
    async with transaction(database) as connection:
        for _ in range(2):  # the latest replace the earlier ones
            await recent_measures.keep(connection, stream.id, measures)
        assert (await observe(connection)).recent.throughput == {(KEY, "7d"): 0, (KEY, "30d"): 0}
        await connection.execute(
            text("UPDATE recent_measures SET measured_at = now() - time '01:00'")
        )
        assert (await observe(connection)).recent == Recent()
        assert await recent_measures.due(connection) == [KEY]
