"""The rules of a stream, applied to one item that enters a stage.

They look at the present: where the item is, where it goes, and how many are there. A stage is
entered only from elsewhere, so a move to the stage in force breaks nothing.
"""

from collections.abc import Sequence

from app.domain.broken_rule import BrokenRule, Rule
from app.domain.errors import MoveNotAllowed, ReasonNeeded, RuleBroken, WipLimitReached
from app.domain.value_stream import MovePolicy, Stage, ValueStream, WipPolicy, Zone

_REFUSALS: dict[Rule, type[RuleBroken]] = {
    Rule.ALLOWED_MOVE: MoveNotAllowed,
    Rule.BACKWARD_REASON: ReasonNeeded,
    Rule.WIP_LIMIT: WipLimitReached,
}


def is_limited(stream: ValueStream, stage: Stage) -> bool:
    """Tell whether items that enter the stage have to be counted.

    What lies in a done stage is delivered and no work in progress, so nothing is full there.
    """
    return (
        stage.wip_limit is not None
        and stage.wip_policy is not WipPolicy.OBSERVE
        and stream.zone(stage) is not Zone.DONE
    )


def broken_by_entry(stage: Stage, others: int) -> list[BrokenRule]:
    """Return the WIP limit if one item more, beside the others there, would exceed it."""
    if stage.wip_limit is None or others < stage.wip_limit:
        return []
    if stage.wip_policy is WipPolicy.OBSERVE:
        return []
    items = "1 item" if others == 1 else f"{others} items"
    message = f"{stage.name} has a WIP limit of {stage.wip_limit} and holds {items} already"
    enforced = stage.wip_policy is WipPolicy.ENFORCE
    return [BrokenRule(Rule.WIP_LIMIT, stage.name, message, enforced)]


def broken_by_move(
    stream: ValueStream, left: Stage | None, entered: Stage, reason: str | None
) -> list[BrokenRule]:
    """Return the rules about moves that a move from one stage to another breaks.

    An item's first move, which leaves no stage, is free. `reason` is what the mover said.
    """
    if left is None or left.id == entered.id:
        return []
    return [
        *_not_allowed(stream, left, entered),
        *_without_reason(stream, left, entered, reason),
    ]


def _not_allowed(stream: ValueStream, left: Stage, entered: Stage) -> list[BrokenRule]:
    rules = stream.moves
    if rules.policy is MovePolicy.OPEN or (left.name, entered.name) in rules.allowed:
        return []
    targets = [each.name for each in stream.stages if (left.name, each.name) in rules.allowed]
    message = (
        f"the stream does not allow moves from {left.name} to {entered.name}; "
        f"from {left.name} it allows: {', '.join(targets) or 'none'}"
    )
    enforced = rules.policy is MovePolicy.ENFORCE
    return [BrokenRule(Rule.ALLOWED_MOVE, entered.name, message, enforced)]


def _without_reason(
    stream: ValueStream, left: Stage, entered: Stage, reason: str | None
) -> list[BrokenRule]:
    policy = stream.moves.backward_reason
    forward = entered.order > left.order
    if policy is MovePolicy.OPEN or forward or (reason and reason.strip()):
        return []
    message = f"a move back from {left.name} to {entered.name} needs a reason"
    return [
        BrokenRule(
            Rule.BACKWARD_REASON, entered.name, message, enforced=policy is MovePolicy.ENFORCE
        )
    ]


def check_enforced(broken: Sequence[BrokenRule], override_reason: str | None) -> None:
    """Let broken rules pass with a warning, or with a reason where they are enforced.

    Raises MoveNotAllowed, ReasonNeeded or WipLimitReached, after the first enforced rule; it tells
    all of them, so that whoever overrides knows what.
    """
    enforced = [each for each in broken if each.enforced]
    if enforced and not (override_reason and override_reason.strip()):
        raise _REFUSALS[enforced[0].rule](enforced)
