"""The demo history is plausible, repeatable, and fit for any value stream."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.connectors.demo import histories
from app.domain.errors import InvalidValue
from app.domain.transition import ActorKind, Transition
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream, Zone
from app.domain.work_item import ItemHistory, WorkItemType

NOW = datetime(2026, 3, 18, 11, 20, 33, 123456, tzinfo=UTC)
DAYS = 365
START = NOW - timedelta(days=DAYS)
IMPROVED = START + timedelta(days=DAYS) * 2 / 3
SATURDAY = 5

EIGHT_STAGES = ValueStream(
    key="eight",
    name="Eight stages in words of their own",
    stages=(
        Stage("Idées", 10, "x", Category.WAIT),
        Stage("Prêt", 20, "x", Category.WAIT),
        Stage("Conception", 30, "x", Category.ACTIVE),
        Stage("Réalisation", 40, "x", Category.ACTIVE),
        Stage("À vérifier", 50, "x", Category.WAIT),
        Stage("Vérification", 60, "x", Category.ACTIVE),
        Stage("Livraison", 70, "x", Category.ACTIVE),
        Stage("Livré", 80, "x", Category.DONE),
    ),
)


@cache
def a_year(stream: ValueStream = DEFAULT_STREAM, seed: int = 1) -> tuple[ItemHistory, ...]:
    return tuple(histories(stream, now=NOW, days=DAYS, seed=seed))


def moves(items: tuple[ItemHistory, ...]) -> list[Transition]:
    return [move for item in items for move in item.transitions]


def share_with(
    zones: tuple[Zone, Zone], items: tuple[ItemHistory, ...], stream: ValueStream = DEFAULT_STREAM
) -> float:
    """Return the share of items with a backward move from the one zone into the other."""

    def has_one(item: ItemHistory) -> bool:
        stages = [stream.stage(move.to_stage) for move in item.transitions]
        return any(
            left.order > entered.order and (stream.zone(left), stream.zone(entered)) == zones
            for left, entered in pairwise(stages)
        )

    return sum(map(has_one, items)) / len(items)


def stage_at(item: ItemHistory, instant: datetime) -> str | None:
    """Return where an item was; None when it was not there yet, or cancelled."""
    if item.cancelled_at is not None and item.cancelled_at <= instant:
        return None
    return next(
        (move.to_stage for move in reversed(item.transitions) if move.timestamp <= instant), None
    )


def looks_at_work(items: tuple[ItemHistory, ...], first: datetime, last: datetime) -> Counter[str]:
    """Return how many items each stage held, summed over one look per day."""
    days = [first + timedelta(days=day) for day in range((last - first).days)]
    return Counter(where for day in days for item in items if (where := stage_at(item, day)))


def started(item: ItemHistory) -> bool:
    return any(move.to_stage != "Backlog" for move in item.transitions)


def finished(items: tuple[ItemHistory, ...]) -> list[ItemHistory]:
    return [item for item in items if "Production" in {move.to_stage for move in item.transitions}]


def test_the_same_arguments_give_the_same_histories() -> None:
    assert a_year() == tuple(histories(DEFAULT_STREAM, now=NOW))


def test_the_offset_of_now_does_not_matter() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-7)))
    assert a_year() == tuple(histories(DEFAULT_STREAM, now=elsewhere))


def test_another_seed_gives_other_histories() -> None:
    assert a_year() != a_year(seed=2)


def test_about_as_many_items_arrive_as_asked_for() -> None:
    many = list(histories(DEFAULT_STREAM, now=NOW, items_per_week=60))
    weeks = 52 - 3  # the six weeks of summer bring half
    assert len(a_year()) == pytest.approx(12 * weeks, rel=0.1)
    assert len(many) == pytest.approx(60 * weeks, rel=0.1)


def test_keys_count_up_in_the_order_of_creation() -> None:
    items = a_year()
    assert [item.key for item in items] == [f"DEMO-{n}" for n in range(1, len(items) + 1)]
    assert {item.source for item in items} == {"demo"}
    assert all(earlier.created_at <= later.created_at for earlier, later in pairwise(items))


def test_every_move_has_an_event_id_of_its_own() -> None:
    ids = [move.source_event_id for move in moves(a_year())]
    assert set(ids) == {f"demo:{n}" for n in range(1, len(ids) + 1)}


def test_items_are_created_by_their_first_move_into_the_first_stage() -> None:
    for item in a_year():
        first = item.transitions[0]
        assert (first.to_stage, first.timestamp) == ("Backlog", item.created_at)
        assert first.from_stage is None


@pytest.mark.parametrize("stream", [DEFAULT_STREAM, EIGHT_STAGES], ids=lambda stream: stream.key)
def test_moves_are_chronological_and_name_the_stage_they_leave(stream: ValueStream) -> None:
    for item in a_year(stream):
        for before, after in pairwise(item.transitions):
            assert before.timestamp < after.timestamp
            assert before.to_stage == after.from_stage != after.to_stage


@pytest.mark.parametrize("stream", [DEFAULT_STREAM, EIGHT_STAGES], ids=lambda stream: stream.key)
def test_everything_happens_within_the_days_before_now(stream: ValueStream) -> None:
    instants = [move.timestamp for move in moves(a_year(stream))]
    instants += [item.cancelled_at for item in a_year(stream) if item.cancelled_at]
    assert all(instant.tzinfo is UTC for instant in instants)
    assert START <= min(instants) < START + timedelta(days=7)
    assert NOW - timedelta(days=1) < max(instants) <= NOW
    assert any(instant.microsecond for instant in instants)


@pytest.mark.parametrize("stream", [DEFAULT_STREAM, EIGHT_STAGES], ids=lambda stream: stream.key)
def test_nothing_happens_after_a_cancellation(stream: ValueStream) -> None:
    cancelled = [item for item in a_year(stream) if item.cancelled_at]
    assert cancelled
    for item in cancelled:
        assert item.cancelled_at is not None
        assert item.cancelled_at > item.transitions[-1].timestamp


def test_types_are_mixed_as_in_a_product_team() -> None:
    items = a_year()
    count = Counter(item.type for item in items)
    expected = {
        WorkItemType.FEATURE: 0.45,
        WorkItemType.BUG: 0.30,
        WorkItemType.TASK: 0.20,
        WorkItemType.EPIC: 0.05,
    }
    assert {kind: count[kind] / len(items) for kind in expected} == pytest.approx(
        expected, abs=0.05
    )


def test_bugs_are_done_sooner_than_features_and_epics_later() -> None:
    def median_cycle_time(kind: WorkItemType) -> timedelta:
        times = []
        for item in finished(a_year()):
            if item.type is kind:
                start = next(m.timestamp for m in item.transitions if m.to_stage != "Backlog")
                end = next(m.timestamp for m in item.transitions if m.to_stage == "Production")
                times.append(end - start)
        return sorted(times)[len(times) // 2]

    bug, feature, epic = map(
        median_cycle_time, (WorkItemType.BUG, WorkItemType.FEATURE, WorkItemType.EPIC)
    )
    assert bug < feature < epic


def test_titles_are_varied_and_short_enough_for_a_card() -> None:
    titles = [item.title for item in a_year()]
    assert len(set(titles)) > 0.6 * len(titles)
    assert max(map(len, titles)) < 80


def test_about_a_fifth_of_the_items_comes_back_from_testing_with_a_reason() -> None:
    back = [
        move
        for move in moves(a_year())
        if (move.from_stage, move.to_stage) == ("Testing", "Development")
    ]
    assert 0.13 < share_with((Zone.DOING, Zone.DOING), a_year()) < 0.25
    assert all(move.reason for move in back)


def test_some_items_are_reopened_after_production() -> None:
    back = [move for move in moves(a_year()) if move.from_stage == "Production"]
    assert 0.02 < share_with((Zone.DONE, Zone.DOING), a_year()) < 0.07
    assert all(move.reason for move in back)


def test_some_items_are_put_back_into_the_backlog() -> None:
    back = [move for move in moves(a_year()) if move.from_stage and move.to_stage == "Backlog"]
    assert 0.015 < share_with((Zone.DOING, Zone.TODO), a_year()) < 0.06
    assert all(move.reason for move in back)


def test_some_items_are_cancelled_before_and_some_after_they_were_started() -> None:
    cancelled = [item for item in a_year() if item.cancelled_at]
    assert 0.04 < len(cancelled) / len(a_year()) < 0.10
    assert {started(item) for item in cancelled} == {True, False}
    assert all(item.cancel_reason for item in cancelled)
    assert not any(item.cancel_reason for item in a_year() if not item.cancelled_at)


def test_bugs_skip_analysis_and_features_do_not() -> None:
    for item in finished(a_year()):
        analysed = "Analysis" in {move.to_stage for move in item.transitions}
        if item.type is WorkItemType.BUG:
            assert not analysed
        if item.type is WorkItemType.FEATURE:
            assert analysed


@pytest.mark.parametrize("stream", [DEFAULT_STREAM, EIGHT_STAGES], ids=lambda stream: stream.key)
@pytest.mark.parametrize("seed", range(1, 6))
def test_every_stage_holds_open_items_and_a_very_old_one(stream: ValueStream, seed: int) -> None:
    since: dict[str, list[datetime]] = {stage.name: [] for stage in stream.stages}
    for item in a_year(stream, seed):
        if not item.cancelled_at:
            since[item.transitions[-1].to_stage].append(item.transitions[-1].timestamp)
    for entered in since.values():
        assert len(entered) >= 2
        assert min(entered) < NOW - timedelta(days=200)


def test_little_moves_at_night_and_on_weekends() -> None:
    instants = [move.timestamp for move in moves(a_year())]
    weekend = [instant for instant in instants if instant.weekday() >= SATURDAY]
    working = [
        instant for instant in instants if instant.weekday() < SATURDAY and 8 <= instant.hour < 18
    ]
    assert 0.9 < len(working) / len(instants) < 1
    assert 0 < len(weekend) / len(instants) < 0.02


def test_summer_is_quieter_than_spring() -> None:
    def arrivals(month: int) -> int:
        return sum(item.created_at.month == month for item in a_year())

    assert arrivals(8) < 0.85 * arrivals(5)


def test_production_is_entered_mostly_on_tuesdays_and_thursdays() -> None:
    days = Counter(
        move.timestamp.strftime("%a") for move in moves(a_year()) if move.to_stage == "Production"
    )
    assert (days["Tue"] + days["Thu"]) / days.total() > 0.9
    assert min(days["Tue"], days["Thu"]) > 0.3 * days.total()
    assert set(days) > {"Tue", "Thu"}, "hotfixes do not wait"


def test_one_release_delivers_several_items_at_one_instant() -> None:
    entries = Counter(move.timestamp for move in moves(a_year()) if move.to_stage == "Production")
    assert max(entries.values()) > 3


def test_deployment_is_automated_and_the_rest_is_not() -> None:
    for move in moves(a_year()):
        automated = move.actor_kind is ActorKind.AUTOMATION
        assert automated == (move.to_stage in {"Deployment", "Production"})
    assert {move.actor_kind for move in moves(a_year())} == set(ActorKind)


@pytest.mark.parametrize("seed", range(1, 6))
def test_testing_is_the_bottleneck_until_it_gets_more_people(seed: int) -> None:
    items = a_year(seed=seed)
    doing = ("Analysis", "Development", "Testing", "Deployment")
    before = looks_at_work(items, START + timedelta(days=60), IMPROVED)
    assert max(doing, key=before.__getitem__) == "Testing"
    span = timedelta(days=40)
    at_worst = looks_at_work(items, IMPROVED - span, IMPROVED)["Testing"]
    in_the_end = looks_at_work(items, NOW - span, NOW)["Testing"]
    assert in_the_end < 0.75 * at_worst


def test_where_a_stage_waits_before_the_bottleneck_the_queue_builds_there() -> None:
    before = looks_at_work(a_year(EIGHT_STAGES), START + timedelta(days=60), IMPROVED)
    doing = [s.name for s in EIGHT_STAGES.stages if EIGHT_STAGES.zone(s) is Zone.DOING]
    assert max(doing, key=before.__getitem__) == "À vérifier"


def test_a_stream_with_words_of_its_own_has_every_kind_of_move() -> None:
    items = a_year(EIGHT_STAGES)
    assert share_with((Zone.DOING, Zone.DOING), items, EIGHT_STAGES) > 0.1
    assert share_with((Zone.DONE, Zone.DOING), items, EIGHT_STAGES) > 0.01
    assert share_with((Zone.DOING, Zone.TODO), items, EIGHT_STAGES) > 0.01
    assert {move.to_stage for move in moves(items)} == {s.name for s in EIGHT_STAGES.stages}


@st.composite
def streams(draw: st.DrawFn) -> ValueStream:
    open_ones = draw(
        st.lists(st.sampled_from([Category.WAIT, Category.ACTIVE]), min_size=1, max_size=6).filter(
            lambda categories: Category.ACTIVE in categories
        )
    )
    categories = [*open_ones, *[Category.DONE] * draw(st.integers(1, 3))]
    stages = (Stage(f"S{at}", at, "", category) for at, category in enumerate(categories))
    return ValueStream("any", "Any", tuple(stages))


@settings(max_examples=40, deadline=None)
@given(
    stream=streams(),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is added
    days=st.integers(1, 90),
    rate=st.floats(0.1, 40),
    seed=st.integers(),
)
def test_any_stream_at_any_time_gets_a_sound_history(
    stream: ValueStream, now: datetime, days: int, rate: float, seed: int
) -> None:
    for item in histories(stream, now=now, days=days, items_per_week=rate, seed=seed):
        instants = [move.timestamp for move in item.transitions]
        ends = [item.cancelled_at] if item.cancelled_at else []
        assert [*instants, *ends] == sorted([*instants, *ends])
        assert now - timedelta(days=days) <= instants[0]
        assert [*instants, *ends][-1] <= now
        for move in item.transitions:
            assert stream.stage(move.to_stage).name == move.to_stage


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("now", {"now": NOW.replace(tzinfo=None)}),
        ("days", {"now": NOW, "days": 0}),
        ("items_per_week", {"now": NOW, "items_per_week": 0.0}),
        ("items_per_week", {"now": NOW, "items_per_week": float("inf")}),
        ("items_per_week", {"now": NOW, "items_per_week": float("nan")}),
    ],
)
def test_values_that_cannot_be_right_are_refused_at_once(
    field: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(InvalidValue) as refused:
        histories(DEFAULT_STREAM, **arguments)  # type: ignore[arg-type]
    assert refused.value.field == field
