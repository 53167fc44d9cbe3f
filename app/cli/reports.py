"""How the outcome of an import is shown."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from app.cli.console import err, fail, out
from app.domain.errors import InvalidImport
from app.usecases.import_files import ImportReport

SHOWN_PROBLEMS = 20


def show_problems(error: InvalidImport) -> None:
    """List what is wrong, one line each as compilers do."""
    for problem in error.problems[:SHOWN_PROBLEMS]:
        err.print(escape(str(problem)), soft_wrap=True, highlight=False)
    hidden = len(error.problems) - SHOWN_PROBLEMS
    if hidden > 0:
        err.print(f"… and {hidden} more")
    fail("nothing was imported")


def show_reports(reports: Sequence[ImportReport], *, as_json: bool) -> None:
    """Show what was, or would be, imported."""
    if as_json:
        plain = [{k: v for k, v in asdict(each).items() if k != "skipped_rows"} for each in reports]
        out.print_json(json.dumps(plain, default=str))
        return
    for report in reports:
        _show(report)


def _show(report: ImportReport) -> None:
    """Show one file's report: figures, mapping, what was skipped, what was assumed."""
    verb = "Would import" if report.check else "Imported"
    out.print(f"[bold]{verb}[/] {escape(report.file)} [dim]({report.format})[/]", soft_wrap=True)
    if report.detected_because:
        out.print(f"  [dim]taken for {report.format}: {escape(report.detected_because)}[/]")
    figures = Table(show_header=False, box=None, padding=(0, 1))
    figures.add_column(justify="right")
    figures.add_column()
    for count, what in (
        (report.items_created, "new items"),
        (report.items_updated, "items updated"),
        (report.items_unchanged, "items unchanged"),
        (report.transitions_created, "new transitions"),
        (report.transitions_known, "transitions known already"),
    ):
        figures.add_row(f"{count:,}", what)
    for count, what in (
        (report.blocks_created, "new blocks"),
        (report.blocks_ended, "blocks ended"),
    ):
        if count:
            figures.add_row(f"{count:,}", what)
    for reason, count in report.skipped.items():
        figures.add_row(f"{count:,}", f"rows skipped: {escape(reason)}")
    out.print(figures)
    if report.first_at and report.last_at:
        out.print(f"  moves from {report.first_at:%Y-%m-%d} to {report.last_at:%Y-%m-%d}")
    _show_mapping("status", "stage", report.mapping)
    _show_mapping("field", "column", report.columns)
    for note in report.notes:
        out.print(f"  [yellow]note:[/] {escape(note)}", soft_wrap=True)


def _show_mapping(left: str, right: str, mapping: dict[str, str]) -> None:
    if not mapping:
        return
    table = Table(left, right, box=None, padding=(0, 2), header_style="dim")
    for word, meaning in mapping.items():
        table.add_row(escape(word), escape(meaning))
    out.print(table)
