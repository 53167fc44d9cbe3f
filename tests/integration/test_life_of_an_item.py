"""Whatever happens to items, in whichever order: the database tells what a plain list would."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.domain.errors import (
    CancelBeforeLastMove,
    EventIdReused,
    InvalidValue,
    ItemCancelled,
    ItemNotCancelled,
    PreconditionFailed,
    TransitionVoided,
    UnknownItem,
    UnknownStage,
    UnknownTransition,
    VsmError,
)
from app.domain.transition import RecordedTransition, Transition
from app.domain.value_stream import DEFAULT_STREAM, ValueStream
from app.domain.work_item import ItemHistory, WorkItem, WorkItemType
from app.flow.calendar import Window
from app.store import transitions, work_items
from app.store.database import Connection, Database, transaction
from app.store.flow_summary import flow_summary
from app.store.measurements import Selection
from app.usecases.cancel import cancel, restore
from app.usecases.create import Creation, create
from app.usecases.edit import edit
from app.usecases.ingest import ingest
from app.usecases.move import Expectation, Move, move, void
from tests.integration.stored import (
    assert_same,
    broken_links,
    facts_by_definition,
    store_stream,
    summary_by_definition,
)
from tests.strategies import Population, durations, instants, streams, windows

Answer = TypeVar("Answer")

ANYBODY = Expectation()
EVENTS = ("event-1", "event-2", "event-3")
LONG_AGO = datetime(1969, 12, 31, tzinfo=UTC)
_stream_numbers = count()


@dataclass
class Entry:
    """One row of the log, as the model keeps it."""

    id: int
    to_stage: str
    timestamp: datetime
    event: str | None = None
    void: bool = False


@dataclass
class Model:
    """What an item should be: what was told, in the order of arrival."""

    id: int
    key: str
    created_at: datetime
    type: WorkItemType
    entries: list[Entry] = field(default_factory=list)
    cancelled_at: datetime | None = None
    version: int = 1

    @property
    def moves(self) -> list[Entry]:
        """The moves that happened, as far as is known."""
        in_order = sorted(self.entries, key=lambda entry: (entry.timestamp, entry.id))
        return [entry for entry in in_order if not entry.void]

    @property
    def last(self) -> datetime | None:
        """When the item last moved."""
        return max((entry.timestamp for entry in self.moves), default=None)

    @property
    def earliest_end(self) -> datetime:
        """When the item may be cancelled at the earliest."""
        return self.last or self.created_at

    @property
    def edges(self) -> list[datetime]:
        """The instants at which something happened."""
        happened = [self.created_at, *(entry.timestamp for entry in self.entries)]
        return happened if self.cancelled_at is None else [*happened, self.cancelled_at]

    @property
    def history(self) -> ItemHistory:
        """The item as a history."""
        return ItemHistory(
            title="lived",
            type=self.type,
            created_at=self.created_at,
            transitions=tuple(Transition(each.to_stage, each.timestamp) for each in self.moves),
            cancelled_at=self.cancelled_at,
        )

    def entry_of(self, event: str) -> Entry | None:
        """Find what a source's event led to."""
        return next((entry for entry in self.entries if entry.event == event), None)


class LifeOfItems(RuleBasedStateMachine):
    """Items of one stream, changed through the use cases, each in a transaction of its own."""

    items: Bundle[Model] = Bundle("items")

    def __init__(self, loop: asyncio.AbstractEventLoop, database: Database) -> None:
        super().__init__()
        self._loop = loop
        self._database = database
        self._stream = DEFAULT_STREAM
        self._known: list[Model] = []

    def _run(self, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """Do something in a transaction."""

        async def in_transaction() -> Answer:
            async with transaction(self._database) as connection:
                return await work(connection)

        return asyncio.run_coroutine_threadsafe(in_transaction(), self._loop).result()

    def _refused(
        self, error: type[VsmError], work: Callable[[Connection], Awaitable[object]]
    ) -> None:
        """Do something that must fail; the invariants then see that nothing has changed."""
        with pytest.raises(error) as refusal:
            self._run(work)
        assert type(refusal.value) is error

    def _clock(self) -> datetime:
        return self._run(transitions.clock)

    @property
    def _stages(self) -> st.SearchStrategy[str]:
        return st.sampled_from([stage.name for stage in self._stream.stages])

    def _stage(self, data: st.DataObject) -> str:
        return data.draw(self._stages, "stage")

    # what may happen

    @initialize(stream=st.one_of(st.just(DEFAULT_STREAM), streams()))
    def begin(self, stream: ValueStream) -> None:
        """Give every example a stream of its own."""
        own = replace(stream, key=f"stream-{next(_stream_numbers)}")
        self._stream = self._run(lambda db: store_stream(db, own))

    @rule(target=items, kind=st.sampled_from(WorkItemType), data=st.data())
    def create(self, kind: WorkItemType, data: st.DataObject) -> Model:
        """Enter the first stage or a later one, now or some time ago."""
        stage = data.draw(st.none() | self._stages, "stage")
        timestamp = data.draw(st.none() | instants())
        key = f"K-{len(self._known)}"
        creation = Creation(
            "lived", kind, timestamp, stage, self._stream.key, source="tracker", external_key=key
        )
        before = self._clock()
        item = self._run(lambda db: create(db, creation)).item
        assert item.created_at == timestamp or (timestamp is None and item.created_at >= before)
        [first] = self._run(lambda db: transitions.history(db, item.id))
        entered = stage or self._stream.first_stage.name
        assert (first.to_stage, first.timestamp) == (entered, item.created_at)
        model = Model(item.id, key, item.created_at, kind)
        model.entries.append(Entry(first.id, entered, item.created_at))
        self._known.append(model)
        return model

    @rule(target=items, told=st.lists(instants(), max_size=3), data=st.data())
    def import_new(self, told: list[datetime], data: st.DataObject) -> Model:
        """Take in an item that may not have moved at all."""
        model = Model(0, f"K-{len(self._known)}", data.draw(instants()), WorkItemType.TASK)
        self._known.append(model)
        self._import(model, told, None, data)
        model.version = 1
        return model

    @rule(item=items, told=st.lists(instants(), max_size=3), data=st.data())
    def import_again(self, item: Model, told: list[datetime], data: st.DataObject) -> None:
        """Take in what a source says of an item: some known, some new, some in between."""
        cancelled = data.draw(st.none() | durations(timedelta(days=3)))
        self._import(item, told, cancelled, data)

    def _import(
        self,
        item: Model,
        told: list[datetime],
        cancelled_after: timedelta | None,
        data: st.DataObject,
    ) -> None:
        events = data.draw(st.permutations(EVENTS))
        moves = [
            Transition(self._stage(data), at, source_event_id=event)
            for at, event in zip(told, events, strict=False)
        ]
        now = self._clock()
        given_up = None
        if cancelled_after is not None:
            given_up = max([item.created_at, *told]) + cancelled_after
        if given_up is not None and given_up > now:
            given_up = None
        history = ItemHistory(
            "lived",
            item.type,
            item.created_at,
            tuple(moves),
            key=item.key,
            source="tracker",
            cancelled_at=given_up,
        )
        merged = self._run(lambda db: ingest(db, self._stream, [history], now=now)).merged
        [item.id] = merged.ids
        log = self._run(lambda db: transitions.history(db, item.id, with_voided=True))
        ids = {entry.source_event_id: entry.id for entry in log}
        known = len(item.entries)
        for each in moves:
            event = str(each.source_event_id)
            if item.entry_of(event) is None:
                item.entries.append(Entry(ids[event], each.to_stage, each.timestamp, event))
        changed = len(item.entries) > known
        assert merged.transitions_created == len(item.entries) - known
        if item.cancelled_at is not None and item.earliest_end > item.cancelled_at:
            item.cancelled_at = None
        if item.cancelled_at is None and given_up is not None and given_up >= item.earliest_end:
            item.cancelled_at = given_up
            changed = True
        item.version += changed

    @rule(item=items, data=st.data())
    def move_now(self, item: Model, data: st.DataObject) -> None:
        """Move without a stated time: after everything that is known."""
        asked, before, last = Move(self._stage(data)), self._clock(), item.earliest_end
        if item.cancelled_at is not None and item.cancelled_at < max(before, last):
            self._refused(ItemCancelled, lambda db: move(db, item.id, asked, ANYBODY))
            return
        recorded = self._moved(item, asked)
        assert max(before, last) <= recorded.timestamp <= max(self._clock(), last)

    @rule(item=items, data=st.data())
    def move_at(self, item: Model, data: st.DataObject) -> None:
        """Move at a stated time: at the end, in between, before the creation, or at one instant."""
        timestamp = data.draw(instants() | st.sampled_from(item.edges), "timestamp")
        self._move_or_be_refused(item, Move(self._stage(data), timestamp), timestamp)

    @rule(item=items, minutes=st.integers(2, 4), data=st.data())
    def move_ahead_and_on(self, item: Model, minutes: int, data: st.DataObject) -> None:
        """Move at a time that the sender's clock has reached and ours has not; then move now."""
        timestamp = self._clock() + timedelta(minutes=minutes)
        self._move_or_be_refused(item, Move(self._stage(data), timestamp), timestamp)
        self.move_now(item, data)

    @rule(item=items, data=st.data())
    def move_as_it_was_given_up(self, item: Model, data: st.DataObject) -> None:
        """Move at the very instant of the cancellation, and no later."""
        if item.cancelled_at is None:
            return
        for timestamp in (item.cancelled_at + timedelta(microseconds=1), item.cancelled_at):
            self._move_or_be_refused(item, Move(self._stage(data), timestamp), timestamp)

    @rule(item=items, event=st.sampled_from(EVENTS), timestamp=instants(), data=st.data())
    def deliver(self, item: Model, event: str, timestamp: datetime, data: st.DataObject) -> None:
        """Deliver an event of a source, for the first time or again."""
        asked = Move(self._stage(data), timestamp, source_event_id=event)
        earlier = item.entry_of(event)
        if earlier is not None and earlier.to_stage != asked.to_stage:
            self._refused(EventIdReused, lambda db: move(db, item.id, asked, ANYBODY))
        elif earlier is not None:
            again = self._run(lambda db: move(db, item.id, asked, ANYBODY))
            recorded = again.transition
            assert (recorded.id, recorded.timestamp) == (earlier.id, earlier.timestamp)
            assert again.version == item.version
        else:
            self._move_or_be_refused(item, asked, timestamp)

    def _move_or_be_refused(self, item: Model, asked: Move, timestamp: datetime) -> None:
        """Nothing moves after it was cancelled."""
        if item.cancelled_at is not None and timestamp > item.cancelled_at:
            self._refused(ItemCancelled, lambda db: move(db, item.id, asked, ANYBODY))
        else:
            self._moved(item, asked)

    def _moved(self, item: Model, asked: Move) -> RecordedTransition:
        """Move, expecting the item to be as the model says; the model follows."""
        expected = Expectation(frozenset({item.version}))
        moved = self._run(lambda db: move(db, item.id, asked, expected))
        recorded, version = moved.transition, moved.version
        assert recorded.to_stage == asked.to_stage
        assert asked.timestamp in (None, recorded.timestamp)
        item.version += 1
        assert version == item.version
        entry = Entry(recorded.id, asked.to_stage, recorded.timestamp, asked.source_event_id)
        item.entries.append(entry)
        return recorded

    @rule(item=items, data=st.data())
    def void(self, item: Model, data: st.DataObject) -> None:
        """Take a move back that perhaps was taken back before."""
        if not item.entries:
            return
        entry = data.draw(st.sampled_from(item.entries), "entry")
        error = TransitionVoided if entry.void else ItemCancelled if item.cancelled_at else None
        if error is not None:
            self._refused(error, lambda db: void(db, item.id, entry.id, "a mistake"))
            return
        voided = self._run(lambda db: void(db, item.id, entry.id, "a mistake")).transition
        assert (voided.id, voided.void_reason) == (entry.id, "a mistake")
        entry.void = True
        item.version += 1

    @rule(item=items, delay=st.none() | durations(timedelta(days=2)))
    def cancel(self, item: Model, delay: timedelta | None) -> None:
        """Give an item up, now or some time after its last move."""
        when = None if delay is None else item.earliest_end + delay
        before = self._clock()
        error: type[VsmError] | None = None
        if item.cancelled_at is not None:
            error = ItemCancelled
        elif when is not None and when > before + timedelta(minutes=5):
            error = InvalidValue
        if error is not None:
            self._refused(error, lambda db: cancel(db, item.id, "given up", when))
            return
        cancelled = self._run(lambda db: cancel(db, item.id, "given up", when)).cancelled_at
        assert cancelled is not None
        assert cancelled == when or (when is None and cancelled >= max(before, item.earliest_end))
        item.cancelled_at = cancelled
        item.version += 1

    @rule(item=items)
    def restore(self, item: Model) -> None:
        """Take a cancellation back."""
        if item.cancelled_at is None:
            self._refused(ItemNotCancelled, lambda db: restore(db, item.id))
            return
        self._run(lambda db: restore(db, item.id))
        item.cancelled_at = None
        item.version += 1

    @rule(item=items, kind=st.sampled_from(WorkItemType))
    def change_type(self, item: Model, kind: WorkItemType) -> None:
        """Call an item what it is."""
        self._run(lambda db: edit(db, item.id, ANYBODY, type=kind))
        item.version += kind is not item.type
        item.type = kind

    # what may not happen

    @rule(item=items, data=st.data())
    def move_what_has_changed_meanwhile(self, item: Model, data: st.DataObject) -> None:
        """A caller that holds another version, or believes the item elsewhere, is refused."""
        asked = Move(self._stage(data))
        stale = Expectation(frozenset({item.version - 1, item.version + 1}))
        self._refused(PreconditionFailed, lambda db: move(db, item.id, asked, stale))
        current = item.moves[-1].to_stage if item.moves else None
        others = [stage.name for stage in self._stream.stages if stage.name != current]
        elsewhere = Expectation(stage=data.draw(st.sampled_from(others)))
        self._refused(PreconditionFailed, lambda db: move(db, item.id, asked, elsewhere))

    @rule(item=items, other=items, data=st.data())
    def ask_for_what_cannot_be(self, item: Model, other: Model, data: st.DataObject) -> None:
        """Unknown stages, items and transitions, and instants out of reason, are refused."""
        stage, future = self._stage(data), self._clock() + timedelta(minutes=6)
        self._refused(UnknownStage, lambda db: move(db, item.id, Move("Nowhere"), ANYBODY))
        self._refused(UnknownItem, lambda db: move(db, 0, Move(stage), ANYBODY))
        self._refused(UnknownTransition, lambda db: void(db, item.id, 0, "a mistake"))
        if other is not item and other.entries:
            foreign = other.entries[0].id
            self._refused(UnknownTransition, lambda db: void(db, item.id, foreign, "a mistake"))
        long_ago, soon = Move(stage, LONG_AGO), Move(stage, future)
        self._refused(InvalidValue, lambda db: move(db, item.id, long_ago, ANYBODY))
        self._refused(InvalidValue, lambda db: move(db, item.id, soon, ANYBODY))

    @rule(item=items, earlier=durations(timedelta(days=2)))
    def cancel_too_early(self, item: Model, earlier: timedelta) -> None:
        """An item cannot have been given up before it last moved."""
        when = item.earliest_end - earlier - timedelta(microseconds=1)
        error = CancelBeforeLastMove if item.cancelled_at is None else ItemCancelled
        self._refused(error, lambda db: cancel(db, item.id, "given up", when))

    # what must hold

    @rule(window=windows(), kinds=st.none() | st.sets(st.sampled_from(WorkItemType)))
    def measure(self, window: Window, kinds: set[WorkItemType] | None) -> None:
        """The stream's figures are those of the items in the model."""
        counted = [item for item in self._known if kinds is None or item.type in kinds]
        population = Population(self._stream, tuple(item.history for item in counted))
        now = self._clock()
        self._measure(window, kinds, population)
        self._measure(Window(window.start, now, as_of=now), kinds, population)

    def _measure(
        self, window: Window, kinds: set[WorkItemType] | None, population: Population
    ) -> None:
        types = None if kinds is None else sorted(kinds)
        selection = Selection(self._stream.id, window, types)
        measured = self._run(lambda db: flow_summary(db, selection))
        assert_same(measured, summary_by_definition(population, window))

    @invariant()
    def every_item_is_as_told(self) -> None:
        """Facts, versions, logs and the links in them are those of the model."""

        async def read(connection: Connection) -> tuple[Any, ...]:
            return (
                [await work_items.get(connection, item.id) for item in self._known],
                [
                    await transitions.history(connection, item.id, with_voided=True)
                    for item in self._known
                ],
                await broken_links(connection, self._stream.id),
            )

        if not self._known:
            return
        items, logs, broken = self._run(read)
        assert broken == []
        for model, item, log in zip(self._known, items, logs, strict=True):
            self._compare(model, item, log)

    def _compare(self, model: Model, item: WorkItem, log: list[RecordedTransition]) -> None:
        assert item.facts == facts_by_definition(model.history, self._stream)
        assert (item.cancelled_at, item.type, item.version) == (
            model.cancelled_at,
            model.type,
            model.version,
        )
        assert item.created_at == model.created_at
        told = sorted(model.entries, key=lambda entry: (entry.timestamp, entry.id))
        assert [(each.id, each.to_stage, each.timestamp, each.source_event_id) for each in log] == [
            (each.id, each.to_stage, each.timestamp, each.event) for each in told
        ]
        assert [each.voided_at is not None for each in log] == [each.void for each in told]
        chain = [each for each in log if each.voided_at is None]
        left = [None, *(each.to_stage for each in chain[:-1])][: len(chain)]
        assert [each.from_stage for each in chain] == left


async def test_items_live_as_told(database: Database) -> None:
    """Hypothesis plays the world from a thread: what it does, the database and a list both keep."""
    loop = asyncio.get_running_loop()

    def live() -> None:
        run_state_machine_as_test(
            lambda: LifeOfItems(loop, database),  # type: ignore[arg-type] # no class needed
            settings=settings(max_examples=40, stateful_step_count=20, deadline=None),
        )

    await asyncio.to_thread(live)
