"""Every expression of every panel gives data from a Prometheus that scraped a loaded service."""

import contextlib
import math
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import text

from app import jobs
from app.store.database import open_database, transaction
from app.usecases.fill_demo import fill_demo
from monitoring.dashboards import DASHBOARDS
from tests.acceptance.scraping import Query, number, prometheus, served, until
from tests.conftest import fresh_database

EXPRESSIONS = {
    f"{name}: {panel['title']}: {target['refId']}": target["expr"]
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
    for target in panel["targets"]
}
VARIABLES = {"$stream": ".*", "$job": ".*", "$instance": ".*", "$__rate_interval": "20s"}


@pytest.fixture(scope="module")
async def loaded(server_url: str, template: str) -> AsyncIterator[str]:
    """The URL of a database with 120 days of work, a limit, a block and a broken rule."""
    async with fresh_database(server_url, template) as url:
        database = open_database(url)
        async with transaction(database) as connection:
            await fill_demo(connection, days=120)
            await connection.execute(
                text(
                    "UPDATE stages SET wip_limit = 1, wip_policy = 'warn' "
                    "WHERE name IN ('Development', 'Testing')"
                )
            )
        await database.dispose()
        yield url


@pytest.fixture(scope="module")
def ask(loaded: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """A Prometheus that has scraped two services on it, while requests came and jobs ran."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "JOBS", tuple(replace(job, every=1.0) for job in jobs.JOBS))
        folder = tmp_path_factory.mktemp("prometheus")
        with (
            served(loaded) as one,
            served(loaded) as other,
            in_use(one),
            prometheus(folder, [one, other]) as ask,
        ):
            until(lambda: bool(ask("vsm_throughput_items")))
            until(lambda: bool(ask("vsm_background_job_success_timestamp_seconds")))
            until(lambda: number(ask("min(count_over_time(vsm_build_info[1m]))")) >= 3)
            yield ask


@contextmanager
def in_use(address: str) -> Iterator[None]:
    """Create, move and block items, and ask for what is not there, for the block's time."""
    over = threading.Event()

    def use() -> None:
        with httpx.Client(base_url=f"http://{address}/api/v1") as client:
            while not over.wait(0.3):
                new = {"title": "Pay", "type": "bug", "stage": "Development"}
                item = client.post("/work-items", json=new).json()
                path = f"/work-items/{item['id']}"
                client.put(f"{path}/transition", json={"to_stage": "Testing"})
                client.post(f"{path}/blocks", json={"reason": "waits for a licence"})
                client.get("/work-items/999999")

    thread = threading.Thread(target=use)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def chosen(expression: str) -> str:
    """Put values in for the variables of a dashboard."""
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


def test_every_expression_of_every_panel_has_data(ask: Query) -> None:
    empty = dict(EXPRESSIONS)

    def all_have_data() -> bool:
        for place, expression in list(empty.items()):
            found = ask(chosen(expression))
            if any(not math.isnan(float(each["value"][1])) for each in found):
                del empty[place]
        return not empty

    with contextlib.suppress(TimeoutError):
        until(all_have_data)
    assert empty == {}
