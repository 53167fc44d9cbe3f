"""Tell how long statements take and how full the pool is, to whoever wants to know.

The store knows nothing of metrics and traces: it calls the functions it is given.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event

from app.store.database import Connection, Database

NAME = "statement_name"
"""The execution option that names a statement."""

_ECHO = logging.getLogger("sqlalchemy.engine.Engine")
_BEGAN = "statement_began_ns"
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|TABLE)\s+(?:ONLY\s+)?(\w+)", re.IGNORECASE)
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that was run: its name, when in Unix nanoseconds, and what went wrong."""

    name: str
    text: str
    began_ns: int
    ended_ns: int
    error: str | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_ns - self.began_ns) / 1e9


Ran = Callable[[Statement], None]
"""What is called after each statement."""


_WATCHERS: WeakKeyDictionary[Engine, Ran] = WeakKeyDictionary()


def watch(database: Database, ran: Ran, took: Callable[[int], None]) -> None:
    """Call `ran` after each statement, and `took` with +1 or -1 as connections leave the pool.

    What the driver does below SQLAlchemy, which is COPY, is not seen.
    """
    engine = database.sync_engine
    _WATCHERS[engine] = ran

    def before(conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        conn.info[_BEGAN] = (statement, time.time_ns())

    def after(
        conn: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _: Any
    ) -> None:
        _, began = conn.info.pop(_BEGAN, (statement, time.time_ns()))
        ran(Statement(_name(statement, context), statement, began, time.time_ns()))

    def failed(context: Any) -> None:
        conn = context.connection
        if conn is None or context.statement is None or _BEGAN not in conn.info:
            return
        statement, began = conn.info.pop(_BEGAN)
        name = _name(statement, context.execution_context)
        error = type(context.original_exception).__name__
        ran(Statement(name, statement, began, time.time_ns(), error))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)
    event.listen(engine.pool, "checkout", lambda *_: took(1))
    event.listen(engine.pool, "checkin", lambda *_: took(-1))


@contextmanager
def watched(
    connection: Connection, name: str, text: str, values: Sequence[object]
) -> Iterator[None]:
    """Tell whoever watches of the statement that the driver runs in this block."""
    engine = connection.engine.sync_engine
    if engine.echo:
        _ECHO.info("%s\n%r", text, values)
    ran = _WATCHERS.get(engine)
    if ran is None:
        yield
        return
    began, error = time.time_ns(), None
    try:
        yield
    except BaseException as failure:
        error = type(failure).__name__
        raise
    finally:
        ran(Statement(name, text, began, time.time_ns(), error))


def _name(statement: str, context: Any) -> str:
    """Return the name of the statement's file, or its verb and table; never its values."""
    named = context.execution_options.get(NAME) if context is not None else None
    return named or _summary(statement)


def _summary(statement: str) -> str:
    verb = statement.lstrip("( \n").split(None, 1)[0].upper() if statement.strip() else _OTHER
    if not verb.isalpha():
        return _OTHER
    table = _TABLE.search(statement)
    return f"{verb} {table[1].lower()}" if table else verb
