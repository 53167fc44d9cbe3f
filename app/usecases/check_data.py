"""Check how far the data of a value stream can be trusted."""

from dataclasses import dataclass

from app.flow.data_quality import Finding
from app.store import data_quality as store
from app.store.database import Connection
from app.usecases.scope import Scope


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
