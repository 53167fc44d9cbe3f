"""Draw a soak: its CSV as a picture of charts, by the Chromium that the page's tests drive.

python bench/soak_plot.py SAMPLES.csv PICTURE.png
"""

import csv
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 900, 210, 60, 30, 34, 26
COLOURS = ("#0b6e99", "#c2541b", "#5b7f2b", "#7a4fa3")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SMOOTH = 12
"""So many samples become one point, their median: a line that can be read."""


@dataclass(frozen=True)
class Chart:
    """Lines over time: the CSV's columns, each with its name; a goal is a dashed line."""

    title: str
    columns: dict[str, str]
    goal: float | None = None


CHARTS = (
    Chart("Memory of the worker, MiB", {"rss_mib": "resident"}, 150),
    Chart(
        "Moves and creations, ms",
        {
            "move_p50": "move, p50",
            "move_p99": "move, p99",
            "create_p50": "creation, p50",
            "create_p99": "creation, p99",
        },
    ),
    Chart(
        "Reads, ms",
        {
            "history_p50": "history, p50",
            "history_p99": "history, p99",
            "item_p99": "item, p99",
            "metrics_p50": "metrics, p50",
        },
    ),
    Chart("Requests per second", {"requests_per_second": "answered"}),
    Chart("Answers so far that are not successes", {"errors": "errors", "refused": "refusals"}),
)


def draw(samples: Path, picture: Path) -> None:
    """Write the picture, or say why there is none."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print(f"no Chromium on the PATH: {samples} is not drawn")
        return
    with samples.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    height = len(CHARTS) * (HEIGHT + GAP) + GAP
    charts = (
        f'<g transform="translate(0 {GAP + number * (HEIGHT + GAP)})">{_chart(chart, rows)}</g>'
        for number, chart in enumerate(CHARTS)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' font-family="sans-serif" font-size="12" fill="#333">{"".join(charts)}</svg>'
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": height})
        page.set_content(f'<body style="margin:0;background:white">{svg}</body>')
        page.screenshot(path=picture)
        browser.close()
    print(f"drawn: {picture}")


def _chart(chart: Chart, rows: Sequence[dict[str, str]]) -> str:
    lines = {name: _points(rows, column) for column, name in chart.columns.items()}
    values = [value for points in lines.values() for _, value in points] + [chart.goal or 0]
    most, end = _round(max(values)), float(rows[-1]["seconds"])

    def x(seconds: float) -> float:
        return LEFT + seconds / end * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - 20 - value / most * (HEIGHT - 20 - TOP)

    drawn = [f'<text x="{LEFT}" y="12" font-weight="bold">{escape(chart.title)}</text>']
    drawn += [
        f'<path d="M{LEFT} {y(tick)}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="{LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>'
        for tick in (0, most / 2, most)
    ]
    drawn += [
        f'<text x="{x(end * part / 6):.0f}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"{end * part / 6 / 60:.2g} min</text>"
        for part in range(7)
    ]
    if chart.goal:
        drawn.append(
            f'<path d="M{LEFT} {y(chart.goal)}H{WIDTH - RIGHT}" stroke="#b00"'
            ' stroke-dasharray="5 4"/>'
        )
    for number, (name, points) in enumerate(lines.items()):
        path = "L".join(f"{x(seconds):.1f} {y(value):.1f}" for seconds, value in points)
        colour, left = COLOURS[number], LEFT + 300 + number * 135
        drawn.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            f'<path d="M{left} 8h14" stroke="{colour}" stroke-width="3"/>'
            f'<text x="{left + 19}" y="12">{escape(name)}</text>'
        )
    return "".join(drawn)


def _points(rows: Sequence[dict[str, str]], column: str) -> list[tuple[float, float]]:
    told = [(float(row["seconds"]), float(row[column])) for row in rows if row[column]]
    size = SMOOTH if len(told) > SMOOTH * SMOOTH else 1
    parts = [told[start : start + size] for start in range(0, len(told), size)]
    return [
        (statistics.mean(at for at, _ in part), statistics.median(value for _, value in part))
        for part in parts
    ]


def _round(value: float) -> float:
    """Return the next number that looks well at the end of an axis."""
    step = 1.0
    while step * 10 < value:
        step *= 10
    return next(step * each for each in (1, 2, 4, 5, 6, 8, 10) if step * each >= value)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
