"""A database that many examples share: each does its work in a transaction and takes it back."""

from collections.abc import AsyncIterator

import pytest

from app.store.database import Connection, Database, open_database
from tests.conftest import fresh_database


@pytest.fixture(scope="session")
async def shared_database(server_url: str, template: str) -> AsyncIterator[Database]:
    """A pool for a migrated database in which nothing is ever committed."""
    async with fresh_database(server_url, template) as url:
        pool = open_database(url)
        yield pool
        await pool.dispose()


@pytest.fixture
async def scratch(shared_database: Database) -> AsyncIterator[Connection]:
    """A connection to a migrated database; what the test does there is rolled back."""
    async with shared_database.connect() as connection:
        yield connection
