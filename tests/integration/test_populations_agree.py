"""The items listed behind a number are those that the definition counts, and no others."""

from collections.abc import Callable
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from app.domain.block import Block
from app.domain.value_stream import Stage
from app.domain.visit import Ending
from app.flow.calendar import Window
from app.flow.reopening import DEFAULT_FOLLOW_UP, came_back
from app.flow.times import ItemTimes, item_times
from app.store import populations, work_items
from app.store.database import Database
from app.store.populations import Population
from tests.integration.stored import Stored, agreement_test, stored
from tests.integration.test_blocked_agrees import tell
from tests.integration.test_value_stream_map_agrees import windows_seen_at_any_time
from tests.strategies import Population as Told
from tests.strategies import populations as told_populations
from tests.strategies import windows
from tests.unit.flow.test_blocked import blocks

Belongs = Callable[[ItemTimes, Window], bool]


def _is_open(item: ItemTimes, window: Window) -> bool:
    closed = [at for at in (item.finished, item.cancelled) if at is not None]
    return item.created < window.end and all(at >= window.end for at in closed)


BY_DEFINITION: dict[Population, Belongs] = {
    Population.THROUGHPUT: lambda item, window: item.finished in window,
    Population.STARTED: lambda item, window: item.started in window,
    Population.CREATED: lambda item, window: item.created in window,
    Population.DISCARDED: lambda item, window: item.discarded in window,
    Population.REOPENED: lambda item, window: any(at in window for at in item.reopened_at),
    Population.RECOMPLETED: lambda item, window: any(at in window for at in item.recompleted_at),
    Population.DECOMMITTED: lambda item, window: any(at in window for at in item.decommitted_at),
    Population.WIP_NOW: lambda item, window: item.in_process(window.as_of),
    Population.WIP_AT_END: lambda item, window: item.in_process(window.last),
    Population.BACKLOG: lambda item, window: any(window.last in span for span in item.todo),
    Population.OPEN: _is_open,
    Population.CAME_BACK: lambda item, window: (
        item.finished in window and came_back(item, DEFAULT_FOLLOW_UP)
    ),
}


def _in_stage(item: ItemTimes, window: Window, stage: Stage) -> bool:
    return any(
        visit.stage == stage
        and visit.entered < window.end
        and (visit.exited is None or visit.exited >= window.end)
        for visit in item.visits
    )


async def _listed(
    seen: Stored, population: Population, window: Window, stage: Stage | None = None
) -> set[int]:
    found = await work_items.find(
        seen.connection,
        work_items.ItemQuery(
            stream_id=seen.stream.id,
            population=populations.condition(population, seen.stream, window, stage),
            limit=1000,
        ),
    )
    return {item.id for item in found}


@given(told=told_populations(), window=windows(), population=st.sampled_from([*BY_DEFINITION]))
@agreement_test
async def test_a_population_is_listed_as_it_is_defined(
    shared_database: Database, told: Told, window: Window, population: Population
) -> None:
    async with stored(shared_database, told) as seen:
        expected = {
            item_id
            for item_id, history in zip(seen.ids, told.histories, strict=True)
            if BY_DEFINITION[population](item_times(history, told.stream, window.as_of), window)
        }
        assert await _listed(seen, population, window) == expected


@given(told=told_populations(), window=windows(), data=st.data())
@agreement_test
async def test_the_items_in_a_stage_are_those_whose_visit_covers_the_windows_end(
    shared_database: Database, told: Told, window: Window, data: st.DataObject
) -> None:
    stage = data.draw(st.sampled_from(told.stream.stages))
    async with stored(shared_database, told) as seen:
        expected = {
            item_id
            for item_id, history in zip(seen.ids, told.histories, strict=True)
            if _in_stage(item_times(history, told.stream, window.as_of), window, stage)
        }
        same = seen.stream.stage(stage.name)
        assert await _listed(seen, Population.IN_STAGE, window, same) == expected


@given(told=told_populations(), window=windows(), data=st.data())
@agreement_test
async def test_the_items_that_left_or_entered_a_stage_are_those_with_such_a_visit(
    shared_database: Database, told: Told, window: Window, data: st.DataObject
) -> None:
    stage = data.draw(st.sampled_from(told.stream.stages))
    async with stored(shared_database, told) as seen:
        entered, left = set[int](), set[int]()
        for item_id, history in zip(seen.ids, told.histories, strict=True):
            times = item_times(history, told.stream, window.as_of)
            visits = [visit for visit in times.visits if visit.stage == stage]
            if any(visit.entered in window for visit in visits):
                entered.add(item_id)
            if any(visit.exited in window and visit.ending is Ending.MOVED for visit in visits):
                left.add(item_id)
        same = seen.stream.stage(stage.name)
        assert await _listed(seen, Population.ENTERED_STAGE, window, same) == entered
        assert await _listed(seen, Population.LEFT_STAGE, window, same) == left


@given(
    told=told_populations(),
    told_blocks=st.lists(blocks(), max_size=6),
    window=windows_seen_at_any_time(),
)
@agreement_test
async def test_the_blocked_items_are_those_in_process_that_a_block_covers_at_as_of(
    shared_database: Database, told: Told, told_blocks: list[list[Block]], window: Window
) -> None:
    async with stored(shared_database, told) as seen:
        of_items = await tell(seen, told_blocks)
        expected = {
            item_id
            for item_id, history, spans in zip(seen.ids, told.histories, of_items, strict=True)
            if item_times(history, told.stream, window.as_of).in_process(window.as_of)
            and any(_lasts(span, window.as_of) for span in spans)
        }
        assert await _listed(seen, Population.BLOCKED_NOW, window) == expected
        query = work_items.ItemQuery(
            stream_id=seen.stream.id,
            population=populations.condition(Population.BLOCKED_NOW, seen.stream, window),
        )
        assert await work_items.count(seen.connection, query) == len(expected)


def _lasts(span: Block, instant: datetime) -> bool:
    return span.started <= instant and (span.ended is None or span.ended > instant)


def test_every_population_has_a_definition_here() -> None:
    others = {*populations.OF_ONE_STAGE, Population.BLOCKED_NOW}
    assert {*BY_DEFINITION} | others == {*Population}
