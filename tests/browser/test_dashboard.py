"""The dashboard in a browser: what people see, can do, and can share."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from app.api.home import BUILT
from tests.browser.conftest import axe, visiting
from tests.conftest import fresh_database, served

VIEWS = ("map", "flow", "items", "board", "settings", "item&item=100")
BUDGET = 60_000
"""Bytes of all JavaScript, packed."""

JIRA = {
    "issues": [
        {
            "id": "1",
            "key": "SHOP-1",
            "fields": {
                "summary": "Pay by invoice",
                "issuetype": {"name": "Story"},
                "created": "2026-11-02T09:00:00.000+0000",
                "status": {"name": "Cooking"},
            },
            "changelog": {"total": 0, "histories": []},
        }
    ]
}


@pytest.fixture
async def page(browser: Browser, demo: str) -> AsyncIterator[Page]:
    """A visitor's page of the service with made-up work."""
    async with visiting(browser, demo) as open_page:
        yield open_page


async def settled(page: Page) -> None:
    """Wait until everything asked for has come."""
    await expect(page.locator("main .panel, main .items, main .board").first).to_be_visible()
    await expect(page.locator(".skeleton")).to_have_count(0)


async def violations(page: Page, *rules: str) -> list[tuple[str, str]]:
    """What axe finds, or finds against these rules alone."""
    return await axe(page, "html", {"runOnly": rules} if rules else {})


async def test_every_view_is_accessible_in_both_themes(browser: Browser, demo: str) -> None:
    found = {}
    async with visiting(browser, demo, color_scheme="light") as page:
        for view in VIEWS:
            await page.emulate_media(color_scheme="light")
            await page.goto(f"/?view={view}")
            await settled(page)
            found[view] = await violations(page)
            await page.emulate_media(color_scheme="dark")
            found[view] += await violations(page, "color-contrast")
    assert found == {view: [] for view in VIEWS}


async def test_every_view_is_accessible_also_without_data(browser: Browser, empty: str) -> None:
    found = {}
    async with visiting(browser, empty) as page:
        for view in VIEWS[:-1]:  # there is no item to look at
            await page.goto(f"/?view={view}")
            await settled(page)
            found[view] = await violations(page)
        await page.goto("/")
        await expect(page.locator("h1")).to_have_text("Nothing has moved here yet")
    assert found == {view: [] for view in VIEWS[:-1]}


async def test_nothing_is_wider_than_a_narrow_phone(browser: Browser, demo: str) -> None:
    width = {}
    async with visiting(browser, demo, viewport={"width": 360, "height": 740}) as page:
        for view in VIEWS:
            await page.goto(f"/?view={view}")
            await settled(page)
            width[view] = await page.evaluate("() => document.documentElement.scrollWidth")
    assert width == dict.fromkeys(VIEWS, 360)


async def test_the_figures_on_the_map_are_those_of_the_api(
    page: Page, api: httpx.AsyncClient
) -> None:
    await page.goto("/?days=90")
    await settled(page)
    told = (await api.get("/api/v1/value-stream-map", params={"days": 90})).json()
    aging = (await api.get("/api/v1/metrics/aging", params={"days": 90})).json()
    totals = page.locator("dl.totals")
    for name, value in (("Finished", "items_finished"), ("In process", "wip")):
        figure = totals.locator("div").filter(has_text=name).locator("dd")
        await expect(figure).to_have_text(str(told["totals"][value]))
    hours = f"{told['totals']['lead_time']:,.2f}".replace(",", "\u202f")
    lead_time = totals.locator("div").filter(has_text="Lead time")
    await expect(lead_time).to_have_attribute("title", re.compile(f": {hours}\u202fh$"))
    for stage in told["stages"]:
        box = page.locator(f"svg.map [data-stage='{stage['name']}']")
        if stage["category"] == "active":
            await expect(box.locator("text.value").nth(2)).to_have_text(str(stage["wip"]))
    await expect(page.locator("svg.map [data-item]")).to_have_count(len(aging["items"]))
    claim = (await api.get("/api/v1/metrics/bottleneck", params={"days": 90})).json()["claim"]
    await expect(page.get_by_text(claim).first).to_be_visible()


async def test_the_chart_counts_what_the_api_does(page: Page, api: httpx.AsyncClient) -> None:
    await page.goto("/?view=flow&chart=cycle-time-scatter&days=90")
    told = (await api.get("/api/v1/metrics/scatter", params={"days": 90})).json()
    drawn = await page.locator("path.dots").get_attribute("d")
    assert drawn is not None
    assert drawn.count("M") == len(told["points"]) > 100
    frame = page.get_by_role("group", name=re.compile("Finished items"))
    await frame.focus()
    await page.keyboard.press("End")
    await expect(page.locator(".tip")).to_contain_text(told["points"][-1]["title"])
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_contain_text(told["points"][-1]["title"])


async def test_filters_are_in_the_address_survive_a_reload_and_are_gone_back_from(
    page: Page,
) -> None:
    await page.goto("/")
    await settled(page)
    await page.get_by_role("link", name="Quarter").click()
    await page.get_by_role("button", name="bug").click()
    await page.get_by_label("Compare with").select_option("previous")
    assert dict(httpx.URL(page.url).params) == {"days": "90", "type": "bug", "compare": "previous"}
    await page.reload()
    await settled(page)
    await expect(page.get_by_role("button", name="bug")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("dl.totals small").first).to_be_visible()
    await page.go_back()
    await page.go_back()
    assert dict(httpx.URL(page.url).params) == {"days": "90"}
    await expect(page.get_by_role("button", name="bug")).to_have_attribute("aria-pressed", "false")


async def test_a_number_leads_to_exactly_its_items(page: Page, api: httpx.AsyncClient) -> None:
    await page.goto("/")
    await settled(page)
    box = page.locator("svg.map [data-stage='Testing'] > a")
    await box.click()
    await settled(page)
    stages = (await api.get("/api/v1/value-stream-map", params={"days": 30})).json()["stages"]
    wip = next(stage["wip"] for stage in stages if stage["name"] == "Testing")
    await expect(page.get_by_role("status").filter(has_text="items")).to_have_text(f"{wip} items")
    await expect(page.get_by_text("Exactly the items behind")).to_contain_text("of Testing")


async def moved_to(api: httpx.AsyncClient, item: int) -> str | None:
    stage: str | None = (await api.get(f"/api/v1/work-items/{item}")).json()["current_stage"]
    return stage


async def card_in(page: Page, stage: str) -> tuple[Locator, int]:
    card = page.locator(f"[data-stage='{stage}'] .card").first
    return card, int(await card.get_attribute("data-item") or 0)


async def test_a_card_is_dragged_and_the_move_is_taken_back(
    page: Page, api: httpx.AsyncClient
) -> None:
    await page.goto("/?view=board")
    card, item = await card_in(page, "Development")
    await card.drag_to(page.locator("[data-stage='Testing']"))
    await expect(page.locator(f"[data-stage='Testing'] [data-item='{item}']")).to_be_visible()
    await expect(page.locator(".toast")).to_contain_text("now in Testing")
    assert await moved_to(api, item) == "Testing"
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".toast")).to_contain_text("taken back")
    await expect(page.locator(f"[data-stage='Development'] [data-item='{item}']")).to_be_visible()
    assert await moved_to(api, item) == "Development"
    history = (await api.get(f"/api/v1/work-items/{item}/history?voided=true")).json()
    assert history["transitions"][-1]["void_reason"]


async def test_a_card_is_moved_by_keyboard_and_by_its_button(
    page: Page, api: httpx.AsyncClient
) -> None:
    await page.goto("/?view=board")
    card, item = await card_in(page, "Analysis")
    await card.get_by_role("link").focus()
    await page.keyboard.press("Shift+ArrowRight")
    await expect(page.locator(".toast")).to_contain_text("now in Development")
    await page.locator(f"[data-item='{item}'] button").first.click()
    await page.get_by_label("Move to", exact=True).select_option("Analysis")
    await page.get_by_role("dialog").get_by_role("button", name="Move", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("now in Analysis")
    assert await moved_to(api, item) == "Analysis"


async def test_an_item_is_created_and_cancelled(page: Page, api: httpx.AsyncClient) -> None:
    await page.goto("/?view=board")
    await page.get_by_role("button", name="New item").click()
    await page.get_by_label("Title").fill("Pay with a cheque")
    await page.get_by_role("button", name="Create").click()
    card = page.locator("[data-stage='Backlog'] .card").filter(has_text="Pay with a cheque")
    await expect(card).to_be_visible()
    item = int(await card.get_attribute("data-item") or 0)
    await card.get_by_role("button", name="Cancel").click()
    await page.get_by_label("Why is it given up?").fill("Nobody has cheques")
    await page.get_by_role("button", name="Cancel the item").click()
    await expect(card).to_have_count(0)
    cancelled = (await api.get(f"/api/v1/work-items/{item}")).json()
    assert cancelled["cancel_reason"] == "Nobody has cheques"


RULES = """
version: 1
value_streams:
  - key: ruled
    name: A stream with rules
    stages:
      - {name: Ideas, category: wait}
      - {name: Doing, category: active, wip_limit: 1, wip_policy: enforce}
      - {name: Done, category: done}
    moves: {backward_reason: enforce}
"""


async def test_a_stream_that_asks_why_is_told_why(page: Page, api: httpx.AsyncClient) -> None:
    yaml = {"Content-Type": "application/yaml"}
    applied = await api.post("/api/v1/value-streams/apply", content=RULES, headers=yaml)
    assert applied.status_code == 200, applied.text
    first, second = [
        (await api.post("/api/v1/work-items", json=item | {"stream": "ruled"})).json()["id"]
        for item in (
            {"title": "First", "type": "task", "stage": "Doing"},
            {"title": "Second", "type": "task"},
        )
    ]
    await page.goto("/?view=board&stream=ruled")
    await page.locator(f"[data-item='{second}']").get_by_role("link").focus()
    await page.keyboard.press("Shift+ArrowRight")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Doing has a WIP limit of 1")
    await dialog.get_by_label("Reason").fill("The customer waits")
    await dialog.get_by_role("button", name="Move all the same").click()
    await expect(page.locator(".toast")).to_contain_text("now in Doing")
    broken = (await api.get("/api/v1/broken-rules", params={"stream": "ruled"})).text
    assert "The customer waits" in broken
    await page.locator(f"[data-item='{first}']").get_by_role("link").focus()
    await page.keyboard.press("Shift+ArrowLeft")
    await dialog.get_by_label("Reason").fill("Not understood")
    await dialog.get_by_role("button", name="Move", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("now in Ideas")
    history = (await api.get(f"/api/v1/work-items/{first}/history")).json()
    assert history["transitions"][-1]["reason"] == "Not understood"


async def test_a_move_reaches_another_browser_live(
    page: Page, browser: Browser, demo: str, api: httpx.AsyncClient
) -> None:
    await page.goto("/")
    await settled(page)
    await expect(page.locator(".live")).to_have_text("Live")
    testing = page.locator("svg.map [data-stage='Testing'] text.value").nth(2)
    before = int(await testing.text_content() or 0)
    async with visiting(browser, demo) as other:
        await other.goto("/?view=board")
        card, item = await card_in(other, "Development")
        title = await card.get_by_role("link").inner_text()
        await card.get_by_role("link").focus()
        await other.keyboard.press("Shift+ArrowRight")
        await expect(page.locator(".ticker")).to_contain_text(f"{title}: Development → Testing")
        await expect(testing).to_have_text(str(before + 1))
        await other.get_by_role("button", name="Undo").click()
        await expect(other.locator(".toast")).to_contain_text("taken back")
    assert await moved_to(api, item) == "Development"


async def test_an_empty_stream_is_filled_by_dropping_a_file_after_a_report(
    browser: Browser, server_url: str, template: str
) -> None:
    async with (
        fresh_database(server_url, template) as url,
        served(url) as address,
        visiting(browser, address) as page,
    ):
        await page.goto("/")
        await expect(page.locator("h1")).to_have_text("Nothing has moved here yet")
        data = json.dumps(JIRA).encode()
        file = {"name": "search.json", "mimeType": "application/json", "buffer": data}
        await page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        await expect(page.get_by_role("alert")).to_contain_text("got 'Cooking'")
        await page.get_by_label("Cooking").select_option("Development")
        await expect(page.locator(".note.good")).to_contain_text("1 new item")
        async with httpx.AsyncClient(base_url=address) as client:
            assert (await client.get("/api/v1/work-items")).json()["items"] == []
            await page.get_by_role("button", name="Import 1 item").click()
            await expect(page.locator("svg.map")).to_be_visible()
            assert len((await client.get("/api/v1/work-items")).json()["items"]) == 1


async def test_a_wrong_filter_is_explained_and_not_a_blank_page(
    browser: Browser, demo: str
) -> None:
    context = await browser.new_context(base_url=demo)
    page = await context.new_page()
    await page.goto("/?stream=elsewhere")
    await expect(page.get_by_role("alert").first).to_contain_text("There is no such value stream")
    await context.close()


async def test_without_the_service_the_page_says_so_and_keeps_what_it_knew(
    browser: Browser, demo: str
) -> None:
    context = await browser.new_context(base_url=demo)
    page = await context.new_page()
    await page.goto("/")
    await settled(page)
    await page.context.route("**/api/**", lambda route: route.abort("internetdisconnected"))
    await page.get_by_role("link", name="7 days").click()
    await expect(page.get_by_role("alert").first).to_contain_text("cannot be reached")
    await expect(page.locator("svg.map")).to_be_visible()
    await context.close()


def test_the_scripts_stay_within_their_budget() -> None:
    scripts = list(Path(BUILT, "assets").glob("*.js"))
    if not scripts:
        pytest.skip("the dashboard is not built: `make page` builds it")
    assert sum(len(gzip.compress(each.read_bytes(), 9)) for each in scripts) <= BUDGET
