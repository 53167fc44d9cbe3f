"""Compose the service. `uvicorn app.main:app` serves it against the server in DATABASE_*."""

import asyncio
import gc
import json
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import fastapi_offline
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp

from app import __version__, api, jobs
from app.api import (
    aging,
    batch,
    blocks,
    bottleneck,
    broken_rules,
    configuration,
    cumulative_flow,
    data_quality,
    demo,
    distribution,
    events,
    flow,
    found_items,
    health,
    histogram,
    home,
    imports,
    item_list,
    littles_law,
    predictability,
    problems,
    reopen_rate,
    rollups,
    scatter,
    series,
    stage_metrics,
    transitions,
    value_stream_map,
    value_streams,
    work_items,
)
from app.api.middleware import Observed
from app.api.plain_requests import PlainRequests
from app.api.remembered import Answers
from app.api.stream_paths import StreamPaths, described
from app.settings import Settings
from app.store.connecting import Limits
from app.store.databases import Databases, Options
from app.store.shared import open_shared
from app.store.watching import watch
from app.telemetry import configure_logs, tracing
from app.telemetry import database as telemetry
from app.usecases.watch_moves import MoveFeed

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

_ROUTES = (
    batch,
    item_list,
    work_items,
    transitions,
    blocks,
    configuration,
    value_streams,
    flow,
    stage_metrics,
    broken_rules,
    series,
    cumulative_flow,
    rollups,
    scatter,
    histogram,
    aging,
    littles_law,
    bottleneck,
    distribution,
    predictability,
    reopen_rate,
    value_stream_map,
    data_quality,
    found_items,
    imports,
    demo,
    events,
    health,
    problems,
    home,
)

DESCRIPTION = """
How work flows from idea to production, and why it waits.

- Instants are RFC 3339 with an offset; answers are in UTC. Durations are hours.
- Errors are `application/problem+json`; their `type` is stable and explains itself.
- Every write takes an `Idempotency-Key`; moves, edits and blocks take an `If-Match`.
"""


class _Service(FastAPI):
    """FastAPI, which sees only what is not plain; everything is observed."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put our outermost layers around those of the framework."""
        framework = super().build_middleware_stack()
        if isinstance(framework, ServerErrorMiddleware):
            framework = framework.app  # what nobody expected is answered by Observed
        settings: Settings = self.state.settings
        return Observed(
            PlainRequests(framework),
            max_body_bytes=settings.max_import_bytes,
            log_all=settings.log_requests,
            slow=settings.log_slow,
        )


def create_app(settings: Settings | None = None, database_url: str | None = None) -> FastAPI:
    """Return the service for these settings (unsaid: the environment's).

    `database_url` stands in for the settings' server, for the embedded database. Raises
    SettingError when neither names a database.
    """
    chosen = settings or Settings.read()
    url = database_url or chosen.server_url()
    configure_logs(chosen.log_format, chosen.log_level)
    tracing.start()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        databases = Databases(
            url,
            None if database_url else chosen.read_url,
            Options(
                Limits(chosen.connect_timeout, chosen.statement_timeout),
                pool_size=chosen.pool_size,
                pool_timeout=chosen.pool_timeout,
                max_lag=chosen.max_lag,
                echo=chosen.sql_echo,
            ),
            telemetry.seen,
        )
        for each in databases.pools:
            watch(each, telemetry.ran, telemetry.took)
        telemetry.opened(chosen.pool_size * len(databases.pools))
        app.state.databases = databases
        app.state.answers = Answers()
        gc.collect()
        gc.freeze()  # what lives from here on is never looked at again
        # requests leave few cycles: looking for them often costs more than they take, but what
        # waits to be found takes memory, which is never given back where others live among it
        gc.set_threshold(10_000, 20, 50)
        app.state.feed = MoveFeed(databases.primary)
        with _at_the_stop(app.state.feed.close):
            async with (
                databases.running(),
                open_shared(databases.connect, telemetry.ran) as shared,
                jobs.running(databases.primary),
            ):
                app.state.shared = shared
                yield
        await asyncio.to_thread(tracing.stop)  # it sends what is left, and waits for that

    app = _Service(
        title="VSM Service",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        telemetry=cast("TelemetryConfig", tracing.of_requests()),
    )
    app.state.settings = chosen
    app.add_middleware(StreamPaths)
    problems.install(app, [module.router for module in _ROUTES])
    for module in _ROUTES:
        app.include_router(module.router)
    _mount(app, "/docs/static", Path(fastapi_offline.__file__).parent / "static")
    app.mount("/assets", home.Assets(), name="/assets")
    _mount(app, "/static", Path(api.__file__).parent / "static")
    _complete_document(app)
    return app


@contextmanager
def _at_the_stop(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` as soon as the server is told to stop.

    The server waits for open answers before it ends the application, and an answer that tells of
    moves never ends by itself.
    """
    loop = asyncio.get_running_loop()
    chained: dict[int, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end)
        chained[number](number, frame)

    for number in (int(signal.SIGTERM), int(signal.SIGINT)):
        handler = signal.getsignal(number)
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and callable(handler) and handler is not signal.default_int_handler:
            chained[number] = handler
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in chained.items():
            if signal.getsignal(number) is stop:
                signal.signal(number, handler)


def _mount(app: FastAPI, path: str, folder: Path) -> None:
    app.mount(path, StaticFiles(directory=folder), name=path)


def _complete_document(app: FastAPI) -> None:
    """Add what no route says: the schema of problems, and the paths below a value stream."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        document = build()
        document["paths"].update(described(document))
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(problems.schemas())
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way


def openapi_text() -> str:
    """Return the API's description as it is committed in openapi.json. Needs no database."""
    app = create_app(Settings.read({}), "postgresql+asyncpg://not-used/not-used")
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False)


def __getattr__(name: str) -> FastAPI:
    """Make `app` when uvicorn asks for it, so that importing this module needs no settings."""
    if name == "app":
        return create_app()
    raise AttributeError(name)
