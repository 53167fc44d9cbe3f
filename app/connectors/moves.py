"""From one item's moves, in its source's words, to its transitions and its cancellation."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from app.connectors.stage_names import Meaning, Special
from app.domain.transition import Transition
from app.domain.value_stream import Category, Stage


class Move(NamedTuple):
    """An item came to a status at an instant; `meaning` is what the status stands for."""

    at: datetime
    word: str
    meaning: Meaning
    event_id: str
    from_stage: str | None = None
    reason: str | None = None


class Settled(NamedTuple):
    """`revived` counts visits to a cancelled status that the item left again; none is recorded."""

    transitions: tuple[Transition, ...]
    cancelled_at: datetime | None
    cancel_reason: str | None
    revived: int


def settle(moves: Sequence[Move], discarded: str | None = None) -> Settled:
    """Turn moves, in order, into transitions, and find the cancellation.

    An item that ends in a cancelled status was cancelled when it came there. One that was
    `discarded` (the reason) was cancelled by its last coming to done, or, where it does not end in
    done, by its last move. A coming that cancels is no transition: nothing was delivered by it.
    """
    kept = [move for move in moves if move.meaning is not Special.IGNORE]
    end = len(kept)
    while end and kept[end - 1].meaning is Special.CANCELLED:
        end -= 1
    cancelled_at, reason = None, None
    if end < len(kept):
        cancelled_at, reason = kept[end].at, kept[-1].reason or f"status: {kept[-1].word}"
    elif discarded is not None and kept:
        while end and _is_done(kept[end - 1].meaning):
            end -= 1
        cancelled_at, reason = kept[min(end, len(kept) - 1)].at, discarded
    stays = kept[:end]
    transitions = tuple(
        Transition(
            to_stage=move.meaning.name,
            timestamp=move.at,
            from_stage=move.from_stage,
            source_event_id=move.event_id,
            reason=move.reason,
        )
        for move in stays
        if isinstance(move.meaning, Stage)
    )
    return Settled(transitions, cancelled_at, reason, len(stays) - len(transitions))


def _is_done(meaning: Meaning) -> bool:
    return isinstance(meaning, Stage) and meaning.category is Category.DONE
