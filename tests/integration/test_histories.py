"""Merging whole histories: what is known stays, what is new comes in, and all of it or none."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from asyncpg import CheckViolationError
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.errors import DatabaseUnavailable, UnknownStage
from app.domain.transition import ActorKind, Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType
from app.store import histories, transitions, value_streams, work_items
from app.store.database import Connection, Database, transaction
from app.store.histories import Merged
from app.usecases.cancel import cancel, restore
from app.usecases.create import Creation, create
from app.usecases.ingest import CHUNK, ingest
from app.usecases.move import Expectation, Move, move, void
from tests.integration.stored import (
    Stored,
    broken_links,
    stored,
    stored_test,
    table_rows,
    until_one_waits,
)
from tests.strategies import BASE, HORIZON, Population, populations

HOUR = timedelta(hours=1)
TABLES = ("work_items", "stage_transitions")


def at(hour: int) -> datetime:
    return BASE + hour * HOUR


def told(
    key: str | None, *moves: tuple[str, int], title: str = "told", cancelled: int | None = None
) -> ItemHistory:
    """Write a history as (stage, hour) pairs; the hour names the source's event."""
    return ItemHistory(
        title=title,
        type=WorkItemType.FEATURE,
        created_at=at(moves[0][1]) if moves else BASE,
        transitions=tuple(
            Transition(stage, at(hour), source_event_id=f"at-{hour}") for stage, hour in moves
        ),
        key=key,
        source=key and "tracker",
        cancelled_at=None if cancelled is None else at(cancelled),
        cancel_reason=None if cancelled is None else "not needed",
    )


def keyed(population: Population) -> Population:
    """Give every item a key and every move an event id, as trackers do."""
    return replace(
        population,
        histories=tuple(
            replace(
                each,
                key=f"K-{number}",
                source="tracker",
                transitions=tuple(
                    replace(made, source_event_id=f"event-{position}")
                    for position, made in enumerate(each.transitions)
                ),
            )
            for number, each in enumerate(population.histories)
        ),
    )


@pytest.fixture
async def inside(scratch: Connection) -> Stored:
    """The default stream, empty."""
    return Stored(scratch, await value_streams.load(scratch))


async def merge(database: Database, items: Sequence[ItemHistory]) -> Merged:
    """Import into the default stream, in a transaction of its own."""
    async with transaction(database) as connection:
        stream = await value_streams.load(connection)
        await histories.prepare(connection, stream)
        return await histories.merge(connection, stream, items)


async def counted(connection: Connection) -> tuple[int, int]:
    """Count items and moves."""
    items = await connection.scalar(text("SELECT count(*) FROM work_items"))
    moves = await connection.scalar(text("SELECT count(*) FROM stage_transitions"))
    return int(items), int(moves)


async def outcome(inside: Stored) -> list[tuple[object, ...]]:
    """Tell what became of each item, by the names of stages: ids differ from time to time."""
    told_of: list[tuple[object, ...]] = []
    for item_id in inside.ids:
        item = await inside.item(item_id)
        moves = [(m.from_stage, m.to_stage, m.timestamp) for m in await inside.log(item_id)]
        told_of.append((replace(item.facts, stage_id=None), item.cancelled_at, moves))
    return told_of


@stored_test
@given(populations())
async def test_what_was_imported_before_changes_nothing(
    shared_database: Database, population: Population
) -> None:
    """P11: not a row differs after the second time, versions and times of change included."""
    known = keyed(population)
    async with stored(shared_database, known) as inside:
        before = await table_rows(inside.connection, *TABLES)
        again = await inside.merge(known.histories)
        assert await table_rows(inside.connection, *TABLES) == before
    assert again == Merged(
        items_unchanged=len(known.histories),
        transitions_known=sum(len(each.transitions) for each in known.histories),
        ids=inside.ids,
        known=frozenset(inside.ids),
    )


@stored_test
@given(populations(), st.data())
async def test_a_history_told_in_parts_ends_as_one_told_at_once(
    shared_database: Database, population: Population, data: st.DataObject
) -> None:
    """P11: an export taken while work went on, and a later one, give what the later one gives."""
    known = keyed(population)
    earlier = tuple(
        replace(
            each,
            transitions=each.transitions[: data.draw(st.integers(0, len(each.transitions)))],
            cancelled_at=None,
        )
        for each in known.histories
    )
    async with stored(shared_database, known) as inside:
        at_once = await outcome(inside)
    async with stored(shared_database, replace(known, histories=earlier)) as inside:
        assert (await inside.merge(known.histories)).ids == inside.ids
        assert await outcome(inside) == at_once
        assert await broken_links(inside.connection) == []


async def test_a_newer_state_extends_an_item(inside: Stored) -> None:
    first = await inside.merge([told("A", ("Backlog", 0), ("Development", 2))])
    second = await inside.merge(
        [told("A", ("Backlog", 0), ("Analysis", 1), ("Development", 2), ("Production", 3))]
    )
    assert (first.items_created, first.transitions_created) == (1, 2)
    assert (second.items_updated, second.transitions_created, second.transitions_known) == (1, 2, 2)
    assert second.ids == first.ids
    log = await inside.log(first.ids[0])
    assert [(each.from_stage, each.to_stage) for each in log] == [
        (None, "Backlog"),
        ("Backlog", "Analysis"),
        ("Analysis", "Development"),
        ("Development", "Production"),
    ]
    item = await inside.item(first.ids[0])
    assert (item.facts.started_at, item.facts.finished_at, item.version) == (at(1), at(3), 2)


async def test_one_change_to_an_item_is_one_version_whatever_it_consists_of(
    inside: Stored,
) -> None:
    await inside.merge([told("A", ("Backlog", 0))])
    merged = await inside.merge(
        [told("A", ("Backlog", 0), ("Analysis", 1), title="renamed", cancelled=2)]
    )
    item = await inside.item(merged.ids[0])
    assert (merged.items_updated, item.version) == (1, 2)
    assert (item.title, item.cancelled_at, item.cancel_reason) == ("renamed", at(2), "not needed")


async def test_a_title_and_a_type_follow_the_source(inside: Stored) -> None:
    known = told("A", ("Backlog", 0))
    [item_id] = (await inside.merge([known])).ids
    merged = await inside.merge([replace(known, title="better", type=WorkItemType.BUG)])
    item = await inside.item(item_id)
    assert (item.title, item.type, merged.items_updated) == ("better", WorkItemType.BUG, 1)


async def test_work_that_moved_on_is_no_longer_cancelled(inside: Stored) -> None:
    [item_id] = (await inside.merge([told("A", ("Backlog", 0), cancelled=1)])).ids
    await inside.merge([told("A", ("Backlog", 0), ("Analysis", 5))])
    item = await inside.item(item_id)
    assert (item.cancelled_at, item.cancel_reason) == (None, None)
    assert item.facts.last_transition_at == at(5)


async def test_a_late_arrival_from_before_the_cancellation_does_not_lift_it(
    inside: Stored,
) -> None:
    [item_id] = (await inside.merge([told("A", ("Backlog", 0), cancelled=5)])).ids
    await inside.merge([told("A", ("Backlog", 0), ("Analysis", 5))])
    item = await inside.item(item_id)
    assert (item.cancelled_at, item.facts.last_transition_at) == (at(5), at(5))


async def test_work_taken_up_again_may_be_cancelled_again(inside: Stored) -> None:
    [item_id] = (await inside.merge([told("A", ("Backlog", 0), cancelled=1)])).ids
    await inside.merge([told("A", ("Backlog", 0), ("Analysis", 5), cancelled=7)])
    assert (await inside.item(item_id)).cancelled_at == at(7)


async def test_a_cancellation_from_before_the_last_known_move_is_outdated(inside: Stored) -> None:
    [item_id] = (await inside.merge([told("A", ("Backlog", 0), ("Analysis", 5))])).ids
    merged = await inside.merge([told("A", ("Backlog", 0), cancelled=3)])
    assert (await inside.item(item_id)).cancelled_at is None
    assert merged.items_unchanged == 1


async def test_the_first_cancellation_told_stays(inside: Stored) -> None:
    [item_id] = (await inside.merge([told("A", ("Backlog", 0), cancelled=3)])).ids
    merged = await inside.merge([told("A", ("Backlog", 0), cancelled=9)])
    assert (await inside.item(item_id)).cancelled_at == at(3)
    assert merged.items_unchanged == 1


async def test_a_voided_move_stays_voided_when_it_is_told_again(inside: Stored) -> None:
    known = told("A", ("Backlog", 0), ("Production", 1), ("Testing", 2))
    [item_id] = (await inside.merge([known])).ids
    mistaken = (await inside.log(item_id))[1]
    await void(inside.connection, item_id, mistaken.id, "not released at all")
    merged = await inside.merge([known])
    assert (merged.items_unchanged, merged.transitions_known) == (1, 3)
    log = await inside.log(item_id)
    assert [(each.from_stage, each.to_stage) for each in log] == [
        (None, "Backlog"),
        ("Backlog", "Testing"),
    ]
    assert (await inside.item(item_id)).facts.finished_at is None


async def test_items_without_a_key_are_new_every_time(inside: Stored) -> None:
    items = [told(None, ("Backlog", 0)), told(None, ("Backlog", 0)), told(None)]
    first, second = await inside.merge(items), await inside.merge(items)
    assert first.items_created == second.items_created == 3
    assert [*first.ids, *second.ids] == sorted({*first.ids, *second.ids})


async def test_ids_are_given_in_the_order_of_the_list_and_told_in_it(inside: Stored) -> None:
    [known] = (await inside.merge([told("B", ("Backlog", 0))])).ids
    listed = [told("C"), told("B", ("Backlog", 0)), told(None, ("Backlog", 9)), told("A")]
    merged = await inside.merge(listed)
    assert merged.ids[1] == known
    new = [merged.ids[0], *merged.ids[2:]]
    assert new == sorted(new)
    assert new[0] > known
    keys = [(await inside.item(item_id)).external_key for item_id in merged.ids]
    assert keys == ["C", "B", None, "A"]


async def test_moves_at_one_instant_keep_the_order_in_which_they_were_told(inside: Stored) -> None:
    same = [Transition(stage, BASE) for stage in ("Testing", "Backlog", "Analysis")]
    history = ItemHistory("tied", WorkItemType.TASK, BASE, tuple(same))
    [item_id] = (await inside.merge([history])).ids
    log = await inside.log(item_id)
    assert [each.to_stage for each in log] == ["Testing", "Backlog", "Analysis"]
    assert [each.id for each in log] == sorted(each.id for each in log)


async def test_one_event_of_a_source_counts_once_within_an_item(inside: Stored) -> None:
    repeated = Transition("Analysis", at(1), source_event_id="same")
    history = replace(told("A", ("Backlog", 0)), transitions=(repeated, repeated))
    elsewhere = replace(history, key="B")
    merged = await inside.merge([history, elsewhere])
    assert (merged.transitions_created, merged.transitions_known) == (2, 2)


async def test_what_a_source_said_of_a_move_is_kept(inside: Stored) -> None:
    said = Transition(
        "Testing",
        at(1),
        from_stage="Development",
        source_event_id="e",
        reason="ready",
        actor_kind=ActorKind.AGENT,
    )
    unheard_of = Transition("Deployment", at(2), from_stage="Somewhere")
    history = ItemHistory("said", WorkItemType.TASK, BASE, (said, unheard_of))
    [item_id] = (await inside.merge([history])).ids
    [first, second] = await inside.log(item_id)
    assert (first.from_stage, first.reason, first.actor_kind, first.source_event_id) == (
        None,  # derived from the log: nothing came before
        "ready",
        ActorKind.AGENT,
        "e",
    )
    assert second.from_stage == "Testing"
    asserted = await inside.connection.execute(
        text("SELECT asserted_from_stage_id FROM stage_transitions ORDER BY id DESC LIMIT 2")
    )
    assert asserted.scalars().all() == [None, inside.stream.stage("Development").id]


async def test_a_creation_claimed_after_the_first_move_is_kept_but_does_not_count(
    inside: Stored,
) -> None:
    late = replace(told("A", ("Backlog", 1)), created_at=at(4))
    item = await inside.item((await inside.merge([late])).ids[0])
    assert (item.created_at, item.facts.created_at) == (at(4), at(1))


async def test_one_key_may_be_used_by_two_sources_and_in_two_streams(inside: Stored) -> None:
    known = told("A", ("Stage 1", 0))
    other_stream = replace(
        DEFAULT_STREAM,
        key="other",
        stages=tuple(replace(s, name=f"Stage {s.order}") for s in DEFAULT_STREAM.stages),
    )
    beside = await inside.beside(Population(other_stream, (known,)))
    moves = told("A", ("Backlog", 0))
    merged = await inside.merge([moves, replace(moves, source="another")])
    assert merged.items_created == 2
    assert len({*merged.ids, *beside.ids}) == 3


async def test_an_unknown_stage_is_refused(inside: Stored) -> None:
    with pytest.raises(UnknownStage):
        await inside.merge([told("A", ("Backlog", 0)), told("B", ("Nowhere", 1))])
    assert await counted(inside.connection) == (0, 0)


async def test_nothing_at_all_may_be_merged(inside: Stored) -> None:
    assert await inside.merge([]) == Merged()


async def test_many_items_come_in_by_chunks_in_order(inside: Stored) -> None:
    many = [told(f"K-{n}", ("Backlog", 0), ("Production", 1)) for n in range(CHUNK + 1)]
    steps: list[int] = []
    ingested = await ingest(
        inside.connection, inside.stream, many, now=HORIZON, progress=steps.append
    )
    assert steps == [CHUNK, 1]
    assert ingested.merged.items_created == CHUNK + 1
    assert list(ingested.merged.ids) == sorted(ingested.merged.ids)
    assert (ingested.first_at, ingested.last_at) == (at(0), at(1))
    assert ingested.by_stage == {"Backlog": CHUNK + 1, "Production": CHUNK + 1}


async def test_imports_of_the_same_items_at_once_make_each_item_once(database: Database) -> None:
    items = [told(f"K-{n}", ("Backlog", 0), ("Analysis", n)) for n in range(1, 50)]
    merges = await asyncio.gather(
        merge(database, items),
        merge(database, items[::-1]),
        merge(database, items[10:40]),
    )
    assert sum(each.items_created for each in merges) == 49
    assert sum(each.transitions_created for each in merges) == 98
    async with transaction(database) as connection:
        assert await counted(connection) == (49, 98)


async def test_imports_and_moves_of_the_same_items_at_once_end_well(database: Database) -> None:
    items = [told(f"K-{n}", ("Backlog", 0), ("Analysis", 1)) for n in range(20)]
    ids = (await merge(database, items)).ids
    newer = [told(f"K-{n}", ("Backlog", 0), ("Analysis", 1), ("Testing", 2)) for n in range(20)]

    async def move_all(order: Sequence[int]) -> None:
        for item_id in order:
            async with transaction(database) as connection:
                await move(connection, item_id, Move("Development"), Expectation())

    await asyncio.gather(
        merge(database, newer[::-1]),
        move_all(ids),
        merge(database, newer),
        move_all(ids[::-1]),
    )
    async with transaction(database) as connection:
        assert await counted(connection) == (20, 100)
        assert await broken_links(connection) == []
        before = await table_rows(connection, *TABLES)
        await transitions.derive_facts(connection, ids)
        assert await table_rows(connection, *TABLES) == before


async def test_an_item_created_by_a_request_during_the_import_is_known_to_it(
    database: Database,
) -> None:
    """Its key is free when the import looks, and taken when it writes."""
    creation = Creation(
        "asked for",
        WorkItemType.BUG,
        timestamp=at(0),
        source="tracker",
        external_key="A",
    )
    items = [told("B"), told("A", ("Backlog", 0), ("Analysis", 1)), told("C")]
    async with transaction(database) as request:
        created = (await create(request, creation)).item
        importing = asyncio.create_task(merge(database, items))
        await until_one_waits(request)
    merged = await importing
    assert (merged.items_created, merged.items_updated) == (2, 1)
    assert merged.ids[1] == created.id
    async with transaction(database) as connection:
        item = await work_items.get(connection, created.id)
        assert (item.title, item.facts.last_transition_at) == ("told", at(1))
        assert await broken_links(connection) == []


async def test_an_import_killed_in_the_middle_leaves_nothing(database: Database) -> None:
    async def import_and_die() -> None:
        async with transaction(database) as connection:
            stream = await value_streams.load(connection)
            await histories.prepare(connection, stream)
            await histories.merge(connection, stream, [told("A", ("Backlog", 0))])
            own = await connection.scalar(text("SELECT pg_backend_pid()"))
            async with transaction(database) as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})
            await histories.merge(connection, stream, [told("B", ("Backlog", 0))])

    with pytest.raises(DatabaseUnavailable):
        await import_and_die()
    async with transaction(database) as connection:
        assert await counted(connection) == (0, 0)
    assert (await merge(database, [told("A", ("Backlog", 0))])).items_created == 1


async def test_an_import_whose_server_dies_while_rows_are_copied_is_told_as_such(
    database: Database,
) -> None:
    """COPY goes past SQLAlchemy to the driver, whose errors mean the same."""

    async def die_and_copy() -> None:
        async with transaction(database) as connection:
            stream = await value_streams.load(connection)
            await histories.prepare(connection, stream)
            driver = (await connection.get_raw_connection()).driver_connection
            own = await connection.scalar(text("SELECT pg_backend_pid()"))
            async with transaction(database) as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})
            assert driver is not None
            await driver.copy_records_to_table("staged_items", records=[(1,)], columns=["position"])

    with pytest.raises(DatabaseUnavailable):
        await die_and_copy()


async def test_a_failed_import_leaves_nothing(database: Database) -> None:
    nameless = replace(told("B", ("Backlog", 0)), title="")
    with pytest.raises(CheckViolationError):
        await merge(database, [told("A", ("Backlog", 0)), nameless])
    async with transaction(database) as connection:
        assert await counted(connection) == (0, 0)


async def test_an_item_restored_by_hand_can_be_moved_by_the_next_import(
    database: Database,
) -> None:
    [item_id] = (await merge(database, [told("A", ("Backlog", 0))])).ids
    async with transaction(database) as connection:
        await cancel(connection, item_id, "not needed", at(2))
    async with transaction(database) as connection:
        await restore(connection, item_id)
    await merge(database, [told("A", ("Backlog", 0), ("Analysis", 1), ("Testing", 4))])
    async with transaction(database) as connection:
        item = await work_items.get(connection, item_id)
    assert (item.cancelled_at, item.facts.last_transition_at) == (None, at(4))


@stored_test
@given(populations())
async def test_new_items_are_written_with_the_facts_that_their_log_gives(
    shared_database: Database, population: Population
) -> None:
    """Moves and facts that were computed from what was staged are those derived from the log."""
    async with stored(shared_database, keyed(population)) as inside:
        before = await table_rows(inside.connection, *TABLES)
        await transitions.derive_facts(inside.connection, inside.ids)
        assert await table_rows(inside.connection, *TABLES) == before
