"""A new definition reads all history anew: the numbers are those of histories told in its words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.stream_changes import difference
from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import DEFAULT_STREAM
from app.flow.calendar import Window
from app.flow.times import item_times
from app.flow.value_stream_map import value_stream_map
from app.store import measurements, value_streams, work_items
from app.store.database import Database
from app.usecases.configure import apply
from app.usecases.export_streams import export
from app.usecases.map_stream import map_stream
from app.usecases.plan_streams import plan
from app.usecases.scope import Scope
from tests.integration.stored import (
    Stored,
    assert_same,
    broken_links,
    facts_by_definition,
    stored,
    stored_test,
    summary_by_definition,
    table_rows,
)
from tests.redefinitions import Redefinition, definitions, redefinitions
from tests.strategies import HORIZON, Population, populations, windows

NOW = HORIZON
CONFIGURED = (
    "value_streams",
    "stages",
    "allowed_moves",
    "stage_limits",
    "stream_versions",
    "stage_transitions",
    "work_items",
    "working_spans",
)


@st.composite
def redefined_populations(draw: st.DrawFn) -> tuple[Population, list[Redefinition]]:
    """Draw a population, and one or two definitions, each of what the one before has made."""
    population = draw(populations())
    steps = [draw(redefinitions(population.stream))]
    if draw(st.booleans()):
        steps.append(draw(redefinitions(steps[0].definition.stream, "Newer")))
    return population, steps


async def put_in_force(inside: Stored, steps: list[Redefinition]) -> Stored:
    for step in steps:
        await apply(inside.connection, [step.definition], NOW)
    stream = await value_streams.load(inside.connection, inside.stream.key)
    return replace(inside, stream=stream)


def reread(population: Population, steps: list[Redefinition], inside: Stored) -> Population:
    """Tell the population in the words of the last definition, as stored."""
    told = population.histories
    for step in steps:
        told = step.reread(told)
    return Population(inside.stream, told)


@stored_test
@given(redefined_populations(), windows())
async def test_the_summary_and_the_facts_are_those_of_the_new_definition(
    shared_database: Database,
    drawn: tuple[Population, list[Redefinition]],
    window: Window,
) -> None:
    population, steps = drawn
    async with stored(shared_database, population) as first:
        inside = await put_in_force(first, steps)
        expected = reread(population, steps, inside)
        assert_same(await inside.summary(window), summary_by_definition(expected, window))
        for told, item_id in zip(expected.histories, inside.ids, strict=True):
            facts = (await work_items.get(inside.connection, item_id)).facts
            assert facts == facts_by_definition(told, inside.stream)
        assert await broken_links(inside.connection, inside.stream.id) == []


@stored_test
@given(redefined_populations(), windows())
async def test_the_map_is_that_of_the_new_definition(
    shared_database: Database,
    drawn: tuple[Population, list[Redefinition]],
    window: Window,
) -> None:
    population, steps = drawn
    async with stored(shared_database, population) as first:
        inside = await put_in_force(first, steps)
        told = reread(population, steps, inside)
        items = [item_times(each, inside.stream, window.as_of) for each in told.histories]
        expected = value_stream_map(items, inside.stream, window)
        extent = await measurements.extent(inside.connection, inside.stream.id, NOW)
        scope = Scope(inside.stream, window, inside.stream.zone_info, None, extent)
        found = await map_stream(inside.connection, scope)
    assert found.ladder == expected.ladder
    assert found.quality == expected.quality
    for one, other in zip(found.presence.stages, expected.presence.stages, strict=True):
        assert (one.stage, one.occupancy_us, one.at_end) == (
            other.stage,
            other.occupancy_us,
            other.at_end,
        )


@stored_test
@given(redefined_populations())
async def test_applying_a_definition_again_changes_nothing(
    shared_database: Database, drawn: tuple[Population, list[Redefinition]]
) -> None:
    population, steps = drawn
    async with stored(shared_database, population) as inside:
        await put_in_force(inside, steps)
        before = await table_rows(inside.connection, *CONFIGURED)
        again = await apply(inside.connection, [steps[-1].definition], NOW + timedelta(days=1))
        assert not again.changed
        assert await table_rows(inside.connection, *CONFIGURED) == before


@settings(stored_test, max_examples=8)  # winding a clock takes a second
@given(st.lists(definitions(), min_size=1, max_size=2), st.booleans())
async def test_applying_an_export_changes_nothing(
    shared_database: Database, drawn: list[StreamDefinition], is_default: bool
) -> None:
    async with stored(shared_database, Population(DEFAULT_STREAM, ())) as inside:
        for each in drawn:
            stream = replace(each.stream, is_default=is_default)
            await apply(inside.connection, [replace(each, stream=stream)], NOW)
            exported = await export(inside.connection, [stream.key])
            assert exported == [StreamDefinition(stream)]
        before = await table_rows(inside.connection, *CONFIGURED)
        everything = await export(inside.connection)
        first = "generated" if is_default else "default"
        assert everything[0].stream.key == first
        assert not (await apply(inside.connection, everything, NOW)).changed
        assert await table_rows(inside.connection, *CONFIGURED) == before


@stored_test
@given(populations(), st.data())
async def test_a_plan_changes_nothing_and_tells_what_applying_gives(
    shared_database: Database, population: Population, data: st.DataObject
) -> None:
    step = data.draw(redefinitions(population.stream))
    now = HORIZON - timedelta(days=50)  # so that last quarter has what was drawn
    async with stored(shared_database, population) as inside:
        before = await table_rows(inside.connection, *CONFIGURED)
        planned = await plan(inside.connection, [step.definition], now)
        assert await table_rows(inside.connection, *CONFIGURED) == before
        applied = await apply(inside.connection, [step.definition], now)
        [told], [made] = planned.streams, applied.streams
        assert told.applied.changes == made.changes
        again = await plan(inside.connection, [step.definition], now)
        assert not again.changed
        if not made.changes:
            return
        assert told.before is not None
        assert told.after is not None
        window = told.after.scope.window
        summary = await replace(inside, stream=made.stream).summary(window)
        assert told.after.measurement.summary == summary
        expected = Population(made.stream, step.reread(population.histories))
        assert_same(told.after.measurement.summary, summary_by_definition(expected, window))
        assert_same(told.before.measurement.summary, summary_by_definition(population, window))


@stored_test
@given(populations(), st.data())
async def test_what_was_recorded_is_kept_beside_what_it_means_now(
    shared_database: Database, population: Population, data: st.DataObject
) -> None:
    """Ids of stages stay; of a stage that is merged away the log keeps which one was meant."""
    step = data.draw(redefinitions(population.stream))
    recorded = text(
        "SELECT id, coalesce(recorded_stage_id, to_stage_id) FROM stage_transitions ORDER BY id"
    )
    async with stored(shared_database, population) as inside:
        before = [tuple(row) for row in await inside.connection.execute(recorded)]
        await put_in_force(inside, [step])
        assert [tuple(row) for row in await inside.connection.execute(recorded)] == before


@stored_test
@given(populations(), st.data())
async def test_the_definitions_get_a_version_exactly_when_the_past_is_read_in_another_way(
    shared_database: Database, population: Population, data: st.DataObject
) -> None:
    step = data.draw(redefinitions(population.stream))
    async with stored(shared_database, population) as inside:
        current = inside.stream
        found = difference(current, step.definition)
        applied = await apply(inside.connection, [step.definition], NOW)
        new = applied.streams[0].stream
    bumped: Any = new.definitions_version - current.definitions_version
    assert bumped == int(found.reinterprets)
    orders = [new.stage(step.names[old.name]) for old in current.stages]
    same_order = [stage.order for stage in orders] == sorted({stage.order for stage in orders})
    same_kinds = [stage.category for stage in orders] == [old.category for old in current.stages]
    same_zones = [new.zone(stage) for stage in orders] == [
        current.zone(old) for old in current.stages
    ]
    assert bumped == int(not (same_order and same_kinds and same_zones))
