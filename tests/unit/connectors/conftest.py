"""What the connector tests share: a clock that stands still, and files that others wrote."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.connectors.reading import ReadOptions

SHARED = Path(__file__).parents[3] / "../shared/data"


@pytest.fixture(scope="session")
def options() -> ReadOptions:
    return ReadOptions(now=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="session")
def shared() -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        file = SHARED / path
        if not file.exists():
            pytest.skip(f"the public data set is not beside the checkout: {path}")
        return file.read_bytes()

    return read
