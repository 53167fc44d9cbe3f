"""A newcomer's first click, and what others see without one."""

import asyncio

import httpx
from playwright.async_api import Browser, Route, expect

from tests.browser.conftest import PATIENCE, visiting
from tests.browser.test_dashboard import card_in, settled
from tests.conftest import fresh_database, served


async def test_an_empty_page_is_filled_by_one_click_and_emptied_by_another(
    browser: Browser, server_url: str, template: str
) -> None:
    async with (
        fresh_database(server_url, template) as url,
        served(url) as address,
        visiting(browser, address) as page,
        httpx.AsyncClient(base_url=address, timeout=20) as client,
    ):
        await page.goto("/")
        await page.get_by_role("button", name="Make up a year of work").click()
        await expect(page.locator("svg.map")).to_be_visible()
        made = (await client.get("/api/v1/demo")).json()["items"]
        assert made > 500
        await expect(page.get_by_text(f"{made} items of this stream are made up.")).to_be_visible()
        await page.goto("/?view=settings")
        await page.get_by_role("button", name="Remove made-up items").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove them").click()
        await expect(page.locator(".toast")).to_contain_text(f"{made} made-up items removed")
        assert (await client.get("/api/v1/demo")).json()["items"] == 0
        await page.goto("/")
        await expect(page.locator("h1")).to_have_text("Nothing has moved here yet")


async def test_what_is_no_move_reaches_another_browser_live(
    browser: Browser, demo: str, api: httpx.AsyncClient
) -> None:
    async with visiting(browser, demo) as one, visiting(browser, demo) as other:
        for page, view in ((one, "/"), (other, "/?view=board")):
            await page.goto(view)
            await settled(page)
            await expect(page.locator(".live")).to_have_text("Live")
        _, item = await card_in(other, "Development")
        title = (await api.get(f"/api/v1/work-items/{item}")).json()["title"]
        card = other.locator(f".card[data-item='{item}']")
        path = f"/api/v1/work-items/{item}"
        ticker = one.locator(".ticker")
        dot = one.locator(f"svg.map a:has([data-item='{item}'])")
        await api.patch(path, json={"title": "Renamed elsewhere"})
        await expect(ticker).to_contain_text("Renamed elsewhere: edited")
        await expect(card).to_contain_text("Renamed elsewhere")
        blocked = (await api.post(f"{path}/blocks", json={"reason": "No key"})).json()["id"]
        await expect(ticker).to_contain_text("Renamed elsewhere: blocked")
        await expect(dot.locator(".blocked")).to_be_attached()
        await api.post(f"{path}/blocks/{blocked}/void")
        await expect(dot.locator(".blocked")).to_have_count(0)
        await api.post(f"{path}/cancel", json={"reason": "Elsewhere"})
        await expect(dot).to_have_count(0)
        await expect(card).to_have_count(0)
        await api.post(f"{path}/restore", json={})
        await expect(dot).to_have_count(1)
        await api.patch(path, json={"title": title})


async def test_an_answer_that_takes_long_is_waited_for_however_much_moves(
    browser: Browser, demo: str, api: httpx.AsyncClient
) -> None:
    asked: list[str] = []
    first = asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.append(route.request.url)
        first.set()
        await asyncio.sleep(1)
        await route.continue_()

    async with visiting(browser, demo) as page:
        await page.goto("/")
        await settled(page)
        await expect(page.locator(".live")).to_have_text("Live")
        await page.route("**/metrics/bottleneck*", slowly)
        item = (await api.get("/api/v1/work-items?state=backlog&limit=1")).json()["items"][0]
        for number in range(6):
            await api.patch(f"/api/v1/work-items/{item['id']}", json={"title": f"Title {number}"})
            await asyncio.sleep(0.5)
        await expect(page.locator(".ticker")).to_contain_text("Title 5: edited")
        assert len(asked) <= 2  # in three seconds of changes, of which one reading is worth four
        async with asyncio.timeout(PATIENCE / 1000):
            await first.wait()
        await page.unroute_all(behavior="wait")
        await api.patch(f"/api/v1/work-items/{item['id']}", json={"title": item["title"]})
