"""A worker holds in memory what it serves with, and nothing that libraries would load beside it."""

import subprocess
import sys

NEVER = (
    "typer",  # commands
    "click",
    "rich",
    "alembic",  # migrations
    "sqlalchemy.orm",
    "opentelemetry.sdk",  # unless OTEL_* asks for it
    "http.server",
    "multiprocessing",  # unless there are several workers
    "pydantic.v1",
    "holidays",
    "yaml",  # files, until one comes
    "app.connectors.jira",
    "app.connectors.demo",
)


def run(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_worker_loads_nothing_that_it_does_not_serve_with() -> None:
    code = f"""
import app.cli.serving, sys
from app.main import create_app
from app.settings import Settings
from uvicorn.config import Config
app = create_app(Settings.read({{}}), "postgresql+asyncpg://not-used/not-used")
Config(app).load()
print([name for name in {NEVER} if sys.modules.get(name)])
"""
    assert run(code).strip() == "[]"


def test_what_was_left_out_is_loaded_for_whoever_asks() -> None:
    code = """
import app.cli.serving
from prometheus_client import start_http_server
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.ext.asyncio import engine
import uvicorn
print(AsyncEngine is engine.AsyncEngine, uvicorn.run.__name__, uvicorn.__version__ > "0")
"""
    assert run(code).strip() == "True run True"
