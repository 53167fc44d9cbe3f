"""Merging the blocks of whole histories: known ones stay, open ones may end, none comes twice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.block import Block
from app.domain.work_item import ItemHistory
from app.store import blocks, value_streams
from app.store.database import Connection, Database
from app.usecases.block import unblock, void_block
from app.usecases.move import Expectation
from tests.integration.stored import Stored, stored, stored_test, table_rows
from tests.integration.test_histories import at, keyed, told
from tests.strategies import Population, populations
from tests.unit.flow.test_blocked import blocks as some_blocks

TABLES = ("work_items", "stage_transitions", "item_blocks")
OPEN = Block("Impediment", at(1), None, "flag-1")
ENDED = replace(OPEN, ended=at(3))


@pytest.fixture
async def inside(scratch: Connection) -> Stored:
    """The default stream, empty."""
    return Stored(scratch, await value_streams.load(scratch))


def blocked(*these: Block) -> ItemHistory:
    return replace(told("A", ("Development", 0)), blocks=these)


async def known(inside: Stored, item_id: int) -> list[Block]:
    """Return what is kept of an item's blocks."""
    return [
        Block(each.reason, each.started_at, each.ended_at, each.source_event_id)
        for each in await blocks.of_item(inside.connection, item_id, with_voided=True)
    ]


async def test_a_newer_state_ends_what_was_open_and_adds_what_is_new(inside: Stored) -> None:
    first = await inside.merge([blocked(OPEN)])
    later = Block("waits for legal", at(4), None, "flag-2")
    second = await inside.merge([blocked(ENDED, later)])
    assert (first.blocks_created, first.blocks_ended) == (1, 0)
    assert (second.blocks_created, second.blocks_ended, second.items_updated) == (1, 1, 1)
    (item_id,) = second.ids
    assert await known(inside, item_id) == [ENDED, later]
    assert (await inside.item(item_id)).version == 2


async def test_an_older_state_opens_nothing_again(inside: Stored) -> None:
    (item_id,) = (await inside.merge([blocked(ENDED)])).ids
    again = await inside.merge([blocked(OPEN)])
    assert (again.blocks_created, again.blocks_ended, again.items_unchanged) == (0, 0, 1)
    assert await known(inside, item_id) == [ENDED]


async def test_what_was_ended_or_voided_here_stays_so(inside: Stored) -> None:
    other = Block("Impediment", at(2), None, "flag-2")
    (item_id,) = (await inside.merge([blocked(OPEN, other)])).ids
    first, second = await blocks.of_item(inside.connection, item_id)
    await unblock(inside.connection, item_id, first.id, Expectation(), at(2))
    await void_block(inside.connection, item_id, second.id, Expectation())
    merged = await inside.merge([blocked(ENDED, replace(other, ended=at(5)))])
    assert (merged.blocks_created, merged.blocks_ended) == (0, 0)
    assert await known(inside, item_id) == [replace(OPEN, ended=at(2)), other]


@stored_test
@given(populations(), st.lists(some_blocks(), max_size=6))
async def test_blocks_that_were_imported_before_change_nothing(
    shared_database: Database, population: Population, lists: list[list[Block]]
) -> None:
    plain = keyed(population).histories
    of_items = [*lists, *([] for _ in plain)][: len(plain)]
    histories = tuple(
        replace(
            history,
            blocks=tuple(replace(one, source_event_id=f"b{n}") for n, one in enumerate(each)),
        )
        for history, each in zip(plain, of_items, strict=True)
    )
    async with stored(shared_database, replace(population, histories=histories)) as inside:
        before = await table_rows(inside.connection, *TABLES)
        again = await inside.merge(histories)
        assert await table_rows(inside.connection, *TABLES) == before
        for item_id, history in zip(inside.ids, histories, strict=True):
            kept = await known(inside, item_id)
            assert sorted(kept, key=str) == sorted(history.blocks, key=str)
    assert (again.blocks_created, again.blocks_ended, again.items_updated) == (0, 0, 0)
