"""What the database finds odd is what is defined to be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.connectors import demo
from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType
from app.flow.calendar import Window, rolling_window
from app.flow.data_quality import Finding
from app.flow.irregularities import find
from app.store import data_quality as store
from app.store.database import Database
from app.store.measurements import Selection
from app.telemetry import BUCKET_HOURS
from app.usecases.roll_up import roll_up
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, at, d1, d3, d8, history
from tests.integration.stored import Stored, agreement_test, stored, stored_test
from tests.integration.test_rollups_agree import apply, changes, in_zone, roll_up_all
from tests.strategies import Population, durations, instants, populations, windows, zones

BY_HISTORIES_ALONE = {"silent_sources", "ignored_future"}
"""Rules that need more than histories."""

NOW = datetime(2025, 11, 3, 9, tzinfo=UTC)


@st.composite
def windows_seen_at_any_time(draw: st.DrawFn) -> Window:
    """Draw a window as of its last instant, as of somewhat later, or when everything is known."""
    window = draw(windows())
    later = draw(st.one_of(st.just(timedelta()), durations(), st.none()))
    return window if later is None else replace(window, as_of=window.last + later)


@st.composite
def populations_with_assertions(draw: st.DrawFn) -> Population:
    """Draw items of which some senders say, rightly or not, which stage was left."""
    population = draw(populations())
    stages = st.sampled_from([None, *(stage.name for stage in population.stream.stages)])

    def assert_some(move: Transition) -> Transition:
        return replace(move, from_stage=draw(stages))

    return replace(
        population,
        histories=tuple(
            replace(told, transitions=tuple(map(assert_some, told.transitions)))
            for told in population.histories
        ),
    )


async def measured(
    inside: Stored, window: Window, types: set[WorkItemType] | None = None, first: int = 1000
) -> dict[str, Finding]:
    """Let the database find, and name items by their place as the definition does."""
    selection = Selection(inside.stream.id, window, None if types is None else sorted(types))
    places = {item_id: place for place, item_id in enumerate(inside.ids)}
    findings = await store.findings(inside.connection, selection, first)
    return {
        each.rule.name: replace(each, items=tuple(sorted(places[item] for item in each.items)))
        for each in findings
        if each.rule.name not in BY_HISTORIES_ALONE
    }


@agreement_test
@given(populations_with_assertions(), windows_seen_at_any_time())
async def test_the_database_finds_what_is_defined(
    shared_database: Database, population: Population, window: Window
) -> None:
    async with stored(shared_database, population) as inside:
        findings = await measured(inside, window)
    assert findings == find(population.histories, population.stream, window)


@agreement_test
@given(
    populations_with_assertions(),
    windows_seen_at_any_time(),
    st.sets(st.sampled_from(WorkItemType)),
)
async def test_a_filter_by_type_looks_at_the_items_of_these_types(
    shared_database: Database, population: Population, window: Window, types: set[WorkItemType]
) -> None:
    async with stored(shared_database, population) as inside:
        findings = await measured(inside, window, types)
    chosen = [told for told in population.histories if told.type in types]
    expected = find(chosen, population.stream, window)
    assert {name: replace(each, items=()) for name, each in findings.items()} == {
        name: replace(each, items=()) for name, each in expected.items()
    }


@settings(stored_test, max_examples=10)
@given(populations_with_assertions(), zones(), st.data())
async def test_what_was_kept_and_the_log_give_the_same_findings(
    shared_database: Database, population: Population, tz: ZoneInfo, data: st.DataObject
) -> None:
    """P14: while days are closed, corrected and closed again, for any window and any types."""
    types = st.one_of(st.none(), st.sets(st.sampled_from(WorkItemType)))
    async with stored(shared_database, population) as first:
        inside = await in_zone(first, tz)
        for settled in sorted(data.draw(st.lists(instants(), min_size=1, max_size=2))):
            await roll_up(inside.connection, inside.stream.id, BUCKET_HOURS, settled)
            for change in [None, *data.draw(changes(population))]:
                if change is not None:
                    await apply(inside, change)
                chosen = data.draw(types)
                window = data.draw(windows_seen_at_any_time())
                selection = Selection(
                    inside.stream.id, window, None if chosen is None else sorted(chosen)
                )
                kept = await store.findings(inside.connection, selection, 1000)
                savepoint = await inside.connection.begin_nested()
                await inside.connection.execute(text("DELETE FROM rollup_state"))
                assert kept == await store.findings(inside.connection, selection, 1000)
                await savepoint.rollback()


async def test_pieces_that_another_version_kept_are_searched_afterwards(
    shared_database: Database,
) -> None:
    """Until then they are searched by whoever asks."""
    async with stored(shared_database, Population(F1_STREAM, F1)) as inside:
        await roll_up_all(inside)
        found = await measured(inside, F1_WEEK)
        searched = text("SELECT count(*) FROM kept_searches")
        count = (await inside.connection.execute(searched)).scalar_one()
        # as a version does that does not know of searches
        for statement in (
            "CREATE TEMPORARY TABLE again ON COMMIT DROP AS TABLE kept_items",
            "DELETE FROM kept_items",
            "INSERT INTO kept_items TABLE again",
        ):
            await inside.connection.execute(text(statement))
        assert (await inside.connection.execute(searched)).scalar_one() < count
        assert await measured(inside, F1_WEEK) == found
        await roll_up_all(inside)
        assert (await inside.connection.execute(searched)).scalar_one() == count
        assert await measured(inside, F1_WEEK) == found
    assert found["teleports"].count == 1


@pytest.mark.parametrize(("ago", "days"), [(0, 7), (0, 90), (40, 30), (100, 20)])
async def test_the_database_finds_in_a_made_up_history_what_is_defined(
    shared_database: Database, ago: int, days: int
) -> None:
    """Enough stays for a percentile of them, and an instant in the past."""
    told = tuple(demo.histories(DEFAULT_STREAM, now=NOW, days=150))
    window = rolling_window(NOW - timedelta(days=ago), days)
    async with stored(shared_database, Population(DEFAULT_STREAM, told)) as inside:
        findings = await measured(inside, window)
    assert findings == find(told, DEFAULT_STREAM, window)
    assert findings["long_idle"].population


async def test_a_batch_is_found_and_its_first_items_are_named(shared_database: Database) -> None:
    hour = timedelta(hours=1)
    together = tuple(history(("Analysis", d1 + n * hour), ("Testing", d3)) for n in range(6))
    population = Population(F1_STREAM, together)
    async with stored(shared_database, population) as inside:
        batch = (await measured(inside, F1_WEEK, first=2))["batch_moves"]
    assert (batch.count, batch.population, batch.items_total) == (6, 12, 6)
    assert batch.items == (0, 1)


async def test_a_move_recorded_before_its_time_is_found_until_then(
    shared_database: Database,
) -> None:
    async with stored(shared_database, Population(F1_STREAM, (history(("Backlog", d1)),))) as told:
        now = (await told.connection.execute(text("SELECT now()"))).scalar_one()
        await told.append(told.ids[0], "Analysis", now + timedelta(minutes=4))
        selection = Selection(told.stream.id, rolling_window(now, 7))
        early = await store.findings(told.connection, selection, 5)
        later = replace(selection, window=rolling_window(now + timedelta(hours=1), 7))
        in_time = await store.findings(told.connection, later, 5)
    by_name = {each.rule.name: (each.count, each.population) for each in early}
    assert by_name["ignored_future"] == (1, 1)
    by_name = {each.rule.name: (each.count, each.population) for each in in_time}
    assert by_name["ignored_future"] == (0, 1)


async def test_a_source_that_went_silent_is_named(shared_database: Database) -> None:
    def steady(source: str, hours: int) -> ItemHistory:
        stages = ("Analysis", "Development")
        moves = [(stages[n % 2], d1 + timedelta(hours=n)) for n in range(hours)]
        return replace(history(*moves), source=source, key="1")

    items = (
        steady("lively", 7 * 24),
        steady("gone", 4 * 24),
        steady("new", 10),
        replace(history(("Backlog", at(-9))), source="abandoned", key="1"),
    )
    async with stored(shared_database, Population(F1_STREAM, items)) as inside:
        selection = Selection(inside.stream.id, replace(F1_WEEK, as_of=d8))
        findings = await store.findings(inside.connection, selection, 5)
    silent = next(each for each in findings if each.rule.name == "silent_sources")
    assert (silent.count, silent.population) == (2, 4)
    assert silent.notes == (
        "abandoned: no move in the window, 1 open items",
        "gone: last move 2025-03-06T23:00:00+00:00, longest pause 1.0 h",
    )
