"""What a newcomer wants to know is answered on the front page, with the API's figures."""

import re
from typing import Any

import httpx
from playwright.async_api import Browser, expect

from tests.browser.conftest import visiting
from tests.browser.test_charts import percent, spoken
from tests.browser.test_dashboard import settled
from tests.conftest import fresh_database, served

DAYS = {"days": 90}


def waits(told: dict[str, Any]) -> dict[str, float]:
    """By the name that the page gives them, the waits per item."""
    found = {"In no stage": told["totals"]["unplaced_time"] or 0.0}
    for stage in told["stages"]:
        name = stage["name"] if stage["category"] == "wait" else f"{stage['name']}, blocked"
        found[name] = stage["wait_time"] or 0.0
    return found


def is_at_risk(item: dict[str, Any], hours: float) -> bool:
    chance = item["on_time_probability"]
    late = item["age"] > hours or (chance is not None and chance < 0.5)
    return late or item["blocked_since"] is not None


async def test_the_three_questions_are_answered_without_a_click(
    browser: Browser, demo: str, api: httpx.AsyncClient
) -> None:
    told = (await api.get("/api/v1/value-stream-map", params=DAYS)).json()
    aging = (await api.get("/api/v1/metrics/aging", params=DAYS)).json()
    longest, hours = max(waits(told).items(), key=lambda each: each[1])
    promise = aging["expectation"]["hours"]
    risky = [item for item in aging["items"] if is_at_risk(item, promise)]
    async with visiting(browser, demo) as page:
        await page.goto("/?days=90")
        await settled(page)
        where = page.get_by_role("region", name="Where does work wait?")
        await expect(where.locator(".big")).to_have_text(longest)
        await expect(where).to_contain_text(percent(hours / told["totals"]["lead_time"])[:-2])
        when = page.get_by_role("region", name="When will a new item be done?")
        said = (await when.locator(".big").inner_text()).replace("\u202f", " ")
        assert said == f"within {spoken(promise)}"
        which = page.get_by_role("region", name="Which items are at risk?")
        await expect(which.locator(".big")).to_have_text(str(len(risky)))
        await which.get_by_role("link", name=f"all {len(risky)}").click()
        await settled(page)
        first = page.get_by_role("table").get_by_role("rowheader").first
        titles = "|".join(re.escape(item["title"]) for item in risky)
        await expect(first).to_have_text(re.compile(f"^({titles})$"))


OLD = {
    "title": "Pay by invoice",
    "type": "feature",
    "timestamp": "2021-03-01T09:00:00Z",
    "transitions": [
        {"to_stage": "Development", "timestamp": "2021-03-02T09:00:00Z"},
        {"to_stage": "Production", "timestamp": "2021-03-05T09:00:00Z"},
    ],
}
UNDER_WAY = OLD | {"title": "Pay by cheque", "transitions": OLD["transitions"][:1]}


async def test_an_old_history_is_led_to_and_promises_nothing(
    browser: Browser, server_url: str, template: str
) -> None:
    async with (
        fresh_database(server_url, template) as url,
        served(url) as address,
        httpx.AsyncClient(base_url=address, timeout=20) as client,
        visiting(browser, address) as page,
    ):
        batch = {"items": [OLD, UNDER_WAY]}
        assert (await client.post("/api/v1/work-items/batch", json=batch)).status_code == 201
        await page.goto("/")
        which = page.get_by_role("region", name="Which items are at risk?")
        await expect(which).to_contain_text("Without a promise nobody can tell")
        await expect(which.get_by_role("link", name="Pay by cheque")).to_be_visible()
        note = page.locator(".note").filter(has_text="The newest move is of 5 Mar 2021")
        await note.get_by_role("link", name="Show the 90 days up to then").click()
        finished = page.locator("dl.totals div").filter(has_text="Finished").locator("dd")
        await expect(finished).to_have_text("1")
        await expect(note).to_have_count(0)
