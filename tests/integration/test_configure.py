"""What applying a definition does: kind by kind, once, and beside those who are at work."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.errors import InvalidStream, InvalidValue, StageInUse, UnknownStage
from app.domain.instants import EARLIEST
from app.domain.stream_changes import ChangeKind
from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import (
    DEFAULT_STREAM,
    Category,
    MovePolicy,
    MoveRules,
    ServiceLevel,
    Stage,
    ValueStream,
    WipPolicy,
)
from app.domain.working_time import Shift, WorkingCalendar
from app.flow.periods import PeriodType
from app.store import rollups, transitions, value_streams
from app.store.database import Connection, Database
from app.telemetry import BUCKET_HOURS
from app.usecases.configure import Applied, apply
from app.usecases.roll_up import roll_up
from tests.fixture_f1 import F1, F1_WEEK
from tests.integration.stored import (
    Stored,
    stored,
    stored_test,
    table_rows,
)
from tests.strategies import HORIZON, Population, populations

NOW = HORIZON
MONDAY_BEFORE = NOW - timedelta(days=7)
CALENDAR = WorkingCalendar(shifts=((Shift.of("09:00-17:30"),), *[()] * 6), country="DE")


def redefined(
    *renamed: tuple[str, str], without: tuple[str, ...] = (), **replaces: tuple[str, ...]
) -> StreamDefinition:
    """Return the default stream with other names, without some stages, with some taken over."""
    names = dict(renamed)
    left = [stage for stage in DEFAULT_STREAM.stages if stage.name not in without]
    stages = tuple(
        replace(stage, name=names.get(stage.name, stage.name), order=place)
        for place, stage in enumerate(left, start=1)
    )
    return StreamDefinition(replace(DEFAULT_STREAM, stages=stages), replaces)


def with_stage(name: str, **changes: Any) -> StreamDefinition:
    """Return the default stream with one stage described otherwise."""
    stages = tuple(
        replace(stage, **changes) if stage.name == name else stage
        for stage in DEFAULT_STREAM.stages
    )
    return StreamDefinition(replace(DEFAULT_STREAM, stages=stages))


def kinds(applied: Applied) -> list[ChangeKind]:
    return [change.kind for each in applied.streams for change in each.changes]


async def rows(connection: Connection, statement: str, **values: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.execute(text(statement), values)]


@pytest.fixture
async def inside(scratch: Connection) -> Stored:
    """The default stream with the seven items worked out by hand."""
    empty = Stored(scratch, await value_streams.load(scratch))
    return replace(empty, ids=(await empty.merge(F1)).ids)


@pytest.mark.parametrize(
    ("definition", "kind", "words"),
    [
        (
            StreamDefinition(replace(DEFAULT_STREAM, name="Shop")),
            ChangeKind.NAME,
            "name: Default value stream becomes Shop",
        ),
        (
            StreamDefinition(replace(DEFAULT_STREAM, description="What we make.")),
            ChangeKind.DESCRIPTION,
            "description: none becomes What we make.",
        ),
        (
            StreamDefinition(replace(DEFAULT_STREAM, zone_info=ZoneInfo("Europe/Berlin"))),
            ChangeKind.TIME_ZONE,
            "time zone: UTC becomes Europe/Berlin",
        ),
        (
            StreamDefinition(replace(DEFAULT_STREAM, calendar=CALENDAR)),
            ChangeKind.WORKING_TIME,
            "working time: none becomes hours mon 09:00-17:30, holidays country DE",
        ),
        (
            StreamDefinition(replace(DEFAULT_STREAM, service_level=ServiceLevel(85, 240))),
            ChangeKind.SERVICE_LEVEL,
            "service level: none becomes percent 85, hours 240",
        ),
        (
            StreamDefinition(
                replace(
                    DEFAULT_STREAM,
                    moves=MoveRules(
                        MovePolicy.WARN,
                        frozenset({("backlog", "Analysis")}),
                        MovePolicy.ENFORCE,
                    ),
                )
            ),
            ChangeKind.MOVE_RULES,
            (
                "move rules: policy open, allowed none, backward reason open becomes "
                "policy warn, allowed Backlog → Analysis, backward reason enforce"
            ),
        ),
        (
            redefined(("Testing", "QA"), QA=("Testing",)),
            ChangeKind.STAGE_RENAMED,
            "stage Testing renamed to QA",
        ),
        (
            redefined(("Testing", "TESTING")),
            ChangeKind.STAGE_RENAMED,
            "stage Testing renamed to TESTING",
        ),
        (
            redefined(without=("Testing",), Development=("Testing",)),
            ChangeKind.STAGE_MERGED,
            "stage Testing merged into Development, with its history",
        ),
        (
            with_stage("Testing", category=Category.WAIT),
            ChangeKind.STAGE_CATEGORY,
            "category of Testing: active becomes wait",
        ),
        (
            with_stage("Testing", type="quality"),
            ChangeKind.STAGE_TYPE,
            "type of Testing: testing becomes quality",
        ),
        (
            with_stage("Testing", wip_limit=3),
            ChangeKind.STAGE_WIP_LIMIT,
            "WIP limit of Testing: none becomes 3",
        ),
        (
            with_stage("Testing", wip_policy=WipPolicy.WARN),
            ChangeKind.STAGE_WIP_POLICY,
            "WIP policy of Testing: observe becomes warn",
        ),
        (
            with_stage("Testing", description="Ready means ready."),
            ChangeKind.STAGE_DESCRIPTION,
            "description of Testing: none becomes Ready means ready.",
        ),
    ],
    ids=lambda value: value if isinstance(value, ChangeKind) else "",
)
async def test_a_change_is_made_told_and_noted_and_made_once(
    inside: Stored, definition: StreamDefinition, kind: ChangeKind, words: str
) -> None:
    applied = await apply(inside.connection, [definition], NOW)
    assert kinds(applied) == [kind]
    assert str(applied.streams[0].changes[0]) == words
    stream = await value_streams.load(inside.connection)
    wanted = definition.stream
    bare = replace(
        stream, id=0, definitions_version=1, stages=tuple(replace(s, id=0) for s in stream.stages)
    )
    allowed = frozenset(
        (wanted.stage(left).name, wanted.stage(entered).name)
        for left, entered in wanted.moves.allowed
    )
    assert bare == replace(
        wanted,
        zone_info=ZoneInfo(str(wanted.zone_info)),
        moves=replace(wanted.moves, allowed=allowed),
    )
    [(noted, version)] = await rows(
        inside.connection, "SELECT changes, definitions_version FROM stream_versions"
    )
    assert [each["kind"] for each in noted] == [kind]
    assert version == stream.definitions_version
    before = await table_rows(inside.connection, "value_streams", "stages", "stream_versions")
    assert not (await apply(inside.connection, [definition], NOW)).changed
    after = await table_rows(inside.connection, "value_streams", "stages", "stream_versions")
    assert after == before


async def test_stages_trade_places_although_their_orders_are_unique(inside: Stored) -> None:
    first, analysis, development, *rest = DEFAULT_STREAM.stages
    stages = (first, replace(development, order=2), replace(analysis, order=3), *rest)
    traded = StreamDefinition(replace(DEFAULT_STREAM, stages=stages))
    applied = await apply(inside.connection, [traded], NOW)
    assert kinds(applied) == [ChangeKind.STAGES_REORDERED]
    assert applied.streams[0].stream.definitions_version == 2
    ids = {stage.name: stage.id for stage in inside.stream.stages}
    stream = await value_streams.load(inside.connection)
    assert [stage.name for stage in stream.stages][:3] == ["Backlog", "Development", "Analysis"]
    assert {stage.name: stage.id for stage in stream.stages} == ids


async def test_stages_hand_their_names_on(inside: Stored) -> None:
    """Testing becomes QA and Development becomes Coding; a new stage is called Testing later."""
    renamed = redefined(
        ("Testing", "QA"), ("Development", "Coding"), QA=("Testing",), Coding=("Development",)
    )
    await apply(inside.connection, [renamed], NOW)
    stages = tuple(
        replace(stage, name="Testing") if stage.name == "Coding" else stage
        for stage in renamed.stream.stages
    )
    again = StreamDefinition(replace(DEFAULT_STREAM, stages=stages), {"Testing": ("Coding",)})
    assert kinds(await apply(inside.connection, [again], NOW)) == [ChangeKind.STAGE_RENAMED]
    stream = await value_streams.load(inside.connection)
    assert stream.stage("Testing").id == inside.stream.stage("Development").id
    assert stream.stage("QA").id == inside.stream.stage("Testing").id


async def test_a_new_stream_comes_with_everything_and_its_limits_count_for_all_its_past(
    scratch: Connection,
) -> None:
    stages = (
        Stage("Ideas", 1, "ideas", Category.WAIT, wip_limit=9),
        Stage("Work", 2, "work", Category.ACTIVE, description="Hands on."),
        Stage("Done", 3, "done", Category.DONE),
    )
    stream = ValueStream("payments", "Payments", stages, calendar=CALENDAR)
    applied = await apply(scratch, [StreamDefinition(stream)], NOW)
    assert kinds(applied) == [ChangeKind.STREAM_CREATED]
    assert str(applied.streams[0].changes[0]) == "new stream with the stages Ideas, Work, Done"
    assert applied.streams[0].created
    kept = await rows(scratch, "SELECT effective_from, wip_limit FROM stage_limits")
    assert kept == [(EARLIEST, 9)]
    assert await value_streams.keys(scratch) == ["default", "payments"]


async def test_another_stream_becomes_the_default_one_and_the_former_hands_over(
    scratch: Connection,
) -> None:
    stream = replace(DEFAULT_STREAM, key="payments", name="Payments", is_default=True)
    applied = await apply(scratch, [StreamDefinition(stream)], NOW)
    assert [(each.stream.key, each.created) for each in applied.streams] == [
        ("default", False),
        ("payments", True),
    ]
    assert kinds(applied) == [ChangeKind.DEFAULT, ChangeKind.STREAM_CREATED]
    assert (await value_streams.load(scratch)).key == "payments"
    back = StreamDefinition(DEFAULT_STREAM)
    assert kinds(await apply(scratch, [back], NOW)) == [ChangeKind.DEFAULT] * 2
    assert (await value_streams.load(scratch)).key == "default"


@pytest.mark.parametrize(
    ("definitions", "words"),
    [
        ([DEFAULT_STREAM, DEFAULT_STREAM], "described twice"),
        ([DEFAULT_STREAM, replace(DEFAULT_STREAM, key="other")], "only one stream"),
        ([replace(DEFAULT_STREAM, is_default=False)], "there has to be one"),
    ],
)
async def test_definitions_that_do_not_fit_together_are_refused(
    scratch: Connection, definitions: list[ValueStream], words: str
) -> None:
    with pytest.raises(InvalidStream, match=words):
        await apply(scratch, [StreamDefinition(each) for each in definitions], NOW)


async def test_a_limit_counts_from_its_own_start_and_never_before(inside: Stored) -> None:
    statement = "SELECT effective_from, wip_limit FROM stage_limits ORDER BY effective_from"
    for limit in (3, 4, None):
        await apply(inside.connection, [with_stage("Testing", wip_limit=limit)], NOW)
        assert await rows(inside.connection, statement) == [(NOW, limit)]
    earlier, later = NOW - timedelta(days=9), NOW + timedelta(days=9)
    await apply(inside.connection, [with_stage("Testing", wip_limit=5)], later)
    assert await rows(inside.connection, statement) == [(NOW, None), (later, 5)]
    await apply(inside.connection, [with_stage("Testing", wip_limit=6)], later, earlier)
    assert await rows(inside.connection, statement) == [(earlier, 6)]


@pytest.mark.parametrize(
    "since", [NOW + timedelta(microseconds=1), datetime(1969, 12, 31, tzinfo=UTC)]
)
async def test_a_definition_takes_effect_neither_in_the_future_nor_before_1970(
    inside: Stored, since: datetime
) -> None:
    with pytest.raises(InvalidValue, match="effective_from: expected an instant"):
        await apply(inside.connection, [with_stage("Testing", wip_limit=3)], NOW, since)


async def test_a_stage_that_is_needed_cannot_be_left_out_and_nothing_is_lost(
    inside: Stored,
) -> None:
    before = await table_rows(inside.connection, "stages", "stage_transitions", "work_items")
    with pytest.raises(StageInUse) as refused:
        async with inside.connection.begin_nested():
            await apply(inside.connection, [redefined(without=("Testing", "Analysis"))], NOW)
    assert refused.value.detail == (
        "stream 'default': stage 'Analysis' has 1 item in it and 3 moves into it; say which stage "
        "takes them over: `replaces: [Analysis]`; "
        "stream 'default': stage 'Testing' has 0 items in it and 5 moves into it; say which stage "
        "takes them over: `replaces: [Testing]`"
    )
    after = await table_rows(inside.connection, "stages", "stage_transitions", "work_items")
    assert after == before


async def test_a_stage_that_nothing_refers_to_is_retired_and_its_name_is_free_again(
    scratch: Connection,
) -> None:
    applied = await apply(scratch, [redefined(without=("Deployment",))], NOW)
    assert kinds(applied) == [ChangeKind.STAGE_REMOVED]
    assert "Deployment" not in [s.name for s in (await value_streams.load(scratch)).stages]
    back = await apply(scratch, [StreamDefinition(DEFAULT_STREAM)], NOW)
    assert kinds(back) == [ChangeKind.STAGE_ADDED]
    with pytest.raises(UnknownStage):
        redefined(Nowhere=("Testing",))


async def test_a_void_move_does_not_hold_a_stage(inside: Stored) -> None:
    await rows(
        inside.connection,
        "UPDATE stage_transitions t SET voided_at = now(), void_reason = 'x' "
        "FROM stages s WHERE s.id = t.to_stage_id AND s.name = 'Deployment' RETURNING t.id",
    )
    await transitions.derive_facts(inside.connection, inside.ids)
    applied = await apply(inside.connection, [redefined(without=("Deployment",))], NOW)
    assert kinds(applied) == [ChangeKind.STAGE_REMOVED]
    assert len(await transitions.history(inside.connection, inside.ids[0], with_voided=True)) == 6


async def test_a_stage_merged_twice_leads_to_where_it_is_now(inside: Stored) -> None:
    first = redefined(without=("Testing",), Development=("Testing",))
    await apply(inside.connection, [first], NOW)
    both = redefined(without=("Testing", "Development"), Analysis=("Development", "Testing"))
    await apply(inside.connection, [both], NOW)
    ids = {stage.name: stage.id for stage in inside.stream.stages}
    gone = await rows(
        inside.connection, "SELECT id, merged_into FROM stages WHERE retired_at IS NOT NULL"
    )
    assert sorted(gone) == sorted(
        (ids[name], ids["Analysis"]) for name in ("Development", "Testing")
    )
    recorded = await rows(
        inside.connection,
        "SELECT recorded_stage_id, count(*) FROM stage_transitions "
        "WHERE to_stage_id = :id GROUP BY 1 ORDER BY 2",
        id=ids["Analysis"],
    )
    assert recorded == [(None, 3), (ids["Testing"], 5), (ids["Development"], 6)]


async def test_who_named_a_stage_that_was_merged_meant_the_one_it_was_merged_into(
    inside: Stored,
) -> None:
    mismatches = text(
        "SELECT count(*) FROM stage_transitions t JOIN stages s ON s.id = t.asserted_from_stage_id "
        "WHERE coalesce(s.merged_into, s.id) <> t.from_stage_id"
    )
    await rows(
        inside.connection,
        "INSERT INTO stage_transitions (work_item_id, value_stream_id, to_stage_id, timestamp, "
        "asserted_from_stage_id) SELECT :item, :stream, p.id, :at, t.id FROM stages p, stages t "
        "WHERE p.name = 'Production' AND t.name = 'Testing' RETURNING id",
        item=inside.ids[-1],
        stream=inside.stream.id,
        at=F1_WEEK.end,
    )
    await transitions.derive_facts(inside.connection, [inside.ids[-1]])
    assert await inside.connection.scalar(mismatches) == 1  # it was left from Development
    merged = redefined(without=("Testing",), Development=("Testing",))
    await apply(inside.connection, [merged], NOW)
    assert await inside.connection.scalar(mismatches) == 0


async def test_streams_that_are_not_named_stay_as_they_are(scratch: Connection) -> None:
    other = StreamDefinition(replace(DEFAULT_STREAM, key="other", is_default=False))
    await apply(scratch, [other], NOW)
    before = await value_streams.load(scratch, "other")
    await apply(scratch, [with_stage("Testing", wip_limit=3)], NOW)
    assert await value_streams.load(scratch, "other") == before


async def test_old_roll_ups_are_shown_as_stale_until_the_job_has_made_new_ones(
    inside: Stored,
) -> None:
    closed = F1_WEEK.end + timedelta(days=30)
    while await roll_up(inside.connection, inside.stream.id, BUCKET_HOURS, closed):
        pass
    before = await rollups.rows(inside.connection, inside.stream, PeriodType.DAY)
    applied = await apply(inside.connection, [with_stage("Analysis", category=Category.WAIT)], NOW)
    stream = applied.streams[0].stream
    meanwhile = await rollups.rows(inside.connection, stream, PeriodType.DAY)
    assert [row.wip for row in meanwhile] == [row.wip for row in before]
    assert all(row.stale for row in meanwhile)
    while await roll_up(inside.connection, stream.id, BUCKET_HOURS, closed):
        pass
    after = await rollups.rows(inside.connection, stream, PeriodType.DAY)
    assert len(after) == len(before)
    assert not any(row.stale for row in after)
    assert [row.wip for row in after] != [row.wip for row in before]


async def test_days_of_another_zone_are_there_at_once_when_the_zone_changes(
    inside: Stored,
) -> None:
    while await roll_up(inside.connection, inside.stream.id, BUCKET_HOURS):
        pass
    zone = ZoneInfo("Asia/Kathmandu")
    moved = StreamDefinition(replace(DEFAULT_STREAM, zone_info=zone))
    stream = (await apply(inside.connection, [moved])).streams[0].stream
    days = await rollups.rows(inside.connection, stream, PeriodType.DAY)
    assert days
    assert {row.tz for row in days} == {"Asia/Kathmandu"}
    assert not any(row.stale for row in days)


@stored_test
@given(populations(), st.data())
async def test_a_refused_removal_loses_nothing(
    shared_database: Database, population: Population, data: st.DataObject
) -> None:
    """Of any stage but the last active and the last done one; unused ones simply go."""
    stream = population.stream
    dropped = data.draw(st.sampled_from(stream.stages))
    left = tuple(stage for stage in stream.stages if stage is not dropped)
    if {Category.ACTIVE, Category.DONE} - {stage.category for stage in left}:
        return
    is_used = any(
        move.to_stage == dropped.name for told in population.histories for move in told.transitions
    )
    definition = StreamDefinition(replace(stream, stages=left))
    async with stored(shared_database, population) as inside:
        before = await table_rows(inside.connection, "stages", "stage_transitions", "work_items")
        if not is_used:
            assert kinds(await apply(inside.connection, [definition], NOW)) == [
                ChangeKind.STAGE_REMOVED
            ]
            return
        with pytest.raises(StageInUse, match=dropped.name):
            async with inside.connection.begin_nested():
                await apply(inside.connection, [definition], NOW)
        after = await table_rows(inside.connection, "stages", "stage_transitions", "work_items")
    assert after == before
