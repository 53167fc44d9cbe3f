"""Check how far the data of a value stream can be trusted."""

from dataclasses import dataclass

from app.flow.data_quality import Finding
from app.store import data_quality as store
from app.store.database import Connection
from app.usecases.scope import Scope

ALL = 2**31 - 1
"""As many items as there can be."""


@dataclass(frozen=True, slots=True)
class DataCheck:
    """What every rule found, and the titles of the items named."""

    findings: list[Finding]
    titles: dict[int, str]


async def check_data(connection: Connection, scope: Scope, *, first: int) -> DataCheck:
    """Apply every rule to the scope, naming the first few items of each."""
    findings = await store.findings(connection, scope.selection, first)
    named = sorted({item for finding in findings for item in finding.items})
    return DataCheck(findings, await store.titles(connection, named))


@dataclass(frozen=True, slots=True)
class FoundItems:
    """What a rule found, with a page of its items, the newest first: their ids and titles."""

    finding: Finding
    page: list[tuple[int, str]]
    has_more: bool


async def find_items(
    connection: Connection, scope: Scope, rule: str, before_id: int | None, limit: int
) -> FoundItems:
    """Apply the rules to the scope, and name a page of the items that one of them found."""
    findings = await store.findings(connection, scope.selection, ALL)
    finding = next(each for each in findings if each.rule.name == rule)
    older = [each for each in finding.items if before_id is None or each < before_id]
    page = sorted(older, reverse=True)[:limit]
    titles = await store.titles(connection, page)
    named = [(item, titles[item]) for item in page]
    return FoundItems(finding, named, has_more=len(older) > limit)
