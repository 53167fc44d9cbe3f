"""What kind of work the throughput was made of: the flow distribution of the Flow Framework."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.work_item import WorkItemType
from app.flow.calendar import Window
from app.flow.times import ItemTimes


class FlowItem(StrEnum):
    """What the work is worth to whom, in the words of the Flow Framework.

    Its other two, risks and debts, cannot be told from a type: such work is unclassified.
    """

    FEATURE = "feature"
    DEFECT = "defect"
    UNCLASSIFIED = "unclassified"


FLOW_ITEM_OF: Mapping[WorkItemType, FlowItem] = {
    WorkItemType.FEATURE: FlowItem.FEATURE,
    WorkItemType.BUG: FlowItem.DEFECT,
    WorkItemType.TASK: FlowItem.UNCLASSIFIED,
    WorkItemType.EPIC: FlowItem.UNCLASSIFIED,
}


@dataclass(frozen=True, slots=True)
class FlowDistribution:
    """The throughput of a window by type; every type is there, also with 0."""

    by_type: Mapping[WorkItemType, int]

    @property
    def throughput(self) -> int:
        """All of it."""
        return sum(self.by_type.values())

    @property
    def by_flow_item(self) -> dict[FlowItem, int]:
        """The throughput by flow item; every one is there, also with 0."""
        found = dict.fromkeys(FlowItem, 0)
        for kind, count in self.by_type.items():
            found[FLOW_ITEM_OF[kind]] += count
        return found

    def share(self, count: int) -> float | None:
        """Return which part of the throughput so many items are; None when nothing finished."""
        return count / self.throughput if self.throughput else None


def distribution(
    items: Iterable[tuple[WorkItemType, ItemTimes]], window: Window
) -> FlowDistribution:
    """Count the items finished in the window by their present type.

    An item counts as in throughput: once, at its first finish. The shares of all types add up to
    1, and so do those of the flow items. Source: Flow Framework (Kersten, "Project to Product").
    """
    return counted(Counter(kind for kind, times in items if times.finished in window))


def counted(by_type: Mapping[WorkItemType, int]) -> FlowDistribution:
    """Return the distribution of these counts, with 0 for the types that are not among them."""
    return FlowDistribution({kind: by_type.get(kind, 0) for kind in WorkItemType})
