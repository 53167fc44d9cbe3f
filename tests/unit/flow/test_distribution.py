"""The kinds of work that a window's throughput was made of."""

import math

from hypothesis import given

from app.domain.work_item import WorkItemType
from app.flow.calendar import Window
from app.flow.distribution import FLOW_ITEM_OF, FlowItem, counted, distribution
from app.flow.throughput import throughput
from app.flow.times import item_times
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK
from tests.strategies import Population, populations, property_test, windows


def test_the_week_was_half_features_and_half_defects() -> None:
    found = distribution(
        ((told.type, item_times(told, F1_STREAM, F1_WEEK.as_of)) for told in F1), F1_WEEK
    )
    assert found.by_type == {"feature": 2, "bug": 2, "task": 0, "epic": 0}
    assert found.by_flow_item == {"feature": 2, "defect": 2, "unclassified": 0}
    assert found.share(2) == 0.5


def test_every_type_has_a_flow_item() -> None:
    assert set(FLOW_ITEM_OF) == set(WorkItemType)
    assert set(FLOW_ITEM_OF.values()) == set(FlowItem)


def test_of_no_throughput_there_are_no_shares() -> None:
    found = counted({})
    assert (found.throughput, found.share(0)) == (0, None)
    assert set(found.by_type.values()) == set(found.by_flow_item.values()) == {0}


@property_test
@given(populations(), windows())
def test_the_shares_add_up_to_one_and_the_counts_to_the_throughput(
    population: Population, window: Window
) -> None:
    items = [
        (told.type, item_times(told, population.stream, window.as_of))
        for told in population.histories
    ]
    found = distribution(items, window)
    assert found.throughput == throughput((times for _, times in items), window)
    assert found.throughput == sum(found.by_flow_item.values())
    for counts in (found.by_type.values(), found.by_flow_item.values()):
        shares = [found.share(count) for count in counts]
        if found.throughput:
            assert math.isclose(math.fsum(share or 0 for share in shares), 1)
        else:
            assert set(shares) == {None}
