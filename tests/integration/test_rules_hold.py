"""Whatever is done by hand, in any order: an enforced limit holds, and what breaks it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from app.domain.broken_rule import Rule
from app.domain.errors import WipLimitReached
from app.domain.value_stream import Category, ValueStream
from app.domain.work_item import ItemHistory, WorkItemType
from app.flow.calendar import Window
from app.flow.rule_breaks import RuleBreak, rule_breaks
from app.store import broken_rules, tables, transitions, value_streams
from app.store.broken_rules import BreachQuery
from app.store.database import Connection, Database
from app.store.measurements import Selection
from app.usecases.cancel import cancel, restore
from app.usecases.create import Creation, create
from app.usecases.move import Expectation, Move, move, void
from tests.integration.stored import Stored, agreement_test, stored, stored_test
from tests.strategies import BASE, Population, populations, windows
from tests.strategies import instants as generated_instants

ANYBODY = Expectation()
VERBS = st.sampled_from(["create", "move", "move", "move", "told", "cancel", "restore", "void"])
ACTS = st.lists(
    st.tuples(VERBS, st.integers(0, 9), st.integers(0, 6), st.booleans()), min_size=1, max_size=30
)


async def with_limits(inside: Stored, limits: Sequence[int | None], policy: str) -> ValueStream:
    """Give the stages limits, in order, that do as the policy says."""
    for stage, limit in zip(inside.stream.stages, limits, strict=False):
        change = update(tables.stages).where(tables.stages.c.id == stage.id)
        await inside.connection.execute(change.values(wip_limit=limit, wip_policy=policy))
    return await value_streams.load_by_id(inside.connection, inside.stream.id)


async def present(connection: Connection, stream: ValueStream) -> dict[str, int]:
    columns = tables.work_items.c
    found = await connection.execute(
        select(columns.current_stage_id, func.count())
        .where(columns.value_stream_id == stream.id, columns.cancelled_at.is_(None))
        .group_by(columns.current_stage_id)
    )
    counts = {row[0]: row[1] for row in found}
    return {stage.name: counts.get(stage.id, 0) for stage in stream.stages}


@dataclass
class Board:
    """A stream in use: its items, and what became of each act."""

    connection: Connection
    stream: ValueStream
    ids: list[int] = field(default_factory=list)
    exempt: set[str] = field(default_factory=set)
    warned: int = 0

    async def act(self, verb: str, number: int, place: int, *, overriding: bool) -> bool:
        """Do one thing; tells whether a limit stood against it."""
        why = "a live defect" if overriding else None
        stage = self.stream.stages[place % len(self.stream.stages)].name
        savepoint = await self.connection.begin_nested()
        try:
            await self._do(verb, self.ids[number % len(self.ids)] if self.ids else 0, stage, why)
        except WipLimitReached:
            await savepoint.rollback()
            return True
        await savepoint.commit()
        return False

    async def _do(self, verb: str, item_id: int, stage: str, why: str | None) -> None:
        if verb == "create" or not item_id:
            creation = Creation("made", WorkItemType.BUG, stage=stage, stream=self.stream.key)
            made = await create(self.connection, replace(creation, override_reason=why))
            self.ids.append(made.item.id)
            self.warned += len(made.broken)
            return
        item = await Stored(self.connection, self.stream).item(item_id)
        if verb == "cancel" and item.cancelled_at is None:
            await cancel(self.connection, item_id, "no use")
        elif verb == "restore" and item.cancelled_at is not None:
            self.warned += len((await restore(self.connection, item_id, why)).broken)
        elif verb in ("move", "told") and item.cancelled_at is None:
            timestamp = BASE - timedelta(days=1) if verb == "told" else None
            asked = Move(stage, timestamp, override_reason=why)
            self.warned += len((await move(self.connection, item_id, asked, ANYBODY)).broken)
        elif verb == "void" and item.cancelled_at is None:
            await self._void_last(item_id)

    async def _void_last(self, item_id: int) -> None:
        log = await transitions.history(self.connection, item_id)
        if not log:
            return
        [(kept,)] = await self.connection.execute(
            select(func.count()).where(
                tables.broken_rules.c.transition_id == log[-1].id,
                tables.broken_rules.c.voided_at.is_(None),
            )
        )
        voided = await void(self.connection, item_id, log[-1].id, "the wrong card")
        self.warned -= kept
        self.exempt |= {each.stage for each in voided.broken}


LIMITS = st.lists(st.none() | st.integers(1, 3), min_size=7, max_size=7)


@stored_test
@given(populations(max_size=0), LIMITS, ACTS)
async def test_an_enforced_limit_holds_after_any_acts_that_no_reason_overrides(
    shared_database: Database,
    population: Population,
    limits: list[int | None],
    acts: list[tuple[str, int, int, bool]],
) -> None:
    async with stored(shared_database, population) as inside:
        board = Board(inside.connection, await with_limits(inside, limits, "enforce"))
        for verb, number, place, _ in acts:
            before = await present(inside.connection, board.stream)
            refused = await board.act(verb, number, place, overriding=False)
            after = await present(inside.connection, board.stream)
            assert not refused or after == before
            for stage in board.stream.stages:
                if stage.wip_limit is None or stage.category is Category.DONE:
                    continue
                # only what a void has put back may lie above a limit, and nobody joins it there
                allowed = max(stage.wip_limit, before[stage.name] + (verb == "void"))
                assert after[stage.name] <= allowed
                if after[stage.name] > max(stage.wip_limit, before[stage.name]):
                    assert stage.name in board.exempt
        assert board.warned == 0
        assert await kept(inside.connection, board.stream) == 0


@stored_test
@given(populations(max_size=0), LIMITS, st.sampled_from(["warn", "enforce"]), ACTS)
async def test_every_rule_that_was_broken_is_kept_once(
    shared_database: Database,
    population: Population,
    limits: list[int | None],
    policy: str,
    acts: list[tuple[str, int, int, bool]],
) -> None:
    async with stored(shared_database, population) as inside:
        board = Board(inside.connection, await with_limits(inside, limits, policy))
        for verb, number, place, overriding in acts:
            refused = await board.act(verb, number, place, overriding=overriding)
            assert not (refused and (overriding or policy == "warn"))
        assert await kept(inside.connection, board.stream) == board.warned


async def kept(connection: Connection, stream: ValueStream) -> int:
    columns = tables.broken_rules.c
    count = select(func.count()).where(
        columns.value_stream_id == stream.id, columns.voided_at.is_(None)
    )
    return int((await connection.execute(count)).scalar_one())


BREAKS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(Rule),
        generated_instants(),
        st.booleans(),
        st.sampled_from(WorkItemType),
    ),
    max_size=12,
)


@agreement_test
@given(
    populations(max_size=0),
    BREAKS,
    windows(),
    st.none() | st.sets(st.sampled_from(WorkItemType)),
)
async def test_broken_rules_are_counted_and_listed_as_they_are_defined(
    shared_database: Database,
    population: Population,
    told: list[tuple[int, Rule, object, bool, WorkItemType]],
    window: Window,
    types: set[WorkItemType] | None,
) -> None:
    async with stored(shared_database, population) as inside:
        kinds = [*WorkItemType]
        merged = await inside.merge([ItemHistory("any", kind, BASE) for kind in kinds])
        known, rows = [], []
        for place, rule, at, voided, kind in told:
            stage = inside.stream.stages[place % len(inside.stream.stages)]
            if types is None or kind in types:
                known.append(RuleBreak(stage.id, rule, at, voided))  # type: ignore[arg-type]
            rows.append(
                {
                    "value_stream_id": inside.stream.id,
                    "work_item_id": merged.ids[kinds.index(kind)],
                    "stage_id": stage.id,
                    "rule": rule,
                    "policy": "warn",
                    "broken_at": at,
                    "voided_at": window.as_of if voided else None,
                }
            )
        if rows:
            await inside.connection.execute(insert(tables.broken_rules), rows)
        selection = Selection(inside.stream.id, window, None if types is None else sorted(types))
        expected = rule_breaks(known, window)
        assert await broken_rules.count(inside.connection, selection) == expected
        for stage in inside.stream.stages:
            query = BreachQuery(selection, stage_id=stage.id, limit=1000)
            listed = await broken_rules.find(inside.connection, query)
            assert len(listed) == expected.at(stage.id)
            assert {each.stage for each in listed} <= {stage.name}
