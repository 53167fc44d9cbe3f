"""What is a table is also to be had as CSV."""

import csv
import io

import httpx
import pytest

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


async def test_the_metrics_have_a_row_for_all_and_one_for_each_type(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/api/v1/metrics", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["type"] for row in rows] == ["", "feature", "bug", "task", "epic"]
