"""An item's facts are those of its log, whichever way and in whichever order the log came about."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM, ValueStream
from app.domain.work_item import ItemFacts, ItemHistory, WorkItemType
from app.store import transitions
from app.store.database import Database
from app.usecases.move import Expectation, Move, move
from tests.integration.stored import (
    agreement_test,
    broken_links,
    facts_by_definition,
    stored,
    stored_test,
    table_rows,
)
from tests.strategies import BASE, HORIZON, Population, instants, populations

ANYBODY = Expectation()
DAY = timedelta(days=1)


def folded(told: ItemHistory, stream: ValueStream) -> ItemFacts:
    """Build the facts up move by move, as they are kept while work goes on."""
    facts = ItemFacts(created_at=told.created_at)
    for each in sorted(told.transitions, key=lambda made: made.timestamp):
        stage = stream.stage(each.to_stage)
        facts = facts.after(stage, stream.zone(stage), each.timestamp)
    return facts


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[ItemHistory, list[Transition]]:
    """Draw an item whose moves happened at distinct instants, and an order of their delivery."""
    stages = st.sampled_from([stage.name for stage in DEFAULT_STREAM.stages])
    times = sorted(draw(st.sets(instants(), min_size=1, max_size=6)))
    moves = [
        Transition(draw(stages), at, source_event_id=f"event-{n}") for n, at in enumerate(times)
    ]
    created = draw(st.one_of(st.just(times[0]), instants()))
    told = ItemHistory("generated", WorkItemType.TASK, created, tuple(moves))
    return told, draw(st.permutations(moves))


@agreement_test
@given(populations())
async def test_facts_derived_in_sql_are_those_of_the_normal_form_and_of_the_fold(
    shared_database: Database, population: Population
) -> None:
    """Three ways to the same facts: from the log at once, by definition, and move by move."""
    async with stored(shared_database, population) as inside:
        for item_id, told in zip(inside.ids, population.histories, strict=True):
            item = await inside.item(item_id)
            assert item.facts == facts_by_definition(told, inside.stream)
            assert item.facts == folded(told, inside.stream)
            assert item.cancelled_at == told.cancelled_at
        assert await broken_links(inside.connection) == []


@stored_test
@given(deliveries(), st.data())
async def test_the_order_of_delivery_does_not_matter(
    shared_database: Database, delivery: tuple[ItemHistory, list[Transition]], data: st.DataObject
) -> None:
    """P11: moves told one by one in any order, some again, leave what the whole history leaves."""
    told, order = delivery
    nothing = Population(DEFAULT_STREAM, (replace(told, transitions=()),))
    async with stored(shared_database, nothing) as inside:
        [item_id] = inside.ids
        for each in [*order, *data.draw(st.lists(st.sampled_from(order), max_size=3))]:
            asked = Move(each.to_stage, each.timestamp, source_event_id=each.source_event_id)
            await move(inside.connection, item_id, asked, ANYBODY)
        item = await inside.item(item_id)
        log = await inside.log(item_id)
        assert await broken_links(inside.connection) == []
    assert item.facts == facts_by_definition(told, inside.stream)
    assert item.version == 1 + len(order)
    assert [each.source_event_id for each in log] == [
        each.source_event_id for each in told.transitions
    ]


@stored_test
@given(deliveries())
async def test_deriving_everything_anew_changes_nothing(
    shared_database: Database, delivery: tuple[ItemHistory, list[Transition]]
) -> None:
    """P14: what was kept up to date move by move is what a rebuild gives, chain and facts."""
    told, order = delivery
    nothing = Population(DEFAULT_STREAM, (replace(told, transitions=()),))
    async with stored(shared_database, nothing) as inside:
        for each in order:
            asked = Move(each.to_stage, each.timestamp)
            await move(inside.connection, inside.ids[0], asked, ANYBODY)
        before = await table_rows(inside.connection, "work_items", "stage_transitions")
        await transitions.derive_facts(inside.connection, inside.ids)
        assert await table_rows(inside.connection, "work_items", "stage_transitions") == before


@stored_test
@given(populations(), st.data())
async def test_facts_forget_what_was_voided(
    shared_database: Database, population: Population, data: st.DataObject
) -> None:
    """P13: the facts, and the stage that each move left, are those of the moves that remain."""
    async with stored(shared_database, population) as inside:
        for item_id, told in zip(inside.ids, population.histories, strict=True):
            log = await inside.log(item_id)
            told_in_order = sorted(told.transitions, key=lambda made: made.timestamp)
            remaining = []
            for recorded, each in zip(log, told_in_order, strict=True):
                if data.draw(st.booleans()):
                    await inside.void(item_id, recorded.id, HORIZON)
                else:
                    remaining.append(each)
            item = await inside.item(item_id)
            left = replace(told, transitions=tuple(remaining))
            assert item.facts == facts_by_definition(left, inside.stream)
        assert await broken_links(inside.connection) == []


async def test_an_item_whose_every_move_was_voided_is_as_if_it_had_never_moved(
    shared_database: Database,
) -> None:
    moved = ItemHistory(
        "moved",
        WorkItemType.TASK,
        BASE,
        (Transition("Analysis", BASE - DAY), Transition("Production", BASE + DAY)),
    )
    async with stored(shared_database, Population(DEFAULT_STREAM, (moved,))) as inside:
        [item_id] = inside.ids
        for recorded in await inside.log(item_id):
            await inside.void(item_id, recorded.id, HORIZON)
        assert (await inside.item(item_id)).facts == ItemFacts(created_at=BASE)
