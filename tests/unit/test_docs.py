"""The documentation is complete, its links lead somewhere, and its worked example is true."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client.parser import text_string_to_metric_families

from app.api import problems
from app.api.flow import FlowMetrics
from app.api.stream_paths import described
from app.cli.commands import application
from app.domain.errors import VsmError
from app.domain.transition import Transition
from app.domain.work_item import ItemHistory, WorkItemType
from app.flow.summary import summarise
from app.flow.times import item_times
from app.main import create_app
from app.settings import SETTINGS, Settings
from app.store.embedded import EmbeddedDatabaseError
from tests.fixture_f1 import F1, F1_STREAM, F1_WEEK, at
from tests.observed import everything

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NONE = "\N{EN DASH}"
"""What an empty cell says."""
MOVE = re.compile(r"(\w+) d(\d)(?: (\d\d))?")


@cache
def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def table(name: str, *header: str) -> list[list[str]]:
    """Return the cells of every row of a page's tables with this header, without code marks."""
    found: list[list[str]] = []
    rows = iter(page(name).splitlines())
    for line in rows:
        if cells(line) == list(header):
            next(rows)
            for row in rows:
                if not row.startswith("|"):
                    break
                found.append(cells(row))
    assert found, f"{name} has no table with the columns {header}"
    return found


def cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split(" |")]


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors that headings get on GitHub."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def all_errors() -> list[type[VsmError]]:
    assert issubclass(EmbeddedDatabaseError, VsmError)  # its import puts it into the tree
    known: list[type[VsmError]] = [VsmError, *problems.all_problems()]
    return [kind for kind in known if kind.__module__.startswith("app.")]


def commands(group: typer.Typer, path: str) -> Iterator[str]:
    for command in group.registered_commands:
        yield f"{path} {command.name or getattr(command.callback, '__name__', '')}"
    for each in group.registered_groups:
        assert each.typer_instance is not None
        yield from commands(each.typer_instance, f"{path} {each.name}")


def test_the_configuration_page_lists_every_setting_with_its_default_and_meaning() -> None:
    settings = [[each.name, each.default or NONE, each.help.replace("`", "")] for each in SETTINGS]
    assert table("docs/configuration.md", "Variable", "Default", "Meaning") == settings


def test_the_observability_page_lists_every_series_with_its_type_labels_and_help() -> None:
    series = set()
    for family in text_string_to_metric_families(everything().decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        series.add((name, family.type, frozenset(labels), family.documentation))
    documented = {
        (name, kind, frozenset(set(labels.split(", ")) - {NONE}), text)
        for name, kind, labels, text in table(
            "docs/observability.md", "Series", "Type", "Labels", "Help"
        )
    }
    assert documented == series


def test_the_problems_page_explains_every_error_with_its_status_and_title() -> None:
    documented = {
        (name, int(status), title)
        for name, status, title, _ in table(
            "docs/problems.md", "Type", "Status", "Title", "What to do"
        )
    }
    assert documented == {
        (kind.type_name, problems.status_of(kind), kind.title().replace("`", ""))
        for kind in all_errors()
    }


def test_the_readme_lists_every_request_of_the_api() -> None:
    app = create_app(Settings.read({}), "postgresql+asyncpg://unused/unused")
    requests = {
        f"{method.upper()} {path}"
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if path not in described(app.openapi())  # the same again, below a stream's path
    }
    assert {row[0] for row in table("README.md", "Request", "What it does")} == requests


def test_the_readme_lists_every_command() -> None:
    listed = {row[0] for row in table("README.md", "Command", "What it does")}
    assert listed == set(commands(application, "vsm"))


def test_the_flow_metrics_page_explains_every_field_of_the_answer() -> None:
    unexplained = [name for name in FlowMetrics.model_fields if f"`{name}`" not in metrics_prose()]
    assert unexplained == []


def metrics_prose() -> str:
    """Return the page without the table of values, which explains nothing; p50 stands for all."""
    prose = re.sub(r"\| Field \| Value \|\n(\|.*\n)+", "", page("docs/flow-metrics.md"))
    stems = "".join(
        f"`{clock}_time_{percentile}`"
        for clock in ("cycle", "lead")
        for percentile in ("p50", "p85", "p95")
        if f"`{percentile}`" in prose
    )
    return prose + stems


def test_the_items_of_the_worked_example_are_those_of_the_fixture() -> None:
    told = [moves_of(history) for history in example_histories()]
    assert told == [moves_of(history) for history in F1]


def test_the_values_of_the_worked_example_are_what_its_items_give() -> None:
    told = [item_times(each, F1_STREAM, F1_WEEK.as_of) for each in example_histories()]
    summary = summarise(told, F1_WEEK)
    values = {name: getattr(summary, name) for name in dir(summary) if not name.startswith("_")}
    values |= {
        "cycle_time_count": summary.cycle.count,
        "lead_time_count": summary.lead.count,
        "sample_size": summary.cycle.count,
        "parked_time_total": summary.parked_us / 3.6e9,
    }
    rows = table("docs/flow-metrics.md", "Field", "Value")
    names = {name for name, _ in rows}
    assert names <= set(FlowMetrics.model_fields)
    for name, value in rows:
        if name == "low_confidence":
            assert value.split(", ") == values[name]
        else:
            assert float(value) == pytest.approx(values[name], rel=1e-6), name


def example_histories() -> list[ItemHistory]:
    """Read the items of the worked example from the page."""
    return [
        ItemHistory(
            title=item,
            type=WorkItemType.FEATURE,
            created_at=parse_moves(moves)[0].timestamp,
            transitions=parse_moves(moves),
            cancelled_at=day_of(re.fullmatch(r"()d(\d)(?: (\d\d))?", cancelled)),
        )
        for item, moves, cancelled in table("docs/flow-metrics.md", "Item", "Moves", "Cancelled")
    ]


def parse_moves(text: str) -> tuple[Transition, ...]:
    found = [MOVE.fullmatch(part) for part in text.split(", ")]
    moves = [(match[1], day_of(match)) for match in found if match]
    assert len(moves) == len(found), text
    return tuple(Transition(stage, when) for stage, when in moves if when)


def day_of(match: re.Match[str] | None) -> datetime | None:
    return at(int(match[2]), int(match[3] or 0)) if match else None


def moves_of(history: ItemHistory) -> dict[str, Any]:
    return {**asdict(history), "title": None, "type": None}


def test_every_decision_is_in_the_index_and_has_its_three_parts() -> None:
    index = page("docs/decisions/README.md")
    decisions = sorted(DECISIONS.glob("[0-9]*.md"))
    listed = re.findall(r"^\| \[(\d{4})\]\((\d{4}[\w-]*\.md)\) \|", index, re.MULTILINE)
    assert listed == [(each.name[:4], each.name) for each in decisions]
    for number, each in enumerate(decisions, start=1):
        headings = re.findall(r"^#+ .+$", each.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings[0].startswith(f"# {number:04} ")
        assert headings[1:] == ["## Context", "## Decision", "## Consequences"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_heading_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [
        link for link in LINK.findall(without_code(text)) if not leads_somewhere(path, link)
    ] == []


def leads_somewhere(path: Path, link: str) -> bool:
    """Tell whether a link of this page has a target; those to other sites are not followed."""
    if re.match(r"https?:", link):
        return True
    target, _, anchor = link.partition("#")
    file = (path.parent / target).resolve() if target else path
    if not file.is_relative_to(ROOT) or not file.exists():
        return False
    return not anchor or anchor in anchors(file.read_text(encoding="utf-8"))
