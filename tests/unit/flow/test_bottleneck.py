"""What amounts to a bottleneck, and what does not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from app.api.bottleneck import in_words
from app.connectors import demo
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream
from app.domain.work_item import ItemHistory
from app.flow.bottleneck import Bottleneck, Verdict, bottleneck
from app.flow.calendar import Window, rolling_window
from app.flow.queues import Observation, Queue, doing_stages, full_day_bounds, observe, with_data
from app.flow.times import item_times
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, HOUR_US, at, d1, d8

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
DAYS = 28
WINDOW = Window(NOW - timedelta(days=DAYS), NOW, NOW)
DAY_US = 24 * HOUR_US

STREAM = ValueStream(
    key="queues",
    name="With queues",
    stages=(
        Stage("Backlog", 1, "backlog", Category.WAIT),
        Stage("Development", 2, "development", Category.ACTIVE),
        Stage("Ready for test", 3, "queue", Category.WAIT, wip_limit=4),
        Stage("Testing", 4, "testing", Category.ACTIVE, wip_limit=3),
        Stage("Approval", 5, "approval", Category.WAIT),
        Stage("Production", 6, "production", Category.DONE),
    ),
)
STEADY = [1, 0] * (DAYS // 2)
GROWING = [1] * DAYS
EVEN = (1, 1, 1, 1)


def weigh(
    hours: Sequence[int] = EVEN,
    *,
    growing: Sequence[str] = (),
    at_limit: dict[str, float] | None = None,
    finished: int = 20,
    days: int = DAYS,
) -> Bottleneck:
    """Judge a window in which every item took the same hours in the stages, or nearly so."""
    limits = at_limit or {}
    queues = tuple(
        Queue(
            stage=stage,
            arrivals=tuple((GROWING if stage.name in growing else STEADY)[:days]),
            departures=tuple(([0] * DAYS if stage.name in growing else STEADY[::-1])[:days]),
            at_limit_us=int(limits[stage.name] * DAYS * DAY_US) if stage.name in limits else None,
            empty_us=stage.order * DAY_US,
            at_end=0,
        )
        for stage in doing_stages(STREAM)
    )
    times = tuple(tuple(each * HOUR_US for each in hours) for _ in range(finished))
    return bottleneck(Observation(WINDOW, finished, times, queues), STREAM)


def judged(found: Bottleneck) -> tuple[Verdict, str | None]:
    return found.verdict, found.stage.name if found.stage else None


LONG_TESTING = (1, 1, 3, 1)
LONG_QUEUE = (1, 3, 1, 1)


@pytest.mark.parametrize(
    ("found", "verdict", "stage"),
    [
        (weigh(), Verdict.NONE_CLEAR, None),
        (weigh(LONG_TESTING), Verdict.LONGEST_STAGE, "Testing"),
        (weigh(LONG_TESTING, growing=["Testing"]), Verdict.CONSTRAINT, "Testing"),
        (weigh(LONG_TESTING, at_limit={"Testing": 0.5}), Verdict.CONSTRAINT, "Testing"),
        (weigh(LONG_TESTING, at_limit={"Testing": 0.49}), Verdict.LONGEST_STAGE, "Testing"),
        (weigh(LONG_TESTING, growing=["Development"]), Verdict.LONGEST_STAGE, "Testing"),
        (weigh(growing=["Development"]), Verdict.GROWING_QUEUE, "Development"),
        (weigh(at_limit={"Testing": 1.0}), Verdict.NONE_CLEAR, None),
        (weigh(LONG_TESTING, finished=19), Verdict.INSUFFICIENT_DATA, None),
        (weigh(LONG_TESTING, days=27), Verdict.INSUFFICIENT_DATA, None),
    ],
)
def test_the_verdict_follows_from_the_evidence(
    found: Bottleneck, verdict: Verdict, stage: str | None
) -> None:
    assert judged(found) == (verdict, stage)


LONGEST = (
    "items spend 50% of their time in doing there, more than in any other stage in 100.0% of the"
    " resamples"
)
GROWN = "its queue grew by 28 items, which chance alone does with probability 0.0004"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (weigh(finished=3), "3 finished items on 28 full days are too few for a verdict: it takes"),
        (weigh(), "No stage stands out beyond chance"),
        (weigh(LONG_TESTING), f"Testing: {LONGEST}."),
        (weigh(LONG_TESTING, growing=["Testing"]), f"Testing: {LONGEST} and {GROWN}."),
        (weigh(growing=["Testing"]), f"Testing: {GROWN}."),
        (weigh(LONG_QUEUE), f"Ready for test, which waits for Testing: {LONGEST}."),
        (
            weigh(LONG_TESTING, at_limit={"Testing": 0.75}),
            f"Testing: {LONGEST} and it was at its limit 75% of the time.",
        ),
    ],
)
def test_the_claim_says_what_it_rests_on(found: Bottleneck, words: str) -> None:
    assert in_words(found).startswith(words)


def test_work_that_queues_in_a_waiting_stage_waits_for_the_next_active_one() -> None:
    found = weigh(LONG_QUEUE)
    assert judged(found) == (Verdict.LONGEST_STAGE, "Testing")
    assert found.seen_in is not None
    assert (found.seen_in.stage.name, found.waits_for) == ("Ready for test", STREAM.stages[3])


def test_a_waiting_stage_before_the_end_is_named_itself() -> None:
    found = weigh((1, 1, 1, 3))
    assert judged(found) == (Verdict.LONGEST_STAGE, "Approval")
    assert found.waits_for is None


def test_stages_are_ranked_by_their_share_then_in_order() -> None:
    found = weigh((1, 2, 4, 1))
    assert [each.stage.name for each in found.ranking] == [
        "Testing",
        "Ready for test",
        "Development",
        "Approval",
    ]
    assert [each.share for each in found.ranking] == [0.5, 0.25, 0.125, 0.125]


def test_each_stage_tells_how_long_the_one_below_starves() -> None:
    starved = {each.stage.name: each.next_empty for each in weigh().ranking}
    assert starved == {
        "Development": 3 / DAYS,
        "Ready for test": 4 / DAYS,
        "Testing": 5 / DAYS,
        "Approval": None,
    }


def test_too_few_data_have_shares_but_no_guards() -> None:
    found = weigh(LONG_TESTING, finished=19)
    assert found.ranking[0].share == 0.5
    assert {each.confidence for each in found.ranking} == {None}
    assert {each.p_adjusted for each in found.ranking} == {None}


def test_nothing_finished_has_no_shares() -> None:
    assert {each.share for each in weigh(finished=0).ranking} == {None}


def test_the_example_week_is_too_little_to_tell() -> None:
    """Four items in seven days: T is 24, 144, 84 and 12 h, as the value stream map has it."""
    items = [item_times(told, F1_STREAM, F1_WEEK.as_of) for told in F1]
    seen = observe(items, F1_STREAM, F1_WEEK, full_day_bounds(F1_WEEK, UTC))
    found = bottleneck(seen, F1_STREAM)
    assert judged(found) == (Verdict.INSUFFICIENT_DATA, None)
    assert {each.stage.name: each.time_us // HOUR_US for each in found.ranking} == {
        "Development": 144,
        "Testing": 84,
        "Analysis": 24,
        "Deployment": 12,
    }
    development = found.ranking[0]
    assert development.share == 144 / 264
    assert development.queue.arrivals == (1, 1, 1, 1, 1, 0, 1)
    assert development.queue.departures == (0, 1, 0, 1, 1, 2, 0)
    assert development.queue.at_end == 1


def test_a_limit_counts_from_the_item_that_reaches_it() -> None:
    limited = ValueStream(
        key="limited",
        name="Limited",
        stages=tuple(
            Stage(each.name, each.order, each.type, each.category, wip_limit=2)
            for each in F1_STREAM.stages
        ),
    )
    items = [item_times(told, limited, F1_WEEK.as_of) for told in F1]
    seen = observe(items, limited, F1_WEEK, full_day_bounds(F1_WEEK, UTC))
    development = seen.queues[1]
    # A d3-d5, B d2 12-d4 and d4 12-d6, D d1 06-d2 06, H d5-d6 and d7-d8
    assert development.at_limit_us == (24 + 12 + 24) * HOUR_US
    assert development.empty_us == (6 + 6 + 24) * HOUR_US
    unlimited = observe(items, limited, F1_WEEK, [d1, d8], with_limits=False)
    assert unlimited.queues[1].at_limit_us is None


def test_only_whole_local_days_count() -> None:
    window = Window(at(1, 6), at(4, 18), d8)
    assert full_day_bounds(window, UTC) == [at(2), at(3), at(4)]
    assert full_day_bounds(Window(at(1, 6), at(1, 18), d8), UTC) == [at(1, 18)]
    assert full_day_bounds(F1_WEEK, UTC) == [at(day) for day in range(1, 9)]
    assert full_day_bounds(F1_WEEK, ZoneInfo("Europe/Berlin"))[0] == at(1, 23)


def test_the_time_before_the_first_item_is_no_evidence() -> None:
    assert with_data(F1_WEEK, at(3)).start == at(3)
    assert with_data(F1_WEEK, at(0)) == F1_WEEK
    assert with_data(F1_WEEK, None) == F1_WEEK
    assert with_data(F1_WEEK, at(9)) == F1_WEEK


@cache
def made_up_year() -> tuple[ItemHistory, ...]:
    return tuple(demo.histories(DEFAULT_STREAM, now=NOW))


@pytest.mark.parametrize("ago", [0, 130, 200])
def test_the_made_up_year_has_its_bottleneck_in_testing(ago: int) -> None:
    """The demonstration gives testing fewer people than it needs."""
    as_of = NOW - timedelta(days=ago)
    known = (told for told in made_up_year() if told.created_at <= as_of)
    items = [item_times(told, DEFAULT_STREAM, as_of) for told in known]
    window = rolling_window(as_of, 90)
    seen = observe(items, DEFAULT_STREAM, window, full_day_bounds(window, UTC))
    found = bottleneck(seen, DEFAULT_STREAM)
    assert found.verdict in {Verdict.CONSTRAINT, Verdict.LONGEST_STAGE}
    assert found.stage == DEFAULT_STREAM.stage("Testing")
