"""Write pictures of the dashboard: `python -m tests.browser.screenshots FOLDER`."""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from app.store import schema
from app.store.database import open_database, transaction
from app.store.embedded import EmbeddedPostgres, reset
from app.usecases.fill_demo import fill_demo
from tests.browser.conftest import ARGUMENTS, chromium
from tests.conftest import fresh_database, served

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}

PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "map": ("/?days=90", {"viewport": WIDE, "color_scheme": "light"}),
    "map-dark": ("/?days=90&compare=previous", {"viewport": WIDE, "color_scheme": "dark"}),
    "map-phone": ("/?days=90", {"viewport": PHONE, "color_scheme": "light"}),
    "flow": ("/?view=flow&days=90", {"viewport": WIDE, "color_scheme": "light"}),
    "items": ("/?view=items", {"viewport": WIDE, "color_scheme": "light"}),
    "board": ("/?view=board", {"viewport": WIDE, "color_scheme": "dark"}),
    "item": ("/?view=item&item=103", {"viewport": WIDE, "color_scheme": "light"}),
    "settings": ("/?view=settings", {"viewport": WIDE, "color_scheme": "light"}),
}
"""What is shown, and how."""


async def write(browser: Browser, address: str, folder: Path) -> None:
    """Write every picture, and the map as it prints."""
    for name, (path, options) in PICTURES.items():
        context = await browser.new_context(base_url=address, **options)
        page = await context.new_page()
        await page.goto(path)
        await page.locator("main .panel, main .items, main .board").first.wait_for()
        await page.wait_for_load_state("load")
        await page.wait_for_timeout(1500)  # what slides in has arrived
        await page.screenshot(path=folder / f"{name}.png", full_page=True)
        if name == "map":
            await page.pdf(path=folder / "map.pdf", prefer_css_page_size=True)
        await context.close()


async def show(server_url: str, folder: Path) -> None:
    """Serve a year of made-up work and take the pictures."""
    async with fresh_database(server_url) as url:
        await asyncio.to_thread(schema.upgrade, url)
        database = open_database(url)
        async with transaction(database) as connection:
            await fill_demo(connection)
        await database.dispose()
        async with served(url) as address, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            await write(browser, address, folder)
            await browser.close()


def main(folder: Path) -> None:
    """Bring a database for the time it takes."""
    folder.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.gettempdir()) / f"vsm-screenshots-{os.getpid()}"
    with EmbeddedPostgres(data, durable=False) as embedded:
        asyncio.run(show(embedded.url, folder))
    reset(data)
    shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    if not chromium():
        sys.exit("no Chromium on the PATH; name one in VSM_TEST_BROWSER")
    main(Path(sys.argv[1]))
