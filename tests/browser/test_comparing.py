"""Two periods side by side: in words, in pictures, in tables, and in the address."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import axe, visiting
from tests.browser.test_charts import percent, spoken

Json = dict[str, Any]


def address(period: Json, **more: str) -> str:
    return "/?" + str(httpx.QueryParams({**period, **more}))


@pytest.fixture
async def page(browser: Browser, demo: str) -> AsyncIterator[Page]:
    """A visitor's page of the service with made-up work."""
    async with visiting(browser, demo) as open_page:
        yield open_page


@pytest.fixture
async def windows(api: httpx.AsyncClient) -> tuple[Json, Json]:
    """Two months that are over, and the two before them; wherever the demo lies in time."""
    told = (await api.get("/api/v1/metrics", params={"days": 60})).json()
    end = datetime.fromisoformat(told["period_start"]).replace(hour=0, minute=0, second=0)
    edges = [end.replace(microsecond=0) - timedelta(days=60 * n) for n in range(3)]
    texts = [edge.isoformat().replace("+00:00", "Z") for edge in edges]
    now = {"start": texts[1], "end": texts[0]}
    return now, {"start": texts[2], "end": texts[1]}


async def told_twice(
    api: httpx.AsyncClient, path: str, windows: tuple[Json, Json], **more: str
) -> tuple[Json, Json]:
    now, then = [
        (await api.get(f"/api/v1/metrics{path}", params={**window, **more})).json()
        for window in windows
    ]
    return now, then


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


async def test_each_chart_says_what_differs_from_the_period_before(
    page: Page, api: httpx.AsyncClient, windows: tuple[Json, Json]
) -> None:
    await page.goto(address(windows[0], view="flow", compare="previous"))
    said = {}
    for chart in ("throughput", "cycle-time-scatter", "distribution", "wip", "cumulative-flow"):
        sentence = page.locator(f"[data-chart={chart}] .compared")
        await expect(sentence).to_be_visible()
        said[chart] = plain(await sentence.inner_text())
    now, then = await told_twice(api, "", windows)
    change = now["throughput"] - then["throughput"]
    more = "as much" if not change else f"{abs(change)} {'more' if change > 0 else 'fewer'}"
    assert f": finished {then['throughput']}, now {more};" in said["throughput"]
    assert f"85 % within {spoken(then['cycle_time_p85'])}, now " in said["cycle-time-scatter"]
    assert f"on average {then['wip']:.1f}, now " in said["wip"]
    now, then = await told_twice(api, "/distribution", windows)
    features = {each["flow_item"]: each["share"] for each in then["flow_items"]}["feature"]
    assert f"features {percent(features)}, now " in said["distribution"]
    now, then = await told_twice(api, "/cumulative-flow", windows)
    came = sum(each["entered_doing"] for each in then["points"])
    assert f"came in {came}, now " in said["cumulative-flow"]


async def test_the_other_period_is_drawn_with_a_legend_and_told_to_screen_readers(
    page: Page, windows: tuple[Json, Json]
) -> None:
    for chart, mark in (
        ("throughput", "path.line-other"),
        ("wip", "path.line-other"),
        ("cycle-time-scatter", "path.behind"),
        ("histogram", "path.line-other"),
        ("stage-times", "rect.fill-other"),
        ("distribution", "rect.fill-other"),
        ("predictability", "path.fill-other"),
        ("littles-law", "rect.fill-other"),
    ):
        await page.goto(address(windows[0], view="flow", chart=chart, compare="previous"))
        panel = page.locator(f"[data-chart={chart}]")
        await expect(panel.locator(f".picture svg[role=img] {mark}").first).to_be_attached()
        sentence = (await panel.locator(".compared").inner_text()).strip()
        label = await panel.locator(".picture svg[role=img]").get_attribute("aria-label")
        assert label is not None
        assert label.endswith(sentence)
        span = sentence.split(":")[0]
        await expect(panel.locator(".legend").filter(has_text=span)).to_be_visible()


async def test_the_table_has_both_periods_and_their_difference(
    page: Page, api: httpx.AsyncClient, windows: tuple[Json, Json]
) -> None:
    await page.goto(address(windows[0], view="flow", chart="throughput", compare="previous"))
    panel = page.locator("[data-chart=throughput]")
    await expect(panel.locator(".compared")).to_be_visible()
    await panel.get_by_role("button", name="Table").click()
    assert await axe(page, "main", {}) == []
    row = panel.get_by_role("row").filter(has=page.get_by_role("rowheader", name="finished").first)
    now, then = await told_twice(api, "", windows)
    cells = await row.first.get_by_role("cell").all_inner_texts()
    assert cells[:2] == [str(now["throughput"]), str(then["throughput"])]


async def test_any_other_period_is_chosen_and_stays_in_the_address(
    page: Page, api: httpx.AsyncClient, windows: tuple[Json, Json]
) -> None:
    now, _ = windows
    start = datetime.fromisoformat(now["start"]) - timedelta(days=90)
    await page.goto(address(now, compare="previous"))
    await page.get_by_label("Compare with").select_option("custom")
    await page.get_by_label("Other from").fill(start.date().isoformat())
    last = (start + timedelta(days=29)).date().isoformat()
    await page.locator("#f-compare-end").fill(last)
    params = dict(httpx.URL(page.url).params)
    other = {
        "start": start.isoformat().replace("+00:00", ".000Z"),
        "end": (start + timedelta(days=30)).isoformat().replace("+00:00", ".000Z"),
    }
    assert (params["compare_start"], params["compare_end"]) == (other["start"], other["end"])
    await page.reload()
    compared = {**now, "compare_start": other["start"], "compare_end": other["end"]}
    told = (await api.get("/api/v1/value-stream-map", params=compared)).json()
    change = int(told["comparison"]["total_differences"]["items_finished"])
    finished = page.locator("dl.totals div").filter(has_text="Finished").locator("small")
    await expect(finished).to_have_text(
        "as before" if not change else f"{'▲' if change > 0 else '▼'} {abs(change)}"
    )
    await page.get_by_role("link", name="Flow", exact=True).click()
    sentence = page.locator("[data-chart=throughput] .compared")
    then = (await api.get("/api/v1/metrics", params=other)).json()["throughput"]
    await expect(sentence).to_contain_text(f"finished {then}, now")


async def test_the_same_period_a_year_ago_is_asked_of_the_map(page: Page) -> None:
    async with page.expect_request(lambda request: "value-stream-map" in request.url) as asked:
        await page.goto("/?days=365&compare=year")
    params = httpx.URL((await asked.value).url).params
    start, end = (datetime.fromisoformat(params[f"compare_{edge}"]) for edge in ("start", "end"))
    assert abs((end - start).days - 365) <= 1
    assert abs((datetime.fromisoformat(params["start"]) - end).days) <= 1


async def test_a_period_without_anything_is_said_to_be_one(page: Page) -> None:
    ago = {"compare": "custom", "compare_start": "2001-01-01T00:00:00Z"}
    await page.goto(address({"days": "30"}, view="flow", chart="throughput", **ago))
    sentence = page.locator("[data-chart=throughput] .compared")
    await expect(sentence).to_contain_text("nothing happened that could be compared")
