"""The database itself keeps the log: rows come in, only if they can be right, and stay."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.domain.value_stream import DEFAULT_STREAM
from app.store.database import Connection
from tests.fixture_f1 import FORWARD
from tests.integration.stored import Stored, store_stream, table_rows
from tests.strategies import HORIZON, Population

OTHER_STREAM = Population(
    stream=type(DEFAULT_STREAM)(key="other", name="Other", stages=DEFAULT_STREAM.stages),
    histories=(),
)
"""A second stream whose stages have the same names, and other ids."""


@pytest.fixture
async def inside(scratch: Connection) -> Stored:
    """The default stream with one finished item, and beside it another stream."""
    await store_stream(scratch, OTHER_STREAM.stream)
    empty = Stored(scratch, await store_stream(scratch, DEFAULT_STREAM))
    return Stored(scratch, empty.stream, (await empty.merge([FORWARD])).ids)


async def change(connection: Connection, statement: str, **values: object) -> None:
    """Try a statement; whatever it raises leaves the connection as it was before."""
    async with connection.begin_nested():
        await connection.execute(text(statement), values)


async def log_rows(connection: Connection) -> list[tuple[object, ...]]:
    return (await table_rows(connection, "stage_transitions"))["stage_transitions"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM stage_transitions",
        "DELETE FROM stage_transitions WHERE voided_at IS NOT NULL",
        "TRUNCATE stage_transitions",
        "TRUNCATE work_items CASCADE",
        "UPDATE stage_transitions SET id = DEFAULT",
        "UPDATE stage_transitions SET to_stage_id = from_stage_id WHERE from_stage_id IS NOT NULL",
        "UPDATE stage_transitions SET timestamp = timestamp + interval '1 microsecond'",
        "UPDATE stage_transitions SET reason = 'another'",
        "UPDATE stage_transitions SET value_stream_id = value_stream_id + 1",
        "UPDATE stage_transitions SET actor_kind = 'agent'",
        "UPDATE stage_transitions SET source_event_id = 'another'",
        "UPDATE stage_transitions SET asserted_from_stage_id = to_stage_id",
        "UPDATE stage_transitions SET recorded_at = now() + interval '1 day'",
        "UPDATE stage_transitions SET voided_at = now(), void_reason = 'x', reason = 'another'",
    ],
)
async def test_what_the_log_says_cannot_be_unsaid(inside: Stored, statement: str) -> None:
    """Of the DELETE with a condition: one row is void, so that there is one to delete."""
    await change(
        inside.connection,
        "UPDATE stage_transitions SET voided_at = now(), void_reason = 'x', reason = reason "
        "WHERE id = (SELECT max(id) FROM stage_transitions)",
    )
    before = await log_rows(inside.connection)
    with pytest.raises(DBAPIError, match="stage_transitions is append-only") as refused:
        await change(inside.connection, statement)
    assert getattr(refused.value.orig, "sqlstate", None) == "23001"
    assert await log_rows(inside.connection) == before


async def test_the_refusal_says_what_to_do_instead(inside: Stored) -> None:
    with pytest.raises(DBAPIError) as refused:
        await change(inside.connection, "DELETE FROM stage_transitions")
    cause = refused.value.orig
    assert cause is not None
    assert "Void the transition" in getattr(cause.__cause__, "hint", "")


async def test_a_move_is_voided_once(inside: Stored) -> None:
    [first, *_] = await inside.log(inside.ids[0])
    await inside.void(inside.ids[0], first.id, HORIZON)
    for statement in (
        "UPDATE stage_transitions SET voided_at = NULL, void_reason = NULL WHERE id = :id",
        "UPDATE stage_transitions SET voided_at = now() WHERE id = :id",
        "UPDATE stage_transitions SET void_reason = 'another' WHERE id = :id",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            await change(inside.connection, statement, id=first.id)


async def test_the_visit_that_a_move_ended_may_be_corrected(inside: Stored) -> None:
    """It is derived: a late arrival changes what its successor left, void or not."""
    [_, second, third, *_] = await inside.log(inside.ids[0])
    await inside.void(inside.ids[0], second.id, HORIZON)
    for moved in (second, third):
        await change(
            inside.connection,
            "UPDATE stage_transitions SET from_stage_id = :stage, from_stage_since = :since "
            "WHERE id = :id",
            stage=inside.stream.stage("Testing").id,
            since=moved.timestamp,
            id=moved.id,
        )


INSERT_MOVE = """
    INSERT INTO stage_transitions (
        work_item_id, value_stream_id, from_stage_id, from_stage_since, to_stage_id, timestamp,
        asserted_from_stage_id, source_event_id, actor_kind, voided_at, void_reason)
    VALUES (
        :work_item_id, :value_stream_id, :from_stage_id, :from_stage_since, :to_stage_id,
        :timestamp, :asserted_from_stage_id, :source_event_id, :actor_kind, :voided_at,
        :void_reason)
"""


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"work_item_id": -1}, "stage_transitions_work_item_id_value_stream_id_fkey"),
        ({"value_stream_id": -1}, "stage_transitions_work_item_id_value_stream_id_fkey"),
        ({"to_stage_id": "other"}, "stage_transitions_to_stage_id_value_stream_id_fkey"),
        (
            {"from_stage_id": "other", "from_stage_since": HORIZON},
            "stage_transitions_from_stage_id_value_stream_id_fkey",
        ),
        ({"from_stage_id": "other"}, "stage_transitions_from_stage_check"),
        ({"from_stage_since": HORIZON}, "stage_transitions_from_stage_check"),
        (
            {"from_stage_id": "other", "from_stage_since": HORIZON + timedelta(days=1)},
            "stage_transitions_from_stage_check",
        ),
        (
            {"asserted_from_stage_id": "other"},
            "stage_transitions_asserted_from_stage_id_value_stream_id_fkey",
        ),
        ({"to_stage_id": None}, "to_stage_id"),
        ({"timestamp": None}, "timestamp"),
        ({"actor_kind": "dog"}, "stage_transitions_actor_kind_check"),
        ({"voided_at": HORIZON}, "stage_transitions_void_check"),
        ({"void_reason": "a mistake"}, "stage_transitions_void_check"),
        ({"source_event_id": "known"}, "stage_transitions_work_item_id_source_event_id_key"),
    ],
)
async def test_a_move_that_cannot_be_is_refused(
    inside: Stored, wrong: dict[str, object], constraint: str
) -> None:
    other = await inside.connection.scalar(
        text("SELECT min(id) FROM stages WHERE value_stream_id <> :ours"),
        {"ours": inside.stream.id},
    )
    right: dict[str, object] = {
        "work_item_id": inside.ids[0],
        "value_stream_id": inside.stream.id,
        "from_stage_id": None,
        "from_stage_since": None,
        "to_stage_id": inside.stream.first_stage.id,
        "timestamp": HORIZON,
        "asserted_from_stage_id": None,
        "source_event_id": None,
        "actor_kind": None,
        "voided_at": None,
        "void_reason": None,
    }
    await change(inside.connection, INSERT_MOVE, **{**right, "source_event_id": "known"})
    stated = {name: other if value == "other" else value for name, value in wrong.items()}
    with pytest.raises(IntegrityError, match=constraint):
        await change(inside.connection, INSERT_MOVE, **{**right, **stated})


DAY = timedelta(days=1)
CREATED, STARTED, FINISHED = (HORIZON + n * DAY for n in range(3))


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"title": ""}, "work_items_title_check"),
        ({"title": "x" * 501}, "work_items_title_check"),
        ({"title": None}, "title"),
        ({"type": "story"}, "work_items_type_check"),
        ({"source": "tracker"}, "work_items_external_key_check"),
        ({"external_key": "A-1"}, "work_items_external_key_check"),
        ({"cancel_reason": "why"}, "work_items_cancel_reason_check"),
        ({"created_at": CREATED - DAY}, "work_items_effective_created_at_check"),
        ({"started_at": CREATED - DAY}, "work_items_started_at_check"),
        ({"finished_at": STARTED - DAY}, "work_items_finished_at_check"),
        ({"started_at": None}, "work_items_finished_at_check"),
        ({"cancelled_at": CREATED - DAY}, "work_items_cancelled_(at|last)_check"),
        ({"cancelled_at": FINISHED - DAY}, "work_items_cancelled_last_check"),
        ({"current_stage_id": None}, "work_items_current_stage_check"),
        ({"current_stage_since": None}, "work_items_current_stage_check"),
        ({"last_transition_at": None}, "work_items_current_stage_check"),
        (
            {"value_stream_id": -1},
            "work_items_(value_stream_id|current_stage_id_value_stream_id)_fkey",
        ),
    ],
)
async def test_an_item_that_cannot_be_is_refused(
    inside: Stored, wrong: dict[str, datetime | None], constraint: str
) -> None:
    right = {
        "value_stream_id": inside.stream.id,
        "title": "possible",
        "type": "bug",
        "created_at": CREATED,
        "updated_at": FINISHED,
        "source": None,
        "external_key": None,
        "cancelled_at": None,
        "cancel_reason": None,
        "effective_created_at": CREATED,
        "started_at": STARTED,
        "finished_at": FINISHED,
        "current_stage_id": inside.stream.stages[-1].id,
        "current_stage_since": FINISHED,
        "last_transition_at": FINISHED,
    }
    columns, values = ", ".join(right), ", ".join(f":{name}" for name in right)
    statement = f"INSERT INTO work_items ({columns}) VALUES ({values})"  # noqa: S608 - names above
    await change(inside.connection, statement, **right)
    with pytest.raises(IntegrityError, match=constraint):
        await change(inside.connection, statement, **{**right, **wrong})


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE stages SET category = 'paused'", "stages_category_check"),
        ("UPDATE stages SET wip_limit = 0", "stages_wip_limit_check"),
        ("UPDATE stages SET name = 'one for all'", "stages_name_idx"),
        ('UPDATE stages SET "order" = 1', "stages_order_idx"),
        (
            "UPDATE stages SET value_stream_id = -1 WHERE id = (SELECT max(id) FROM stages)",
            "stages_value_stream_id_fkey",
        ),
        ("DELETE FROM stages", "_fkey"),
        ("DELETE FROM work_items", "stage_transitions_work_item_id_value_stream_id_fkey"),
        ("DELETE FROM value_streams", "_fkey"),
        ("UPDATE value_streams SET key = 'Not a key'", "value_streams_key_check"),
        ("UPDATE value_streams SET key = 'one-for-all'", "value_streams_key_key"),
        ("UPDATE value_streams SET is_default = true", "value_streams_one_default_idx"),
        (
            "UPDATE work_items SET current_stage_id = (SELECT max(id) FROM stages)",
            "work_items_current_stage_id_value_stream_id_fkey",
        ),
        (
            """
            INSERT INTO work_items (value_stream_id, title, type, created_at, updated_at,
                                    effective_created_at, source, external_key)
            SELECT value_stream_id, title, type, created_at, updated_at, created_at, 'tracker', 'A'
            FROM work_items, generate_series(1, 2)
            """,
            "work_items_value_stream_id_source_external_key_key",
        ),
    ],
)
async def test_a_stream_stays_well_defined(inside: Stored, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        await change(inside.connection, statement)
