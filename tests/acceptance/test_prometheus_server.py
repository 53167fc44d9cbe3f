"""A real Prometheus scrapes two real services on one database, and finds what the API says."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance import helpers
from tests.acceptance.scraping import number, prometheus, served, until
from tests.conftest import fresh_database
from tests.fixture_f1 import F1


@pytest.fixture
async def two_services(server_url: str, template: str) -> AsyncIterator[list[str]]:
    """The addresses of two services on one database, which holds the worked example."""
    async with fresh_database(server_url, template) as url:
        with served(url) as one, served(url) as other:
            async with httpx.AsyncClient(base_url=f"http://{one}") as client:
                batch = {"items": [helpers.as_batch_item(history) for history in F1]}
                answer = await client.post("/api/v1/work-items/batch", json=batch)
                assert answer.status_code == 201
            yield [one, other]


async def test_a_real_prometheus_finds_in_two_services_what_the_api_says(
    two_services: list[str], tmp_path: Path
) -> None:
    with prometheus(tmp_path, two_services) as ask:
        async with httpx.AsyncClient(base_url=f"http://{two_services[1]}") as client:
            metrics = await helpers.get(client, "/api/v1/metrics", days=7)

            wip = 'sum(max by (stream, stage) (vsm_work_in_progress{zone="doing"}))'
            assert number(ask(wip)) == metrics["wip_now"] == 1
            assert number(ask("sum(max by (stream, type) (vsm_items_completed_total))")) == 4
            assert number(ask("max(vsm_cycle_time_seconds_sum)")) == 264 * 3600
            # each of the services tells the same
            for name in ("vsm_work_items_created_total", "vsm_stage_transitions_total"):
                by_service = ask(f"sum by (instance) ({name})")
                assert len({sample["value"][1] for sample in by_service}) == 1
            median = "histogram_quantile(0.5, max by (le) (vsm_cycle_time_seconds_bucket))"
            assert 24 * 3600 <= number(ask(median)) <= 72 * 3600
            assert number(ask("sum by (instance) (vsm_work_in_progress)")[:1]) == 6

            # a backfill, a live move and a correction arrive with the next scrape
            moved = await helpers.told(client, ("Development", helpers.day(0)))
            until(lambda: number(ask(wip)) == 2)
            await helpers.move(client, moved, "Production")
            done = "sum(max by (stream, type) (vsm_items_completed_total))"
            until(lambda: number(ask(done)) == 5)
            [*_, last] = await helpers.history(client, moved)
            await helpers.act(
                client, moved, f"transitions/{last['id']}/void", reason="moved the wrong card"
            )
            until(lambda: number(ask(done)) == 4)
