"""Laws of what comes to the stages, leaves them and lies in them."""

from dataclasses import replace

from hypothesis import given

from app.flow.calendar import MICROSECOND, Window
from app.flow.queues import Observation, doing_stages, observe
from app.flow.times import item_times
from app.flow.wip import wip_at, wip_at_end
from tests.strategies import Population, populations, property_test, windows


def whole(population: Population, window: Window) -> Observation:
    """Observe a window as if it were one day."""
    items = [item_times(told, population.stream) for told in population.histories]
    return observe(items, population.stream, window, [window.start, window.end])


@property_test
@given(populations(), windows())
def test_what_came_less_what_went_is_the_change_of_what_is_there(
    population: Population, window: Window
) -> None:
    """P6: over all stages in doing, that is the change of WIP."""
    seen = whole(population, window)
    items = [item_times(told, population.stream) for told in population.histories]
    before = window.start - MICROSECOND
    growth = sum(change for queue in seen.queues for change in queue.net_flow)
    assert growth == wip_at_end(items, window) - wip_at(items, before)


@property_test
@given(populations(), windows())
def test_the_stages_make_up_work_in_process(population: Population, window: Window) -> None:
    """P5: each item in process is in one stage."""
    items = [item_times(told, population.stream) for told in population.histories]
    at_end = [queue.at_end for queue in whole(population, window).queues]
    assert sum(at_end) == wip_at_end(items, window)


@property_test
@given(populations(), windows())
def test_a_limit_of_one_is_reached_whenever_the_stage_is_not_empty(
    population: Population, window: Window
) -> None:
    stages = tuple(replace(stage, wip_limit=1) for stage in population.stream.stages)
    limited = replace(population, stream=replace(population.stream, stages=stages))
    for queue in whole(limited, window).queues:
        assert queue.at_limit_us is not None
        assert queue.at_limit_us + queue.empty_us == window.length_us


@property_test
@given(populations(), windows())
def test_items_that_are_never_finished_have_no_part_in_the_times(
    population: Population, window: Window
) -> None:
    """P24: nor do the times of a finished item exceed its cycle time."""
    items = [item_times(told, population.stream) for told in population.histories]
    finished = [item for item in items if item.finished in window]
    seen = whole(population, window)
    alone = observe(finished, population.stream, window, [window.start, window.end])
    assert seen.times_us == alone.times_us
    assert all(len(row) == len(doing_stages(population.stream)) for row in seen.times_us)
    for row, item in zip(seen.times_us, finished, strict=True):
        assert sum(row) == (item.cycle_us or 0) - (item.parked_us or 0)
