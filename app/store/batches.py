"""Requests that wait at one time travel together: one statement and one commit for many.

While batches are under way, the rows that arrive wait; they are the next one. Nobody waits for a
timer, and a row that comes alone is a batch of one. Each caller is answered after the commit that
holds its own row, and only then.

A statement serves the rows that nothing stands against and leaves the others alone. Those get None:
they are to go the long way, a transaction of their own, where it is found out what is the matter.
So one bad row fails alone, and only one place knows the reasons.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import asyncpg

from app.domain.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from app.store import idempotency
from app.store.idempotency import Answer, Keyed
from app.store.queries import load_query
from app.store.watching import Ran, Statement

MAX_ROWS = 256
"""How many rows one statement takes; more would keep the first ones waiting for too long."""

MAX_WAITING = 2048
"""How many rows may wait in one process; more are refused at once."""

LANES = 2
"""How many batches of writes may be under way in one process."""

Connect = Callable[[Mapping[str, str]], Awaitable[asyncpg.Connection]]
"""Makes a connection with settings of its session; raises DatabaseUnavailable."""

SESSION = {
    "plan_cache_mode": "force_generic_plan",  # one plan for batches of any length
    "enable_seqscan": "off",  # few rows are looked for, in tables that may have been empty
    "lock_timeout": "200ms",  # a batch never waits long for somebody else's transaction
    "jit": "off",
}
"""What a connection for batches is set to."""


class Row(Protocol):
    """One request. Of rows that share a turn one is under way at a time, in the order they came."""

    @property
    def turns(self) -> Collection[Hashable]:
        """What the row must have to itself: its item, its key."""

    @property
    def keyed(self) -> Keyed[Any] | None:
        """The idempotency key under which the answer is to be kept."""


R = TypeVar("R", bound=Row)
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class BatchStatement(Generic[R, D]):
    """A query of `sql/`, what it is given for rows, and what came of each of them."""

    query: str
    parameters: Callable[[Sequence[R]], Mapping[str, object]]
    results: Callable[[Sequence[R], Iterable[asyncpg.Record]], list[D | None]]
    only_reads: bool = False
    lanes: int = LANES


Waiting = tuple[R, asyncio.Future[D | None]]


class Batches(Generic[R, D]):
    """The rows of one process that wait for one statement, and the connections that run it.

    With two connections, PostgreSQL works on one batch while Python reads and answers the requests
    of another.
    """

    def __init__(
        self,
        connect: Connect,
        statement: BatchStatement[R, D],
        max_waiting: int = MAX_WAITING,
        ran: Ran = lambda _: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._max_waiting = max_waiting
        self._waiting: deque[Waiting[R, D]] = deque()
        self._under_way: set[Hashable] = set()
        self._idle = [_Lane(connect, statement, ran) for _ in range(statement.lanes)]
        self._lanes = tuple(self._idle)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, row: R) -> D | None:
        """Return what came of the row after its commit; None sends the caller the long way.

        Raises Overloaded, or OutcomeUnknown where nobody can tell what became of the row.
        A caller that goes away meanwhile changes nothing for the others.
        """
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded
        result: asyncio.Future[D | None] = self._loop.create_future()
        self._waiting.append((row, result))
        if self._idle:
            task = asyncio.create_task(self._flush(self._idle.pop()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await result

    async def close(self) -> None:
        """Wait for what was taken on, and hang up."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for lane in self._lanes:
            lane.hang_up()

    async def _flush(self, lane: "_Lane[R, D]") -> None:
        """Send batch after batch until nothing waits that this lane could take."""
        try:
            while batch := self._take():
                turns = {turn for row, _ in batch for turn in row.turns}
                self._under_way |= turns
                try:
                    await lane.answer(batch)
                finally:
                    self._under_way -= turns
        finally:
            self._idle.append(lane)

    def _take(self) -> list[Waiting[R, D]]:
        """Take the rows of the next batch off the queue, in the order they came."""
        batch: list[Waiting[R, D]] = []
        later: list[Waiting[R, D]] = []
        taken = set(self._under_way)
        while self._waiting and len(batch) < MAX_ROWS:
            entry = self._waiting.popleft()
            row, result = entry
            if result.done():  # the caller has gone
                continue
            if taken.isdisjoint(row.turns):
                batch.append(entry)
            else:
                later.append(entry)
            taken.update(row.turns)  # also those that wait: whoever comes after them waits, too
        self._waiting.extendleft(reversed(later))
        return batch


class _Lane(Generic[R, D]):
    """One connection, with the statement prepared on it."""

    def __init__(self, connect: Connect, statement: BatchStatement[R, D], ran: Ran) -> None:
        self._connect = connect
        self._ran = ran
        self._statement = statement
        self._query = load_query(statement.query)
        self._connection: asyncpg.Connection | None = None
        self._prepared: Any = None
        self._committing = False  # whether what is under way may be committed already

    async def answer(self, batch: Sequence[Waiting[R, D]]) -> None:
        """Write a batch and tell each caller what came of its row."""
        began, failure = time.time_ns(), None
        try:
            done = await self._write([row for row, _ in batch])
        except idempotency.KeysTaken as error:  # all of it was rolled back
            await self._answer_without(batch, error.keys)
        except Exception as error:  # noqa: BLE001 - each caller has to be told
            failure = type(error).__name__
            self._tell_failure(batch, error)
        else:
            for (_, result), came in zip(batch, done, strict=True):
                if not result.done():
                    result.set_result(came)
        name = self._statement.query
        self._ran(Statement(name, self._query.numbered, began, time.time_ns(), failure))

    async def _answer_without(self, batch: Sequence[Waiting[R, D]], keys: Collection[str]) -> None:
        """Send the rows with these keys the long way, and write the others."""
        left: list[Waiting[R, D]] = []
        for entry in batch:
            row, result = entry
            if row.keyed is None or row.keyed.key not in keys:
                left.append(entry)
            elif not result.done():
                result.set_result(None)
        if left:
            await self.answer(left)

    async def _write(self, rows: Sequence[R]) -> list[D | None]:
        """Run the statement, and commit it."""
        self._committing = False
        connection = await self._held()
        given = self._statement.parameters(rows)
        values = [given[name] for name in self._query.names]
        self._committing = not any(row.keyed for row in rows)
        if self._committing:
            return self._statement.results(rows, await self._prepared.fetch(*values))
        # by hand: what goes wrong must not be hidden by a rollback that goes wrong as well
        transaction = connection.transaction()
        await transaction.start()
        try:
            done = self._statement.results(rows, await self._prepared.fetch(*values))
            await idempotency.keep_new(connection, _answers(rows, done))
        except BaseException:
            with suppress(Exception):
                await transaction.rollback()
            raise
        self._committing = True
        await transaction.commit()
        return done

    async def _held(self) -> asyncpg.Connection:
        """Return the connection, with the statement prepared; a lost one is replaced."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect(SESSION)
            self._prepared = None
        if self._prepared is None:
            self._prepared = await self._connection.prepare(self._query.numbered)
        return self._connection

    def _tell_failure(self, batch: Sequence[Waiting[R, D]], error: Exception) -> None:
        """Send the rows the long way where that cannot write anything twice.

        That is where nothing was written for certain, and for rows with a key: what was written
        under it is found there. Otherwise it is for the client to decide. What took too long is
        not tried again: it would take as long.
        """
        undone = self._statement.only_reads or not self._committing or _is_undone(error)
        if not _is_about_rows(error):
            self.hang_up()
        for row, result in batch:
            if result.done():
                continue
            if (undone or row.keyed) and not _took_too_long(error):
                result.set_result(None)
            else:
                told = DatabaseUnavailable() if undone else OutcomeUnknown()
                told.__cause__ = error
                result.set_exception(told)

    def hang_up(self) -> None:
        """Give the connection up; the next batch makes a new one."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = self._prepared = None


def _answers(rows: Sequence[R], done: Sequence[D | None]) -> list[tuple[Keyed[D], Answer]]:
    """Return what is kept of those rows that have a key."""
    return [
        (row.keyed, row.keyed.answer(came))
        for row, came in zip(rows, done, strict=True)
        if row.keyed is not None and came is not None
    ]


def _is_undone(error: Exception) -> bool:
    """Tell whether it is certain that nothing was written."""
    if isinstance(error, asyncpg.PostgresError):
        return _code(error) != "08"  # it is the server that says so, and not that it was lost
    return isinstance(error, DatabaseUnavailable) or _is_about_rows(error)


def _took_too_long(error: Exception) -> bool:
    return isinstance(error, (TimeoutError, asyncpg.QueryCanceledError))


def _is_about_rows(error: Exception) -> bool:
    """Tell whether the connection is still as good as before."""
    if isinstance(error, asyncpg.PostgresError):
        # 08 connection, 25 read-only or idle for too long, 53 resources, 57 shutdown or time-out
        return _code(error) not in ("08", "25", "53", "57")
    return isinstance(error, ValueError)  # the driver cannot send the values


def _code(error: asyncpg.PostgresError) -> str:
    return (error.sqlstate or "08")[:2]
