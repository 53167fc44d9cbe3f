"""What Prometheus is told comes from the database: counted once, in the right bucket."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType
from app.store import measurements, value_streams
from app.store.database import Connection
from app.telemetry import BUCKET_HOURS
from app.usecases.observe import observe
from tests.fixture_f1 import F1
from tests.integration.stored import Stored
from tests.strategies import BASE, HORIZON, Population

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
async def inside(scratch: Connection) -> Stored:
    return Stored(scratch, await value_streams.load(scratch))


def taking(duration: timedelta) -> ItemHistory:
    """An item with this cycle time."""
    moves = (Transition("Analysis", BASE), Transition("Production", BASE + duration))
    return ItemHistory("took", WorkItemType.TASK, BASE, moves)


async def test_an_empty_database_counts_to_zero_in_every_stage(scratch: Connection) -> None:
    seen = await observe(scratch)
    assert (seen.created, seen.completed, seen.transitions) == ({}, {}, {})
    assert seen.in_progress == {
        ("Backlog", "todo"): 0,
        ("Analysis", "doing"): 0,
        ("Development", "doing"): 0,
        ("Testing", "doing"): 0,
        ("Deployment", "doing"): 0,
        ("Production", "done"): 0,
    }
    assert seen.cycle_time.counts == (0,) * (len(BUCKET_HOURS) + 1)
    assert seen.cycle_time.total_hours == 0


async def test_the_week_worked_out_by_hand_is_counted(inside: Stored) -> None:
    await inside.merge(F1)
    seen = await observe(inside.connection)
    assert seen.created == {"feature": 2, "bug": 2, "task": 2, "epic": 1}
    assert seen.completed == {"feature": 2, "bug": 2}
    assert seen.in_progress["Development", "doing"] == 1
    assert seen.in_progress["Analysis", "doing"] == 0  # the item there was cancelled
    assert seen.in_progress["Production", "done"] == 4
    assert seen.in_progress["Backlog", "todo"] == 1
    assert seen.transitions["", "Backlog"] == 6
    assert seen.transitions["Testing", "Production"] == 3
    assert seen.transitions["Production", "Testing"] == 1
    assert sum(seen.transitions.values()) == sum(len(told.transitions) for told in F1)
    # cycle times of 96, 120, 24 and 24 hours
    assert dict(zip(BUCKET_HOURS, seen.cycle_time.counts, strict=False)) == {
        hours: 0 if hours < 24 else 2 if hours < 168 else 4 for hours in BUCKET_HOURS
    }
    assert seen.cycle_time.total_hours == 264


@pytest.mark.parametrize("hours", BUCKET_HOURS)
async def test_an_upper_bound_belongs_to_its_bucket(inside: Stored, hours: int) -> None:
    bucket = BUCKET_HOURS.index(hours)
    bound = hours * HOUR
    await inside.merge([taking(bound - MICROSECOND), taking(bound), taking(bound + MICROSECOND)])
    counts = (await observe(inside.connection)).cycle_time.counts
    assert counts[bucket] == 2
    assert counts[bucket + 1] == 3
    assert counts[-1] == 3


async def test_work_done_at_once_lies_in_the_first_bucket_and_ages_in_the_last(
    inside: Stored,
) -> None:
    await inside.merge([taking(timedelta()), taking(timedelta(days=4000))])
    seen = (await observe(inside.connection)).cycle_time
    assert seen.counts == (*[1] * len(BUCKET_HOURS), 2)
    assert seen.total_hours == 4000 * 24


async def test_the_database_may_be_asked_for_other_bounds_in_any_order(inside: Stored) -> None:
    await inside.merge([taking(2 * HOUR), taking(3 * HOUR), taking(5 * HOUR)])
    found = await measurements.counts(inside.connection, [4, 2])
    # buckets are numbered from the largest bound down: up to 2, up to 4, above
    assert found["cycle_time"] == {("2", ""): 1, ("1", ""): 1, ("0", ""): 1}
    assert found["cycle_time_total"] == {("", ""): 10 * 3600}


async def test_a_repeated_move_is_not_counted(inside: Stored) -> None:
    moves = [Transition(stage, BASE) for stage in ("Backlog", "Backlog", "Analysis", "Analysis")]
    await inside.merge([ItemHistory("repeated", WorkItemType.BUG, BASE, tuple(moves))])
    seen = await observe(inside.connection)
    assert seen.transitions == {("", "Backlog"): 1, ("Backlog", "Analysis"): 1}


async def test_a_voided_move_is_not_counted(inside: Stored) -> None:
    merged = await inside.merge([taking(HOUR)])
    [item_id] = merged.ids
    finishing = (await inside.log(item_id))[-1]
    await inside.void(item_id, finishing.id, HORIZON)
    seen = await observe(inside.connection)
    assert seen.transitions == {("", "Analysis"): 1}
    assert seen.completed == {}
    assert seen.in_progress["Analysis", "doing"] == 1
    assert seen.cycle_time.counts[-1] == 0


async def test_streams_that_share_names_of_stages_add_up(inside: Stored) -> None:
    other = type(DEFAULT_STREAM)(key="other", name="Other", stages=DEFAULT_STREAM.stages)
    await inside.beside(Population(other, (taking(HOUR),)))
    await inside.merge([taking(HOUR), taking(HOUR)])
    seen = await observe(inside.connection)
    assert seen.transitions == {("", "Analysis"): 3, ("Analysis", "Production"): 3}
    assert seen.in_progress["Production", "done"] == 3
    assert seen.completed == {"task": 3}


async def test_a_finished_item_that_is_reopened_stays_completed(inside: Stored) -> None:
    [item_id] = (await inside.merge([taking(HOUR)])).ids
    await inside.append(item_id, "Testing", BASE + 2 * HOUR)
    await inside.append(item_id, "Production", BASE + 9 * HOUR)
    seen = await observe(inside.connection)
    assert seen.completed == {"task": 1}
    assert seen.cycle_time.total_hours == 1
    assert await inside.connection.scalar(text("SELECT count(*) FROM work_items")) == 1
