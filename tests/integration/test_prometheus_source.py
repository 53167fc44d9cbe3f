"""What Prometheus is told comes from the database: counted once, in the right bucket."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text

from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType
from app.store import observations, value_streams
from app.store.database import Connection
from app.telemetry import BUCKET_HOURS, QUANTILE_DAYS, QUANTILES, Histogram
from app.usecases.observe import observe
from tests.fixture_f1 import F1, F1_WEEK, HOUR_US
from tests.integration.stored import Stored
from tests.strategies import BASE, HORIZON, Population

Label = TypeVar("Label")

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
async def inside(scratch: Connection) -> Stored:
    return Stored(scratch, await value_streams.load(scratch))


def taking(duration: timedelta) -> ItemHistory:
    """An item with this cycle time."""
    moves = (Transition("Analysis", BASE), Transition("Production", BASE + duration))
    return ItemHistory("took", WorkItemType.TASK, BASE, moves)


def some(numbers: Mapping[Label, int]) -> dict[Label, int]:
    """Leave out the zeros."""
    return {label: number for label, number in numbers.items() if number}


async def test_an_empty_database_counts_to_zero_in_every_stage(scratch: Connection) -> None:
    seen = await observe(scratch)
    nothing = dict.fromkeys(WorkItemType, 0)
    assert (seen.created, seen.completed) == (nothing, nothing)
    stages = [stage.name for stage in DEFAULT_STREAM.stages]
    moves = {(left, entered) for left in ["", *stages] for entered in stages if left != entered}
    assert seen.transitions == dict.fromkeys(moves, 0)
    assert seen.stage_time == dict.fromkeys(stages, Histogram())
    assert (seen.oldest_started, seen.cycle_time_quantiles) == ({}, {})
    assert seen.in_progress == {
        ("Backlog", "todo"): 0,
        ("Analysis", "doing"): 0,
        ("Development", "doing"): 0,
        ("Testing", "doing"): 0,
        ("Deployment", "doing"): 0,
        ("Production", "done"): 0,
    }
    assert seen.cycle_time == seen.lead_time == Histogram()
    assert len(seen.cycle_time.counts) == len(BUCKET_HOURS) + 1


async def test_the_week_worked_out_by_hand_is_counted(inside: Stored) -> None:
    await inside.merge(F1)
    seen = await observe(inside.connection)
    assert seen.created == {"feature": 2, "bug": 2, "task": 2, "epic": 1}
    assert some(seen.completed) == {"feature": 2, "bug": 2}
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
    assert seen.cycle_time.sum_us == 264 * HOUR_US
    assert seen.lead_time.sum_us == 318 * HOUR_US
    ended = {name: (each.counts[-1], each.sum_us) for name, each in seen.stage_time.items()}
    assert ended["Development"] == (5, 168 * HOUR_US)
    assert ended["Testing"] == (5, 108 * HOUR_US)
    assert ended["Production"] == (1, 72 * HOUR_US)
    started = {"Development": F1_WEEK.start + timedelta(days=3)}
    assert seen.oldest_started == {name: at.timestamp() for name, at in started.items()}


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
    assert some(seen.transitions) == {("", "Backlog"): 1, ("Backlog", "Analysis"): 1}


async def test_a_voided_move_is_not_counted(inside: Stored) -> None:
    merged = await inside.merge([taking(HOUR)])
    [item_id] = merged.ids
    finishing = (await inside.log(item_id))[-1]
    await inside.void(item_id, finishing.id, HORIZON)
    seen = await observe(inside.connection)
    assert some(seen.transitions) == {("", "Analysis"): 1}
    assert some(seen.completed) == {}
    assert seen.in_progress["Analysis", "doing"] == 1
    assert seen.cycle_time.counts[-1] == 0


async def test_streams_that_share_names_of_stages_add_up(inside: Stored) -> None:
    other = type(DEFAULT_STREAM)(key="other", name="Other", stages=DEFAULT_STREAM.stages)
    await inside.beside(Population(other, (taking(HOUR),)))
    await inside.merge([taking(HOUR), taking(HOUR)])
    seen = await observe(inside.connection)
    assert some(seen.transitions) == {("", "Analysis"): 3, ("Analysis", "Production"): 3}
    assert seen.in_progress["Production", "done"] == 3
    assert some(seen.completed) == {"task": 3}


async def test_a_finished_item_that_is_reopened_stays_completed(inside: Stored) -> None:
    [item_id] = (await inside.merge([taking(HOUR)])).ids
    await inside.append(item_id, "Testing", BASE + 2 * HOUR)
    await inside.append(item_id, "Production", BASE + 9 * HOUR)
    seen = await observe(inside.connection)
    assert some(seen.completed) == {"task": 1}
    assert seen.cycle_time.sum_us == HOUR_US
    assert await inside.connection.scalar(text("SELECT count(*) FROM work_items")) == 1


async def test_quantiles_are_of_the_last_thirty_days(inside: Stored) -> None:
    now = await inside.connection.scalar(text("SELECT now()"))
    recent = [
        replace(
            taking(n * HOUR),
            created_at=now - n * HOUR,
            transitions=(
                Transition("Analysis", now - n * HOUR),
                Transition("Production", now),
            ),
        )
        for n in (1, 2, 4)
    ]
    await inside.merge([*recent, taking(9 * HOUR)])
    seen = await observe(inside.connection)
    assert seen.cycle_time_quantiles == {0.5: 2 * 3600, 0.85: 3.4 * 3600, 0.95: 3.8 * 3600}


async def test_kept_quantiles_are_told_while_they_are_fresh(inside: Stored) -> None:
    connection = inside.connection
    await observations.keep_cycle_time_quantiles(connection, QUANTILES, QUANTILE_DAYS)
    assert (await observe(connection)).cycle_time_quantiles == {}
    await connection.execute(text("UPDATE recent_quantiles SET cycle_time_seconds = 7"))
    assert (await observe(connection)).cycle_time_quantiles == dict.fromkeys(QUANTILES, 7)
    await connection.execute(text("UPDATE recent_quantiles SET measured_at = now() - time '01:00'"))
    assert (await observe(connection)).cycle_time_quantiles == {}
