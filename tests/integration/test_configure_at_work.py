"""Definitions change while others are at work: each waits for the other, and nothing is torn."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from app.domain.errors import UnknownStage
from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import WorkItemType
from app.store import definition_locks, transitions, work_items
from app.store.database import Connection, Database, transaction
from app.usecases.configure import Applied, apply
from app.usecases.create import Creation, create
from app.usecases.move import Expectation, Move, move
from tests.integration.stored import broken_links, until_one_waits

MERGED = StreamDefinition(
    replace(
        DEFAULT_STREAM,
        stages=tuple(stage for stage in DEFAULT_STREAM.stages if stage.name != "Testing"),
    ),
    {"Development": ("Testing",)},
)
"""The default stream, where Testing is part of Development."""


async def test_a_move_waits_for_a_definition_and_then_names_a_stage_that_is_no_more(
    database: Database,
) -> None:
    async with transaction(database) as connection:
        new = Creation("Pay", WorkItemType.FEATURE, stage="Testing")
        item = (await create(connection, new)).item

    async def move_to(stage: str) -> None:
        async with transaction(database) as moving:
            await move(moving, item.id, Move(stage), Expectation())

    async with transaction(database) as applying:
        await definition_locks.own(applying, item.stream_id)
        waiting = [asyncio.create_task(move_to(name)) for name in ("Testing", "Deployment")]
        async with transaction(database) as watching:
            await until_one_waits(watching, "advisory")
        # the one that waits holds no row that the definition needs
        await apply(applying, [MERGED])
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], UnknownStage)
    assert results[1] is None
    async with transaction(database) as reading:
        log = await transitions.history(reading, item.id)
        assert [(each.from_stage, each.to_stage) for each in log] == [
            (None, "Development"),
            ("Development", "Deployment"),
        ]
        assert await broken_links(reading) == []


async def test_a_definition_waits_for_a_move_that_is_being_made(database: Database) -> None:
    async with transaction(database) as connection:
        created = await create(connection, Creation("Pay", WorkItemType.FEATURE))
        item, stream = created.item, created.stream

    async def apply_it() -> Applied:
        async with transaction(database) as applying:
            return await apply(applying, [MERGED])

    async with transaction(database) as moving:
        await move(moving, item.id, Move("Testing"), Expectation())
        applying = asyncio.create_task(apply_it())
        async with transaction(database) as watching:
            await until_one_waits(watching, "advisory")
    await applying
    async with transaction(database) as reading:
        moved = await work_items.get(reading, item.id)
        assert moved.facts.stage_id == stream.stage("Development").id
        assert await broken_links(reading) == []


async def test_moves_and_definitions_at_one_time_leave_an_unbroken_log(database: Database) -> None:
    plain = StreamDefinition(DEFAULT_STREAM)
    async with transaction(database) as connection:
        ids = [
            (await create(connection, Creation(f"Item {n}", WorkItemType.FEATURE))).item.id
            for n in range(4)
        ]
    outcomes: list[str] = []

    async def do(work: Callable[[Connection], Any]) -> None:
        try:
            async with transaction(database) as own:
                await work(own)
            outcomes.append("done")
        except UnknownStage:
            outcomes.append("no such stage")

    def applying(definition: StreamDefinition) -> Callable[[Connection], Any]:
        return lambda own: apply(own, [definition])

    def to(item_id: int, stage: str) -> Callable[[Connection], Any]:
        return lambda own: move(own, item_id, Move(stage), Expectation())

    stages = ["Analysis", "Testing", "Development", "Testing", "Deployment", "Testing"]
    await asyncio.gather(
        *(do(to(item_id, stage)) for stage in stages for item_id in ids),
        *(do(applying(each)) for each in [MERGED, plain] * 3),
        *(
            do(lambda own: create(own, Creation("New", WorkItemType.BUG, stage="Analysis")))
            for _ in range(4)
        ),
    )
    assert outcomes.count("done") >= 6 + 4
    async with transaction(database) as reading:
        assert await broken_links(reading) == []
        retired = text(
            "SELECT count(*) FROM stage_transitions t "
            "JOIN stages s ON s.id IN (t.to_stage_id, t.from_stage_id) "
            "WHERE s.retired_at IS NOT NULL"
        )
        assert await reading.scalar(retired) == 0
        stale = text(
            "SELECT count(*) FROM work_items i JOIN stages s ON s.id = i.current_stage_id "
            "WHERE s.retired_at IS NOT NULL"
        )
        assert await reading.scalar(stale) == 0


async def test_two_definitions_at_one_time_take_turns(database: Database) -> None:
    other = StreamDefinition(replace(DEFAULT_STREAM, key="other", is_default=False))

    async def apply_it() -> Applied:
        async with transaction(database) as connection:
            return await apply(connection, [other, MERGED])

    found = await asyncio.gather(*(apply_it() for _ in range(4)))
    assert [each.changed for each in found].count(True) == 1
    async with transaction(database) as reading:
        assert await reading.scalar(text("SELECT count(*) FROM stream_versions")) == 2
