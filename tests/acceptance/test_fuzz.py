"""Generated requests against every operation, checked against the OpenAPI document."""

import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from schemathesis import HookContext
from schemathesis.config import SchemathesisConfig

from app.api.stream_paths import described
from app.main import create_app
from app.settings import Settings
from tests.acceptance import helpers
from tests.conftest import fresh_database

QUIET = Settings.read({"VSM_LOG_LEVEL": "error", "VSM_MAX_IMPORT_MB": "16"})
STORED = 10
"""How many items the service holds at the start; their ids are 1 and up."""

DOCUMENT = create_app(QUIET, "postgresql+asyncpg://nobody@localhost/nothing").openapi()
# what lies below a stream's path has the handlers of the plain paths; events never end
DOCUMENT["paths"] = {
    path: operations
    for path, operations in DOCUMENT["paths"].items()
    if path not in described(DOCUMENT) and path != "/api/v1/events"
}
SCHEMA = schemathesis.openapi.from_dict(
    DOCUMENT,
    config=SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "generation": {
                "max-examples": 40,
                "deterministic": True,
                "no-shrink": True,
                "database": "none",
            },
            "checks": {
                # what exists, what may happen when, and whose key it is: no schema can state it
                "positive_data_acceptance": {"enabled": False},
            },
            "operations": [
                {
                    # `batch` also reads as an id of /work-items/{id}, which knows other methods
                    "include-name": "POST /api/v1/work-items/batch",
                    "checks": {"unsupported_method": {"enabled": False}},
                },
            ],
        }
    ),
)


EXISTING = {
    "stream": "default",
    "stage": "testing",
    "to_stage": "Testing",
    "expected_stage": "Development",
    "name": "unknown-item",
}
"""What generated names become every other time, or nearly none would name anything."""


@SCHEMA.hook
def map_path_parameters(_: HookContext, path_parameters: dict[str, Any] | None) -> Any:
    """Let ids that could be right be those of items and of their second moves, mostly."""
    ids = {name: value for name, value in (path_parameters or {}).items() if _is_id(value)}
    if "id" in ids:
        ids["id"] = ids["id"] % (STORED + 2) + 1
        ids |= {"transition_id": 2 * ids["id"]} if "transition_id" in ids else {}
    return _named(path_parameters) | ids if path_parameters else path_parameters


@SCHEMA.hook
def map_query(_: HookContext, query: dict[str, Any] | None) -> Any:
    """Let some names be those of what is there."""
    return _named(query)


@SCHEMA.hook
def map_body(_: HookContext, body: Any) -> Any:
    """Let some names be those of what is there."""
    return _named(body)


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value < 2**63


def _named(value: Any) -> Any:
    """Replace names that could be right, at any depth; wrong ones must stay wrong."""
    if isinstance(value, list):
        return [_named(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: EXISTING[name]
        if name in EXISTING and isinstance(each, str) and len(each) % 2 and len(each) < 200
        else _named(each)
        for name, each in value.items()
    }


@pytest.fixture(scope="module")
async def service(server_url: str, template: str) -> AsyncIterator[str]:
    """The address of a real server in a thread, with a few items in its database."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with fresh_database(server_url, template) as url:
            config = uvicorn.Config(create_app(QUIET, url), log_config=None, lifespan="on")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            try:
                async with httpx.AsyncClient(base_url=address) as client:
                    await _fill(client)
                yield address
            finally:
                server.should_exit = True
                thread.join()


async def _fill(client: httpx.AsyncClient) -> None:
    """Create items that generated ids will hit."""
    for number in range(STORED):
        item = await helpers.create(client, external_key=f"SHOP-{number}")
        await helpers.move(client, item["id"], "Development")


@SCHEMA.parametrize()
def test_an_operation_answers_as_documented(case: Any, service: str) -> None:
    case.call_and_validate(base_url=service)
