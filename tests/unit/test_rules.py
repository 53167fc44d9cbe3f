"""What a team has agreed on: which moves break it, and what it takes to make them all the same."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.broken_rule import BrokenRule, Rule
from app.domain.errors import Conflict, MoveNotAllowed, ReasonNeeded, RuleBroken, WipLimitReached
from app.domain.rules import broken_by_entry, broken_by_move, check_enforced, is_limited
from app.domain.value_stream import (
    DEFAULT_STREAM,
    MovePolicy,
    MoveRules,
    Stage,
    ValueStream,
    WipPolicy,
    Zone,
)
from tests.strategies import property_test, streams

FORWARD = frozenset({("Backlog", "Analysis"), ("Analysis", "Development"), ("Analysis", "Testing")})
OPEN, WARN, ENFORCE = MovePolicy.OPEN, MovePolicy.WARN, MovePolicy.ENFORCE


def ruled(
    policy: MovePolicy = OPEN, backward: MovePolicy = OPEN, stream: ValueStream = DEFAULT_STREAM
) -> ValueStream:
    """Return a stream with ids, and with these rules about moves."""
    stages = tuple(replace(each, id=number) for number, each in enumerate(stream.stages, start=1))
    allowed = frozenset() if policy is OPEN else FORWARD
    return replace(stream, stages=stages, moves=MoveRules(policy, allowed, backward))


def broken(stream: ValueStream, left: str | None, entered: str, reason: str | None = None) -> str:
    """Name the rules that a move breaks, enforced ones in capitals."""
    found = broken_by_move(
        stream, stream.stage(left) if left else None, stream.stage(entered), reason
    )
    return " ".join(each.rule.upper() if each.enforced else str(each.rule) for each in found)


def limited(limit: int | None, policy: WipPolicy) -> Stage:
    return replace(DEFAULT_STREAM.stage("Testing"), wip_limit=limit, wip_policy=policy)


@pytest.mark.parametrize("left", [None, "Backlog", "Testing", "Production"])
def test_a_stream_without_rules_lets_everything_pass(left: str | None) -> None:
    assert [broken(ruled(), left, stage.name) for stage in ruled().stages] == [""] * 6


def test_a_move_that_is_not_allowed_is_warned_of_or_stopped() -> None:
    assert broken(ruled(WARN), "Backlog", "Testing") == "allowed_move"
    assert broken(ruled(ENFORCE), "Backlog", "Testing") == "ALLOWED_MOVE"
    assert broken(ruled(ENFORCE), "Backlog", "Analysis") == ""


def test_moves_are_allowed_in_one_direction_only() -> None:
    assert broken(ruled(ENFORCE), "Analysis", "Backlog") == "ALLOWED_MOVE"


def test_the_first_move_of_an_item_is_free_and_so_is_one_to_the_stage_in_force() -> None:
    strict = ruled(ENFORCE, ENFORCE)
    assert [broken(strict, None, stage.name) for stage in strict.stages] == [""] * 6
    assert [broken(strict, stage.name, stage.name) for stage in strict.stages] == [""] * 6


def test_a_message_names_what_is_allowed_in_the_order_of_the_stages() -> None:
    stream = ruled(ENFORCE)
    [found] = broken_by_move(stream, stream.stage("Analysis"), stream.stage("Production"), None)
    assert found.message == (
        "the stream does not allow moves from Analysis to Production; "
        "from Analysis it allows: Development, Testing"
    )
    [found] = broken_by_move(stream, stream.stage("Testing"), stream.stage("Production"), None)
    assert found.message.endswith("from Testing it allows: none")


def test_a_move_back_needs_a_reason_where_the_stream_wants_one() -> None:
    for policy, expected in ((OPEN, ""), (WARN, "backward_reason"), (ENFORCE, "BACKWARD_REASON")):
        stream = ruled(backward=policy)
        assert broken(stream, "Testing", "Development") == expected
        assert broken(stream, "Testing", "Development", "  ") == expected
        assert broken(stream, "Testing", "Development", "a defect") == ""
        assert broken(stream, "Production", "Testing") == expected
        assert broken(stream, "Testing", "Production") == ""


def test_one_move_may_break_several_rules() -> None:
    assert broken(ruled(WARN, ENFORCE), "Testing", "Analysis") == "allowed_move BACKWARD_REASON"


@pytest.mark.parametrize(("others", "fits"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_stage_holds_as_many_items_as_its_limit(others: int, fits: bool) -> None:
    for policy in (WipPolicy.WARN, WipPolicy.ENFORCE):
        found = broken_by_entry(limited(2, policy), others)
        assert [each.enforced for each in found] == ([] if fits else [policy == "enforce"])


def test_a_limit_that_is_only_observed_and_no_limit_at_all_break_nothing() -> None:
    assert broken_by_entry(limited(1, WipPolicy.OBSERVE), 7) == []
    assert broken_by_entry(limited(None, WipPolicy.ENFORCE), 7) == []


def test_a_message_names_stage_limit_and_number() -> None:
    [found] = broken_by_entry(limited(3, WipPolicy.ENFORCE), 4)
    assert found.message == "Testing has a WIP limit of 3 and holds 4 items already"
    [found] = broken_by_entry(limited(1, WipPolicy.WARN), 1)
    assert found.message == "Testing has a WIP limit of 1 and holds 1 item already"


@pytest.mark.parametrize("policy", WipPolicy)
def test_items_are_counted_only_where_a_limit_has_consequences(policy: WipPolicy) -> None:
    stages = tuple(replace(each, wip_limit=1, wip_policy=policy) for each in DEFAULT_STREAM.stages)
    stream = replace(DEFAULT_STREAM, stages=stages)
    for stage in stream.stages:
        wanted = policy is not WipPolicy.OBSERVE and stream.zone(stage) is not Zone.DONE
        assert is_limited(stream, stage) == wanted
        assert not is_limited(stream, replace(stage, wip_limit=None))


def broken_rule(rule: Rule, *, enforced: bool) -> BrokenRule:
    return BrokenRule(rule, "Testing", f"against {rule}", enforced)


@pytest.mark.parametrize(
    ("rule", "refusal", "remedy"),
    [
        (Rule.WIP_LIMIT, WipLimitReached, "override_reason"),
        (Rule.ALLOWED_MOVE, MoveNotAllowed, "override_reason"),
        (Rule.BACKWARD_REASON, ReasonNeeded, "`reason`"),
    ],
)
def test_an_enforced_rule_stops_a_move_and_tells_the_remedy(
    rule: Rule, refusal: type[RuleBroken], remedy: str
) -> None:
    for reason in (None, "", "  "):
        with pytest.raises(refusal, match=f"against {rule}: .*{remedy}") as caught:
            check_enforced([broken_rule(rule, enforced=True)], reason)
        assert isinstance(caught.value, Conflict)
    check_enforced([broken_rule(rule, enforced=True)], "a live defect")
    check_enforced([broken_rule(rule, enforced=False)], None)


def test_a_refusal_tells_every_enforced_rule_and_no_other() -> None:
    told = [
        broken_rule(Rule.ALLOWED_MOVE, enforced=False),
        broken_rule(Rule.BACKWARD_REASON, enforced=True),
        broken_rule(Rule.WIP_LIMIT, enforced=True),
    ]
    with pytest.raises(ReasonNeeded) as refusal:
        check_enforced(told, None)
    assert refusal.value.broken == tuple(told[1:])
    assert "against wip_limit" in refusal.value.detail
    assert "against allowed_move" not in refusal.value.detail


@property_test
@given(streams(), st.sampled_from(MovePolicy), st.sampled_from(MovePolicy), st.data())
def test_a_move_breaks_each_rule_exactly_as_it_is_defined(
    plain: ValueStream, policy: MovePolicy, backward: MovePolicy, data: st.DataObject
) -> None:
    names = [stage.name for stage in plain.stages]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names))
    allowed = data.draw(st.frozensets(pairs))
    stream = replace(
        ruled(backward=backward, stream=plain), moves=MoveRules(policy, allowed, backward)
    )
    left, entered = data.draw(st.tuples(*[st.sampled_from(stream.stages)] * 2))
    reason = data.draw(st.none() | st.just("why"))
    found = {each.rule: each for each in broken_by_move(stream, left, entered, reason)}
    moves = left is not entered
    off = moves and policy is not OPEN and (left.name, entered.name) not in allowed
    mute = backward is not OPEN and entered.order < left.order and reason is None
    assert (Rule.ALLOWED_MOVE in found, Rule.BACKWARD_REASON in found) == (off, mute)
    for rule, said in ((Rule.ALLOWED_MOVE, policy), (Rule.BACKWARD_REASON, backward)):
        if rule in found:
            assert found[rule].enforced == (said is ENFORCE)
            assert found[rule].stage == entered.name
