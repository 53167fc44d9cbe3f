"""Temporary tables that histories are merged from, filled by COPY."""

from collections.abc import Sequence
from typing import Any

from app.store.database import Connection


async def copy_into(
    connection: Connection, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]
) -> None:
    """COPY through the driver, inside the transaction that SQLAlchemy has begun."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None, "the connection is checked out"  # noqa: S101 - for the type checker
    await driver.copy_records_to_table(table, records=records, columns=columns)
