"""What is a table is also to be had as CSV."""

import csv
import io

import httpx
import pytest

from app.main import create_app
from app.settings import Settings

TABLES = {
    "/api/v1/metrics": "type",
    "/api/v1/metrics/stages": "id",
    "/api/v1/metrics/series": "label",
    "/api/v1/metrics/cumulative-flow": "label",
    "/api/v1/metrics/scatter": "id",
    "/api/v1/metrics/histogram": "from_hours",
    "/api/v1/metrics/aging": "id",
    "/api/v1/metrics/bottleneck": "stage",
    "/api/v1/metrics/littles-law": "avg_wip",
    "/api/v1/metrics/predictability": "expectation_hours",
    "/api/v1/metrics/distribution": "type",
    "/api/v1/metrics/reopen-rate": "label",
    "/api/v1/value-stream-map": "id",
    "/api/v1/data-quality": "rule",
    "/api/v1/work-items": "id",
    "/api/v1/broken-rules": "rule",
    "/api/v1/metrics/rollups": "date",
    "/api/v1/value-streams/metrics": "stream",
}
"""Endpoints and a column that each has."""


@pytest.mark.parametrize("path", TABLES)
async def test_a_table_has_a_header_and_rows_of_its_width(
    client: httpx.AsyncClient, path: str
) -> None:
    await client.post("/api/v1/work-items", json={"title": "=1+1", "type": "bug"})
    answer = await client.get(path, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert TABLES[path] in header
    assert all(len(row) == len(header) for row in rows)
    assert not any(cell.startswith("=") for row in rows for cell in row)
    assert answer.headers["vary"] == "Accept"
    assert (await client.get(path)).headers["vary"] == "Accept"  # the other form has to say it, too


def test_every_endpoint_that_tells_of_a_table_is_tested_here() -> None:
    app = create_app(Settings.read({}), "postgresql+asyncpg://nowhere/none")
    reads = {
        path: methods["get"]["responses"]["200"].get("content", {})
        for path, methods in app.openapi()["paths"].items()
        if "get" in methods and "{" not in path
    }
    assert {path for path, content in reads.items() if "text/csv" in content} == {*TABLES}


async def test_the_metrics_have_a_row_for_all_and_one_for_each_type(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/api/v1/metrics", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["type"] for row in rows] == ["", "feature", "bug", "task", "epic"]
