"""How often the rules of a stream were broken: moves made all the same, warned of or overridden.

A rule counts where it was broken, at the stage entered, and when: at the instant of the move, or of
the restoration. One move may break several rules. A voided move breaks none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.broken_rule import Rule
from app.flow.calendar import Window


@dataclass(frozen=True, slots=True)
class RuleBreak:
    """One rule that was broken by entering a stage."""

    stage_id: int
    rule: Rule
    broken_at: datetime
    voided: bool = False


@dataclass(frozen=True, slots=True)
class RuleBreaks:
    """The number of times in one window, by stage and rule; what is missing was never broken."""

    counts: Mapping[tuple[int, Rule], int] = field(default_factory=dict)

    def of(self, stage_id: int, rule: Rule) -> int:
        """Return how often one rule was broken at a stage."""
        return self.counts.get((stage_id, rule), 0)

    def at(self, stage_id: int) -> int:
        """Return how often any rule was broken at a stage."""
        return sum(self.of(stage_id, rule) for rule in Rule)


def rule_breaks(told: Iterable[RuleBreak], window: Window) -> RuleBreaks:
    """Count what was broken in the window."""
    return RuleBreaks(
        Counter(
            (each.stage_id, each.rule)
            for each in told
            if not each.voided and each.broken_at in window
        )
    )
