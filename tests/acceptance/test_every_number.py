"""Every analytical answer says what it rests on, and every number in it leads to its items.

On a history in which everything happens: items skip stages, return, are reopened, given up, told
late, corrected and blocked.
"""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest

from app.api.flow import LINKS
from app.main import create_app
from app.settings import Settings
from tests.acceptance.helpers import ITEMS, METRICS, day, get
from tests.acceptance.rich_history import rich_client

ASKED = (
    {"start": day(7), "end": day(35), "type": "bug"},
    {"start": day(0), "end": day(60), "tz": "America/Havana", "exclude_types": ["task", "epic"]},
    {"start": day(0), "end": day(42), "as_of": day(24.5)},
    {"days": 30, "as_of": day(33), "type": ["bug", "task"]},
    {"start": day(7), "end": day(28), "type": "bug", "exclude_types": "bug"},
)
"""Windows and filters."""

Answer = dict[str, Any]
Numbers = Iterator[tuple[str, int | None]]
"""The name of a link, and the number in the answer whose items it lists; None for none."""


@pytest.fixture(scope="module")
async def rich(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with a rich history, which tests only read."""
    async with rich_client(server_url, template) as client:
        yield client


def of_metrics(found: Answer) -> Numbers:
    """Tell the numbers that `/metrics` links."""
    own = {"cycle_time": "cycle_time_count", "lead_time": "lead_time_count"}
    for name in LINKS:
        yield name, found[own.get(name, name)]


def of_stages(found: Answer) -> Numbers:
    """Tell the numbers that `/metrics/stages` links."""
    yield "wip_at_end", found["totals"]["wip_at_end"]
    for stage in found["stages"]:
        yield f"in_stage:{stage['name']}", stage["wip_at_end"]
        yield f"entered_stage:{stage['name']}", stage["arrivals"]
        yield f"left_stage:{stage['name']}", stage["visits"]


def of_map(found: Answer) -> Numbers:
    """Tell the numbers that the map links."""
    yield "wip_at_end", found["totals"]["wip"]
    yield "blocked_now", found["blocked_now"]
    for stage in found["stages"]:
        yield f"in_stage:{stage['name']}", stage["wip"]
        yield f"left_stage:{stage['name']}", stage["visits"]


def of_series(found: Answer) -> Numbers:
    """Tell the numbers that the series link: those of all buckets together."""
    points = [point for series in found["series"] for point in series["points"]]
    for name in ("throughput", "started", "created", "discarded", "reopened", "recompleted"):
        yield name, sum(point[name] for point in points)
    yield "wip_at_end", sum(series["points"][-1]["wip_at_end"] for series in found["series"])


def of_cumulative_flow(found: Answer) -> Numbers:
    """Tell the numbers that the cumulative flow diagram links."""
    last = found["points"][-1]
    yield "discarded", last["discarded"] - found["opening"]["discarded"]
    yield "wip_at_end", last["wip"]
    for stage in found["stages"]:
        name = stage["name"]
        yield f"in_stage:{name}", last["in_stage"].get(name)
        yield f"entered_stage:{name}", sum(each["arrivals"][name] for each in found["points"])


def of_bottleneck(found: Answer) -> Numbers:
    """Tell the numbers that the bottleneck's evidence links."""
    for stage in found["stages"]:
        yield f"in_stage:{stage['stage']}", stage["wip_at_end"]


def of_littles_law(found: Answer) -> Numbers:
    """Tell the numbers that Little's law links."""
    yield "started", found["started"]
    yield "discarded", found["excluded"]["cancelled"]
    yield "wip_at_end", found["wip_at_end"]


def nothing_more(_: Answer) -> Numbers:
    """Tell of no numbers but the sample and what is left out of it."""
    yield from ()


NUMBERS: dict[str, Callable[[Answer], Numbers]] = {
    METRICS: of_metrics,
    f"{METRICS}/stages": of_stages,
    f"{METRICS}/series": of_series,
    f"{METRICS}/cumulative-flow": of_cumulative_flow,
    f"{METRICS}/scatter": lambda found: iter([("wip_now", found["wip_now"])]),
    f"{METRICS}/histogram": nothing_more,
    f"{METRICS}/aging": lambda found: iter(
        [("wip_now", found["wip"]), ("blocked_now", found["blocked_now"])]
    ),
    f"{METRICS}/littles-law": of_littles_law,
    f"{METRICS}/bottleneck": of_bottleneck,
    f"{METRICS}/distribution": nothing_more,
    f"{METRICS}/predictability": nothing_more,
    f"{METRICS}/reopen-rate": lambda found: iter(
        [("came_back", sum(week["reopened"] for week in found["weeks"]))]
    ),
    "/api/v1/value-stream-map": of_map,
}
"""For each analytical endpoint the numbers that it links, beside the sample and its complement."""

EVENTS = ("reopened", "recompleted", "decommits", "entered_stage", "left_stage")
"""Numbers that count events: an item to which it happened twice is listed once."""


class Listed:
    """What links list: each is followed once, and each item's history is read once."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.lists: dict[str, list[int]] = {}
        self.moves: dict[int, list[dict[str, Any]]] = {}

    async def agree(self, found: Answer, numbers: dict[str, int | None]) -> None:
        """Hold every link of an answer against its number; no link may be without one."""
        numbers = {"throughput": found["sample_size"], **numbers}
        numbers |= {f"excluded:{reason}": count for reason, count in found["excluded"].items()}
        assert set(found["links"]) - {"broken_rules"} == set(numbers)
        for name, number in numbers.items():
            link = found["links"][name]
            if name.partition(":")[0] in EVENTS:
                assert await self.events(link, found, name) == number, name
            elif number is not None:
                assert len(await self.ids(link)) == number, name

    async def ids(self, link: str) -> list[int]:
        """Return the items that a link lists, over all pages."""
        if link not in self.lists:
            found, following = list[int](), f"{link}&limit=25"
            while following:
                page = await self.client.get(following)
                assert page.status_code == 200, page.text
                found += [each["id"] for each in page.json()["items"]]
                following = page.links.get("next", {}).get("url", "")
            assert len(set(found)) == len(found)
            self.lists[link] = found
        return self.lists[link]

    async def events(self, link: str, found: Answer, name: str) -> int:
        """Count how often it happened to the items of a link in the window, by their histories."""
        kind, _, stage = name.partition(":")
        counted = 0
        for item_id in await self.ids(link):
            if item_id not in self.moves:
                path = f"{ITEMS}/{item_id}/history"
                self.moves[item_id] = (await get(self.client, path))["transitions"]
            moves = self.moves[item_id]
            happened = [
                each
                for number, each in enumerate(moves)
                if found["period_start"] <= each["timestamp"] < found["period_end"]
                and _is(kind, stage, each, moves[:number])
            ]
            assert happened, f"{item_id} has no {name}"
            counted += len(happened)
        return counted


def _is(kind: str, stage: str, move: dict[str, Any], before: list[dict[str, Any]]) -> bool:
    """Tell whether a move of the default stream is an event of this kind."""
    left, entered = move["from_stage"], move["to_stage"]
    if left == entered:
        return False
    delivered = any(each["to_stage"] == "Production" for each in before)
    kinds: dict[str, bool] = {
        "reopened": left == "Production",
        "recompleted": entered == "Production" and delivered,
        "decommits": entered == "Backlog" and left not in (None, "Production"),
        "entered_stage": entered == stage,
        "left_stage": left == stage,
    }
    return kinds[kind]


@pytest.fixture(scope="module")
async def listed(rich: httpx.AsyncClient) -> Listed:
    """What links list, for all tests."""
    return Listed(rich)


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize("asked", ASKED, ids=range(len(ASKED)))
async def test_a_link_lists_exactly_as_many_items_as_its_number_says(
    rich: httpx.AsyncClient, listed: Listed, path: str, asked: dict[str, Any]
) -> None:
    found = await get(rich, path, **asked)
    await listed.agree(found, dict(NUMBERS[path](found)))


@pytest.mark.parametrize("asked", ASKED, ids=range(len(ASKED)))
async def test_no_two_answers_leave_out_different_items(
    rich: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    answers = [await get(rich, path, **asked) for path in NUMBERS]
    assert all(each["sample_size"] == answers[0]["sample_size"] for each in answers)
    assert all(each["excluded"] == answers[0]["excluded"] for each in answers)


@pytest.mark.parametrize("asked", ASKED, ids=range(len(ASKED)))
async def test_the_link_of_a_finding_lists_exactly_the_items_that_it_counts(
    rich: httpx.AsyncClient, listed: Listed, asked: dict[str, Any]
) -> None:
    found = await get(rich, "/api/v1/data-quality", **asked, limit=100)
    counted = {each["rule"]: each for each in found["findings"]}
    assert set(found["links"]) == counted.keys() - {"silent_sources"}
    for rule, link in found["links"].items():
        items = await listed.ids(link)
        assert len(items) == counted[rule]["items_total"], rule
        assert set(items) >= {each["id"] for each in counted[rule]["items"]}


FRAME = {
    "definitions",
    "sample_size",
    "excluded",
    "low_confidence",
    "as_of",
    "partial",
    "last_event_at",
    "links",
    "period_start",
    "period_end",
}
"""What every analytical answer says of itself."""


def analytical_paths() -> list[str]:
    """Return the endpoints that measure, as the OpenAPI document has them."""
    paths = create_app(Settings.read({}), "postgresql+asyncpg://nowhere/none").openapi()["paths"]
    measures = ("/api/v1/metrics", "/api/v1/value-stream", "/api/v1/data-quality")
    return [
        path
        for path, methods in paths.items()
        if path.startswith(measures)
        and "flow metrics" in methods.get("get", {}).get("tags", ())
        and "{" not in path
    ] + ["/api/v1/value-streams/metrics"]


@pytest.mark.parametrize("path", analytical_paths())
async def test_every_analytical_answer_says_what_it_rests_on(
    rich: httpx.AsyncClient, client: httpx.AsyncClient, path: str
) -> None:
    found = await get(rich, path)
    assert set(found) >= FRAME
    assert found["definitions"]["window"] == "[start,end)"
    assert found["last_event_at"] is not None
    assert set(await get(client, path)) >= FRAME  # of an empty stream as well


def test_no_analytical_endpoint_is_left_out_here() -> None:
    others = {f"{METRICS}/rollups", "/api/v1/value-streams/metrics", "/api/v1/data-quality"}
    assert {*analytical_paths()} == {*NUMBERS} | others


async def test_the_history_holds_everything_that_can_happen(rich: httpx.AsyncClient) -> None:
    found = await get(rich, METRICS, start=day(0), end=day(42))
    for name in ("reopened", "recompleted", "decommits", "discarded", "rework_rate", "wip_at_end"):
        assert found[name], name
    assert found["blocked_time"]
    assert all(found["excluded"].values())


@pytest.mark.parametrize("asked", [{}, {"type": "bug", "period_type": "week"}, {"end": day(21)}])
async def test_the_kept_periods_lead_to_their_items(
    rich: httpx.AsyncClient, listed: Listed, asked: dict[str, Any]
) -> None:
    found = await get(rich, f"{METRICS}/rollups", **asked)
    assert found["periods"]
    series = {"points": found["periods"]}
    await listed.agree(found, dict(of_series({"series": [series]})))


async def test_a_stream_beside_others_leads_to_its_items(
    rich: httpx.AsyncClient, listed: Listed
) -> None:
    found = await get(rich, "/api/v1/value-streams/metrics", **ASKED[0])
    [row] = found["streams"]
    assert found["links"] == {f"{name}:default": link for name, link in row["links"].items()}
    assert found["excluded"] == row["excluded"]
    await listed.agree(found | row, dict(of_metrics(row)))


GROUPED = [
    METRICS,
    "/api/v1/value-stream-map",
    *(
        f"{METRICS}/{name}"
        for name in (
            *("stages", "cumulative-flow", "scatter", "aging", "littles-law", "bottleneck"),
            *("reopen-rate", "predictability"),
        )
    ),
]
"""Endpoints whose groups look like the whole; a histogram's bins are as wide as the whole's."""


@pytest.mark.parametrize("path", GROUPED)
async def test_a_group_is_what_its_type_gives_alone(rich: httpx.AsyncClient, path: str) -> None:
    asked = {"start": day(7), "end": day(35), "as_of": day(42), "exclude_types": "epic"}
    whole = await get(rich, path, **asked, group_by="type")
    assert [group["type"] for group in whole["groups"]] == ["feature", "bug", "task"]
    assert sum(group["sample_size"] for group in whole["groups"]) == whole["sample_size"]
    for group in whole["groups"]:
        alone = await get(rich, path, **asked, type=group["type"])
        same = [name for name in group if name != "type"]
        assert {name: group[name] for name in same} == {name: alone[name] for name in same}
    assert (await get(rich, path, **asked))["groups"] is None
    table = {"Accept": "text/csv"}
    grouped = await rich.get(path, params=asked | {"group_by": "type"}, headers=table)
    rows = list(csv.DictReader(io.StringIO(grouped.text)))
    assert {row["type"] for row in rows} == {"feature", "bug", "task"}


@pytest.mark.parametrize("asked", [*ASKED, {"start": day(0), "end": day(60)}])
async def test_what_is_counted_of_the_groups_adds_up_to_the_whole(
    rich: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    """P5: whatever counts items, moves or visits, and every line of the cumulative flow."""
    of_groups = asked | {"group_by": "type"}
    flow = await get(rich, METRICS, **of_groups)
    assert added(flow["groups"], COUNTED) == {name: flow[name] for name in COUNTED}
    assert sum(group["wip"] for group in flow["groups"]) == pytest.approx(flow["wip"], rel=1e-12)
    of_groups_stages = zip(*(group["stages"] for group in flow["groups"]), strict=True)
    stages = [added(each, STAGE_COUNTED) for each in of_groups_stages]
    assert stages == [added([stage], STAGE_COUNTED) for stage in flow["stages"]] or not stages
    mapped = await get(rich, "/api/v1/value-stream-map", **of_groups)
    totals = [group["totals"] for group in mapped["groups"]]
    names = ("items_finished", "items_waiting", "wip")
    assert added(totals, names) == {name: mapped["totals"][name] for name in names}
    lines = await get(rich, f"{METRICS}/cumulative-flow", **of_groups, from_beginning=True)
    for name in ("opening", "points"):
        assert tallied(group[name] for group in lines["groups"]) == tallied([lines[name]])
    evidence = await get(rich, f"{METRICS}/bottleneck", **of_groups)
    for stage in evidence["stages"]:
        apart = [
            each
            for group in evidence["groups"]
            for each in group["stages"]
            if each["stage"] == stage["stage"]
        ]
        assert sum(each["wip_at_end"] for each in apart) == stage["wip_at_end"]


COUNTED = (
    *("throughput", "started", "created", "discarded", "discarded_started", "reopened"),
    *("recompleted", "net_completed", "decommits", "wip_now", "wip_at_end", "open_items"),
    *("backlog_items", "cycle_time_count", "lead_time_count"),
)
STAGE_COUNTED = (
    *("wip_at_end", "arrivals", "departures", "discarded", "visits", "instant_visits"),
    *("forward_exits", "returned"),
)


def added(several: Iterable[Answer], names: Iterable[str]) -> dict[str, int]:
    """Add up some numbers; those that there are none of count as nothing."""
    known = list(several)
    return {name: sum(each[name] or 0 for each in known) for name in names}


def tallied(several: Iterable[Any]) -> Counter[str]:
    """Add up all whole numbers of answers of one shape, by where they stand."""
    found: Counter[str] = Counter()

    def take(place: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                take(f"{place}.{name}", inner)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                take(f"{place}.{number}", inner)
        elif isinstance(value, int) and not isinstance(value, bool):
            found[place] += value

    for each in several:
        take("", each)
    return +found


async def test_why_a_duration_is_what_it_is_can_be_told_from_one_answer(
    rich: httpx.AsyncClient,
) -> None:
    """Its definition, what it is about and what not, how fresh it is, and who took longest."""
    asked = {"start": day(7), "end": day(35)}
    found = await get(rich, METRICS, **asked)
    defined = found["definitions"]
    assert (defined["cycle_time_start"], defined["lead_time_start"]) == ("commitment", "created")
    assert found["cycle_time_count"] == found["sample_size"] > len(found["slowest"]["lead_time"])
    for duration in ("cycle", "lead"):
        slowest = found["slowest"][f"{duration}_time"]
        took = [item[f"{duration}_time"] for item in slowest]
        assert took == sorted(took, reverse=True)
        assert took[0] >= found[f"{duration}_time_p95"]
        journey = await get(rich, slowest[0]["link"])
        assert journey[f"{duration}_time"] == took[0]
        binned = await get(rich, f"{METRICS}/histogram", **asked, duration=duration)
        assert binned["slowest"] == slowest
    promised = await get(rich, f"{METRICS}/predictability", **asked)
    assert promised["slowest"] == found["slowest"]["cycle_time"]
