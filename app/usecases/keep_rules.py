"""Keep the rules of a stream wherever an item enters a stage by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import rules
from app.domain.broken_rule import BrokenRule
from app.domain.value_stream import Stage, ValueStream
from app.store import broken_rules, stage_loads
from app.store.broken_rules import Breach
from app.store.database import Connection
from app.store.stage_loads import StageLoad


@dataclass(frozen=True, slots=True)
class Entry:
    """An item comes from a stage, or from none, into another one, for the reasons given."""

    stream: ValueStream
    left: Stage | None
    entered: Stage
    reason: str | None = None
    override_reason: str | None = None


async def reserve_place(
    connection: Connection, stream: ValueStream, stage: Stage | None, item_id: int
) -> StageLoad | None:
    """Keep others out of a stage with a limit, and count; None without such a stage.

    To be called with the item's row locked and before the clock is read: then whoever left a place
    free has left it before, by the clock too.
    """
    if stage is None or not rules.is_limited(stream, stage):
        return None
    return await stage_loads.reserve(connection, stream.id, stage, item_id)


def check_rules(entry: Entry, load: StageLoad | None) -> Sequence[BrokenRule]:
    """Return the rules that an entry breaks and may break: warned of, or with a reason given.

    Raises MoveNotAllowed, ReasonNeeded, WipLimitReached.
    """
    broken = [
        *rules.broken_by_move(entry.stream, entry.left, entry.entered, entry.reason),
        *over_limit(load),
    ]
    rules.check_enforced(broken, entry.override_reason)
    return broken


def over_limit(load: StageLoad | None) -> Sequence[BrokenRule]:
    """Return the WIP limit if the item makes one too many."""
    return () if load is None else rules.broken_by_entry(load.stage, load.others)


async def record_broken(
    connection: Connection, breach: Breach, broken: Sequence[BrokenRule]
) -> None:
    """Keep what was broken; without anything to keep, no statement is run."""
    if broken:
        await broken_rules.add(connection, breach, broken)
