"""The charts in a browser: each tells what the API does, and leads to the items behind it."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import axe, visiting

DAYS = {"days": 90}
Json = dict[str, Any]


def spoken(hours: float) -> str:
    """Return a duration of a day or more as the page says it."""
    days, rest = divmod(round(hours), 24)
    return f"{days} d {rest} h" if days < 10 and rest else f"{round(hours / 24)} d"


def percent(share: float) -> str:
    """Return a share as the page says it; half of a point goes up, as in JavaScript."""
    return f"{int(share * 100 + 0.5)} %"


def _scatter(told: Json) -> str:
    return f"can be expected to finish within {spoken(told['expectation']['hours'])}"


def _throughput(told: Json) -> str:
    points, limits = told["series"][0]["points"], told["series"][0]["throughput_limits"]
    finished, started = (sum(each[name] for each in points) for name in ("throughput", "started"))
    range_ = f"{limits['lower']:.1f} to {limits['upper']:.1f}"
    return f"{finished} items finished, {started} started; a week brings {range_} by itself"


def _stage_times(told: Json) -> str:
    doing = [stage for stage in told["stages"] if stage["zone"] == "doing"]
    slow = max(doing, key=lambda stage: float(stage["time_p85"]))
    times = f"within {spoken(slow['time_p50'])}, 85 % within {spoken(slow['time_p85'])}"
    return f"visits to {slow['name']} last longest: half end {times}"


def _cumulative_flow(told: Json) -> str:
    came, went = (
        sum(each[f"{how}_doing"] for each in told["points"]) for how in ("entered", "left")
    )
    wip = f"from {told['opening']['wip']} to {told['points'][-1]['wip']}"
    return f"{wip}: {came} came in, {went} went out"


def _distribution(told: Json) -> str:
    shares = {each["flow_item"]: percent(each["share"]) for each in told["flow_items"]}
    kinds = f"{shares['feature']} features, {shares['defect']} defects, {shares['unclassified']}"
    return f"Of {told['throughput']} finished items, {kinds}"


def _predictability(told: Json) -> str:
    kept = told["sle_attainment"]
    counted = f"{kept['within']} of {kept['finished']} items ({percent(kept['share'])})"
    return f"{counted} took at most the {spoken(told['expectation']['hours'])} promised"


def _littles_law(told: Json) -> str:
    compared = f"expects {told['predicted_wip']:.1f} items in process"
    return f"{compared}, there were {told['avg_wip']:.1f}"


def _data_quality(told: Json) -> str:
    worst = told["findings"][0]
    found = f"{worst['count']} of {worst['population']} {worst['counted']}"
    score = f"{told['score']:.1f}".removesuffix(".0")
    return f"{score} of 100 points; {worst['rule'].replace('_', ' ')} costs the rest: {found}"


ANSWERS: dict[str, tuple[str, Json, Callable[[Json], str]]] = {
    "cycle-time-scatter": ("metrics/scatter", {}, _scatter),
    "aging": (
        "metrics/aging",
        {},
        lambda told: f"{told['wip_older_than_p85']} of {told['wip']} items in process",
    ),
    "throughput": ("metrics/series", {"bucket": "week"}, _throughput),
    "wip": (
        "metrics",
        {},
        lambda told: f"{told['wip_at_end']} items are in process at the end, {told['wip']:.1f} on",
    ),
    "cumulative-flow": ("metrics/cumulative-flow", {}, _cumulative_flow),
    "stage-times": ("metrics/stages", {}, _stage_times),
    "histogram": (
        "metrics",
        {},
        lambda told: f"85 % of items finished within {spoken(told['cycle_time_p85'])};",
    ),
    "distribution": ("metrics/distribution", {}, _distribution),
    "flow-efficiency": (
        "metrics",
        {},
        lambda told: f"At most {percent(told['flow_efficiency'])} of the cycle time was work",
    ),
    "predictability": ("metrics/predictability", {}, _predictability),
    "littles-law": (
        "metrics/littles-law",
        {},
        _littles_law,
    ),
    "data-quality": ("data-quality", {}, _data_quality),
}
"""By chart: the request that tells its figures, and what the answer on top says with them."""


@pytest.fixture
async def page(browser: Browser, demo: str) -> AsyncIterator[Page]:
    """A visitor's page of the service with made-up work."""
    async with visiting(browser, demo) as open_page:
        yield open_page


async def drawn(page: Page, chart: str, days: int = 90) -> Locator:
    """Open one chart and wait until it stands there."""
    await page.goto(f"/?view=flow&chart={chart}&days={days}")
    panel = page.locator(f"[data-chart={chart}]")
    await expect(panel.locator(".picture svg").first).to_be_visible()
    return panel


async def listed(page: Page) -> int:
    """How many items the page lists that one was led to."""
    await expect(page.get_by_text("Exactly the items behind")).to_be_visible()
    status = page.get_by_role("status").filter(has_text=re.compile(r"^\d+ items?$"))
    return int((await status.inner_text()).split()[0])


def _read(path: Path) -> bytes:
    return path.read_bytes()


async def kept(panel: Locator, what: str) -> bytes:
    """Download something from a chart's menu."""
    await panel.get_by_label("More").click()
    async with panel.page.expect_download() as download:
        await panel.get_by_role("button", name=f"Download {what}").click()
    return _read(await (await download.value).path())


async def test_the_answer_above_each_chart_says_what_the_api_does(
    page: Page, api: httpx.AsyncClient
) -> None:
    await page.goto("/?view=flow&days=90")
    charts = await page.locator("[data-chart]").evaluate_all(
        "(all) => all.map((each) => each.dataset.chart)"
    )
    assert charts == list(ANSWERS)
    for chart, (path, more, sentence) in ANSWERS.items():
        panel = page.locator(f"[data-chart={chart}]")
        await expect(panel.locator(".picture svg").first).to_be_visible()
        told = (await api.get(f"/api/v1/{path}", params={**DAYS, **more})).json()
        said = (await panel.locator(".answer").inner_text()).replace("\u202f", " ")
        assert sentence(told) in said
        assert await panel.locator(".picture svg").first.get_attribute("aria-label")


async def test_explanations_and_tables_are_accessible_in_both_themes(page: Page) -> None:
    await page.goto("/?view=flow&days=7")
    await expect(page.locator(".skeleton")).to_have_count(0)
    for place, panel in enumerate(await page.locator("[data-chart]").all()):
        name = ("Explain", "Table")[place % 2]
        await panel.get_by_role("button", name=name, exact=True).click()
    await expect(page.locator(".explain, .scroll")).to_have_count(len(ANSWERS))
    await page.emulate_media(color_scheme="light")
    assert await axe(page, "main", {}) == []
    await page.emulate_media(color_scheme="dark")
    assert await axe(page, "main", {"runOnly": ["color-contrast"]}) == []


async def test_a_week_of_the_run_chart_leads_to_the_items_finished_in_it(
    page: Page, api: httpx.AsyncClient
) -> None:
    panel = await drawn(page, "throughput")
    await panel.locator(".chart-focus").focus()
    await page.keyboard.press("End")
    await page.keyboard.press("ArrowLeft")
    told = (await api.get("/api/v1/metrics/series", params={**DAYS, "bucket": "week"})).json()
    week = told["series"][0]["points"][-2]
    await expect(panel.locator(".tip")).to_contain_text(f"{week['throughput']} finished")
    await page.keyboard.press("Enter")
    assert await listed(page) == week["throughput"] > 1


async def test_a_day_of_cumulative_flow_leads_to_what_lay_in_a_stage_then(
    page: Page, api: httpx.AsyncClient
) -> None:
    panel = await drawn(page, "cumulative-flow")
    await panel.locator(".chart-focus").focus()
    for key in ("End", "PageUp", "PageUp", "Enter"):
        await page.keyboard.press(key)
    day = (await api.get("/api/v1/metrics/cumulative-flow", params=DAYS)).json()["points"][-21]
    testing = panel.get_by_role("listitem").filter(has_text="Testing")
    await expect(testing.locator("strong")).to_have_text(str(day["in_stage"]["Testing"]))
    await testing.get_by_role("link").click()
    assert await listed(page) == day["in_stage"]["Testing"] > 1


async def test_a_type_and_a_stage_lead_to_their_items(page: Page, api: httpx.AsyncClient) -> None:
    types = (await api.get("/api/v1/metrics/distribution", params=DAYS)).json()["types"]
    panel = await drawn(page, "distribution")
    await panel.locator(".chart-focus").focus()
    for key in ("Home", "ArrowDown", "Enter"):
        await page.keyboard.press(key)
    assert await listed(page) == types[1]["throughput"] > 1
    panel = await drawn(page, "stage-times")
    stages = (await api.get("/api/v1/metrics/stages", params=DAYS)).json()
    left = (await api.get(f"{stages['links']['left_stage:Analysis']}&limit=500")).json()
    await panel.get_by_text("Analysis", exact=True).click()
    assert await listed(page) == len(left["items"]) > 1


async def test_a_bar_and_a_rule_list_their_items(page: Page, api: httpx.AsyncClient) -> None:
    bins = (await api.get("/api/v1/metrics/histogram", params=DAYS)).json()["bins"]
    panel = await drawn(page, "histogram")
    await panel.locator(".chart-focus").focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "Enter"):
        await page.keyboard.press(key)
    # forty are shown, and how many more there are
    await expect(panel.locator(".picked li")).to_have_count(min(bins[2]["count"], 40))
    worst = (await api.get("/api/v1/data-quality", params=DAYS)).json()["findings"][0]
    panel = await drawn(page, "data-quality")
    await panel.locator(".chart-focus").focus()
    for key in ("Home", "Enter"):
        await page.keyboard.press(key)
    await expect(panel.locator(".picked li")).to_have_count(min(worst["items_total"], 40))
    await expect(panel.locator(".picked")).to_contain_text(worst["explanation"])


async def test_what_a_sample_leaves_out_leads_to_its_items(
    page: Page, api: httpx.AsyncClient
) -> None:
    panel = await drawn(page, "histogram")
    await panel.get_by_role("button", name="Explain").click()
    excluded = (await api.get("/api/v1/metrics/histogram", params=DAYS)).json()["excluded"]
    await panel.locator(".explain").get_by_role("link", name="in progress").click()
    assert await listed(page) == excluded["in_progress"] > 1


async def test_a_chart_is_taken_along_as_csv_svg_and_png(
    page: Page, api: httpx.AsyncClient
) -> None:
    panel = await drawn(page, "cycle-time-scatter")
    table = await kept(panel, "CSV")
    told = await api.get("/api/v1/metrics/scatter", params=DAYS, headers={"Accept": "text/csv"})
    assert table.decode().splitlines()[0] == told.text.splitlines()[0]
    assert len(table.splitlines()) == len(told.text.splitlines()) > 100
    assert re.fullmatch(rb"<svg .*xmlns=.*</svg>", await kept(panel, "SVG"), re.DOTALL)
    png = await kept(panel, "PNG")
    width = await panel.locator(".picture svg").get_attribute("width")
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) == 2 * int(width or 0)


async def test_what_too_few_items_or_a_part_of_a_week_cannot_tell_is_not_drawn_as_if(
    page: Page, api: httpx.AsyncClient
) -> None:
    few: Json = {"days": 30, "type": "epic"}
    told = (await api.get("/api/v1/metrics/scatter", params=few)).json()
    assert told["low_confidence"] == ["p85", "p95"]
    assert told["cycle_time_p95"]
    await page.goto("/?view=flow&days=30&type=epic")
    await expect(page.locator(".skeleton")).to_have_count(0)
    await expect(page.locator("[data-chart=histogram] .rule")).to_have_count(1)
    await expect(page.locator("[data-chart=histogram] .answer")).to_contain_text("too few")
    await expect(page.locator("[data-chart=aging] svg .soft-wait")).to_have_count(0)
    weeks = (await api.get("/api/v1/metrics/series", params={**few, "bucket": "week"})).json()
    parts = [each["partial"] for each in weeks["series"][0]["points"]].count(True)
    hollow = page.locator("[data-chart=throughput] .chart-focus .hollow")
    await expect(hollow).to_have_count(2 * parts)  # finished and started
    assert parts > 0


async def test_charts_of_nothing_say_so_as_high_as_those_of_something(
    browser: Browser, empty: str
) -> None:
    async with visiting(browser, empty) as page:
        await page.goto("/?view=flow")
        await expect(page.locator(".skeleton")).to_have_count(0)
        said = await page.locator("[data-chart] .answer").all_inner_texts()
        heights = await page.locator("[data-chart] .picture").evaluate_all(
            "(all) => all.map((each) => each.clientHeight)"
        )
    assert len(said) == len(ANSWERS)
    assert not [each for each in said if re.search("NaN|undefined|null|Infinity", each)]
    assert min(heights) > 100
