"""A real browser before a real service: one with a made-up year of work, one without any."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    async_playwright,
    expect,
)

from app.api.home import BUILT
from app.store.database import open_database, transaction
from app.usecases.fill_demo import fill_demo
from tests.conftest import fresh_database, served

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",  # root, as in a container, has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 20_000
"""Milliseconds: a busy machine is not a broken page."""

expect.set_options(timeout=PATIENCE)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Return the path of the browser that is driven, None where there is none."""
    return os.environ.get("VSM_TEST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The machine's Chromium, or the one that VSM_TEST_BROWSER names."""
    found = chromium()
    if found is None:
        pytest.skip("no Chromium on the PATH; name one in VSM_TEST_BROWSER")
    if not BUILT.exists():
        pytest.skip("the dashboard is not built: `make page` builds it")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest.fixture(scope="session")
async def demo(browser: Browser, server_url: str, template: str) -> AsyncIterator[str]:
    """The address of a service with a year of made-up work."""
    assert browser.is_connected()  # without one, nothing is set up
    async with fresh_database(server_url, template) as url:
        database = open_database(url)
        async with transaction(database) as connection:
            await fill_demo(connection)
        await database.dispose()
        async with served(url) as address:
            yield address


@pytest.fixture(scope="session")
async def empty(browser: Browser, server_url: str, template: str) -> AsyncIterator[str]:
    """The address of a service without any item."""
    assert browser.is_connected()
    async with fresh_database(server_url, template) as url, served(url) as address:
        yield address


@pytest.fixture
async def api(demo: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service with made-up work."""
    async with httpx.AsyncClient(base_url=demo, timeout=20) as client:
        yield client


@asynccontextmanager
async def visiting(browser: Browser, address: str, **options: Any) -> AsyncIterator[Page]:
    """A page of a new visitor. Nothing may go wrong meanwhile: no error, no policy violation."""
    context = await browser.new_context(
        base_url=address, **{"viewport": {"width": 1440, "height": 900}, **options}
    )
    context.set_default_timeout(PATIENCE)
    await context.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => console.error('policy', e.blockedURI))"
    )
    wrong = _watched(context)
    try:
        yield await context.new_page()
        assert wrong == []
    finally:
        await context.close()


async def axe(page: Page, root: str, options: dict[str, Any]) -> list[tuple[str, str]]:
    """What axe finds against WCAG 2.2 AA and its best practices, each with the first place.

    It is half a megabyte, so it is loaded only where it is asked.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE.read_text())
    found = await page.evaluate("([root, options]) => axe.run(root, options)", [root, options])
    return [
        (f"{each['id']}: {each['help']}", each["nodes"][0]["html"][:160])
        for each in found["violations"]
    ]


def _watched(context: BrowserContext) -> list[str]:
    wrong: list[str] = []

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what a page no longer waits for
            wrong.append(f"{request.url}: {request.failure}")

    def said(message: ConsoleMessage) -> None:
        # Chromium also reports refusals that the page has an answer to
        answered = "409 (Conflict)" in message.text or "422 (Unprocessable" in message.text
        if message.type in ("error", "warning") and not answered:
            wrong.append(message.text)

    context.on("console", said)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("requestfailed", failed)
    return wrong
