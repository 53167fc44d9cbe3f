"""How a command shows what the API answers: as a table to read, as JSON, or as CSV."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from app.cli.console import out
from app.cli.service import get

CSV = "text/csv"


def answer(
    path: str,
    query: Iterable[tuple[str, Any]],
    show: Callable[[Any], None],
    *,
    as_json: bool = False,
    as_csv: bool = False,
) -> None:
    """Ask the service and show its answer in the form asked for."""
    if as_csv:
        typer.echo(get(path, query, CSV), nl=False)
        return
    body = get(path, query)
    if as_json:
        out.print_json(body)
    else:
        show(json.loads(body))


def item_table(*columns: str) -> Table:
    """Return a table of items whose last column, the title, is wrapped where there is no room."""
    table = Table(box=None, header_style="dim")
    *short, title = columns
    for name in short:
        table.add_column(name, no_wrap=True)
    table.add_column(title)
    return table


def show_blocked(items: Iterable[dict[str, Any]]) -> None:
    """Say below a table which of its items cannot go on, since when and why."""
    for item in items:
        if item["blocked_since"]:
            since, reason = item["blocked_since"][:10], escape(item["blocked_by"])
            out.print(f"[yellow]{item['id']} is blocked since {since}: {reason}[/]")
