"""A service that tests share when they change nothing in it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.acceptance import helpers
from tests.conftest import fresh_database, running_client


@pytest.fixture(scope="module")
async def shared(server_url: str, template: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with one item, for requests that are refused or only read."""
    async with fresh_database(server_url, template) as url, running_client(url) as open_client:
        await helpers.create(open_client)
        yield open_client
