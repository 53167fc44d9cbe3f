"""Requests that are right in themselves, but do not fit the present state."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.broken_rule import BrokenRule
from app.domain.errors.base import VsmError


class Conflict(VsmError):
    """The request does not fit the present state."""

    type_name = "conflict"


class ItemCancelled(Conflict):
    """The work item is cancelled."""

    type_name = "item-cancelled"


class ItemNotCancelled(Conflict):
    """The work item is not cancelled."""

    type_name = "item-not-cancelled"


class CancelBeforeLastMove(Conflict):
    """A work item cannot be cancelled before its last move."""

    type_name = "cancel-before-last-move"


class TransitionVoided(Conflict):
    """The transition is void already."""

    type_name = "transition-voided"


class BlockEnded(Conflict):
    """The block is over already."""

    type_name = "block-ended"


class BlockVoided(Conflict):
    """The block is void already."""

    type_name = "block-voided"


class DuplicateItem(Conflict):
    """Another work item has this external key."""

    type_name = "duplicate-item"


class StreamNotEmpty(Conflict):
    """Made-up items are not mixed with others."""

    type_name = "stream-not-empty"


class EventIdReused(Conflict):
    """The source event id belongs to another transition of this item."""

    type_name = "event-id-reused"


class RuleBroken(Conflict):
    """The stream has a rule against this."""

    type_name = "rule-broken"

    def __init__(self, broken: Sequence[BrokenRule]) -> None:
        super().__init__("; ".join(f"{each.message}: {each.remedy}" for each in broken))
        self.broken = tuple(broken)


class WipLimitReached(RuleBroken):
    """The stage has reached its WIP limit."""

    type_name = "wip-limit-reached"


class MoveNotAllowed(RuleBroken):
    """The stream does not allow this move."""

    type_name = "move-not-allowed"


class ReasonNeeded(RuleBroken):
    """A move back needs a reason in this stream."""

    type_name = "reason-needed"


@dataclass(frozen=True, slots=True)
class StageProblem:
    """One stage that a definition leaves out although it is needed, and what needs it."""

    stream: str
    stage: str
    items: int
    moves: int

    @property
    def message(self) -> str:
        """What is there, and how to put it right."""
        items = f"{self.items} item{'s'[: self.items != 1]}"
        moves = f"{self.moves} move{'s'[: self.moves != 1]}"
        return (
            f"stage {self.stage!r} has {items} in it and {moves} into it; say which stage takes "
            f"them over: `replaces: [{self.stage}]`"
        )


class StageInUse(Conflict):
    """A stage cannot be left out while items or moves refer to it; nothing was changed."""

    type_name = "stage-in-use"

    def __init__(self, problems: Sequence[StageProblem]) -> None:
        super().__init__("; ".join(f"stream {each.stream!r}: {each.message}" for each in problems))
        self.problems = tuple(problems)


class PreconditionFailed(VsmError):
    """The work item has changed since you looked."""

    type_name = "precondition-failed"


class IdempotencyKeyReused(VsmError):
    """The Idempotency-Key was used for another request."""

    type_name = "idempotency-key-reused"


class TooLarge(VsmError):
    """This is more than is accepted at once."""

    type_name = "too-large"
