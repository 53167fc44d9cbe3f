"""How often rules were broken in a window, by stage and by rule."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.broken_rule import Rule
from app.flow.calendar import Window
from app.flow.rule_breaks import RuleBreak, RuleBreaks, rule_breaks
from tests.fixture_f1 import F1_WEEK, d1, d3
from tests.strategies import instants, partitions, property_test

BREAKS = st.lists(
    st.builds(RuleBreak, st.integers(1, 3), st.sampled_from(Rule), instants(), st.booleans())
)


def test_rules_are_counted_where_and_as_often_as_they_were_broken() -> None:
    told = [
        RuleBreak(1, Rule.WIP_LIMIT, d1),
        RuleBreak(1, Rule.WIP_LIMIT, d3),
        RuleBreak(1, Rule.ALLOWED_MOVE, d3),
        RuleBreak(2, Rule.WIP_LIMIT, d3),
    ]
    found = rule_breaks(told, F1_WEEK)
    assert (found.of(1, Rule.WIP_LIMIT), found.at(1)) == (2, 3)
    assert (found.of(2, Rule.WIP_LIMIT), found.at(2)) == (1, 1)
    assert (found.of(2, Rule.BACKWARD_REASON), found.at(3)) == (0, 0)


def test_a_window_has_its_start_and_not_its_end() -> None:
    edges = [F1_WEEK.start, F1_WEEK.end]
    found = rule_breaks([RuleBreak(1, Rule.WIP_LIMIT, at) for at in edges], F1_WEEK)
    assert found == RuleBreaks({(1, Rule.WIP_LIMIT): 1})


def test_a_voided_move_breaks_nothing() -> None:
    assert rule_breaks([RuleBreak(1, Rule.WIP_LIMIT, d3, voided=True)], F1_WEEK) == RuleBreaks()


@property_test
@given(BREAKS, partitions())
def test_adjacent_windows_add_up(told: list[RuleBreak], parts: tuple[Window, list[Window]]) -> None:
    whole, pieces = parts
    for stage_id in (1, 2, 3):
        counted = [rule_breaks(told, piece).at(stage_id) for piece in pieces]
        assert sum(counted) == rule_breaks(told, whole).at(stage_id)
