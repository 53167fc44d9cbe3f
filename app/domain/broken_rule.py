"""A rule of a stream that a move breaks: which one, where, and how to go on."""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What a team can agree on about its moves."""

    WIP_LIMIT = "wip_limit"
    ALLOWED_MOVE = "allowed_move"
    BACKWARD_REASON = "backward_reason"


_REMEDY = {
    Rule.WIP_LIMIT: "move one of them on first, or repeat with `override_reason`",
    Rule.ALLOWED_MOVE: "move to an allowed stage, or repeat with `override_reason`",
    Rule.BACKWARD_REASON: "repeat with `reason`",
}
_MISSING = {
    Rule.WIP_LIMIT: "override_reason",
    Rule.ALLOWED_MOVE: "override_reason",
    Rule.BACKWARD_REASON: "reason",
}


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that entering `stage` breaks; an enforced one stops the move, another warns."""

    rule: Rule
    stage: str
    message: str
    enforced: bool

    @property
    def remedy(self) -> str:
        """What a caller can do about it."""
        return _REMEDY[self.rule]

    @property
    def missing(self) -> str:
        """The part of a request that would have let it through."""
        return _MISSING[self.rule]
