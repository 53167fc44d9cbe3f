"""Is the service alive, is it ready, what does it measure about itself."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from app import __version__
from app.api.problems import documented
from app.api.types import Answer
from app.domain.errors import DatabaseUnavailable, SchemaOutdated
from app.store import schema
from app.store.database import is_reachable, transaction
from app.telemetry import CONTENT_TYPE, exposition
from app.usecases.observe import observe

router = APIRouter(tags=["service"])


class Health(Answer):
    """Alive, and whether the database answers."""

    status: Literal["UP", "DEGRADED"]
    service: str = "vsm-service"
    version: str = __version__
    database_connected: bool


class Ready(Answer):
    """Ready for requests."""

    status: Literal["READY"] = "READY"


@router.get("/api/v1/health", summary="Liveness, with the database's state")
async def health(request: Request) -> Health:
    """Answer 200 as long as the process lives; `DEGRADED` while the database does not answer."""
    connected = await is_reachable(request.app.state.database)
    return Health(status="UP" if connected else "DEGRADED", database_connected=connected)


@router.get("/ready", summary="Readiness", responses=documented(SchemaOutdated))
async def ready(request: Request) -> Ready:
    """Answer 200 once requests can be served: the database answers and its schema is current."""
    database = request.app.state.database
    if not await is_reachable(database):
        raise DatabaseUnavailable
    async with transaction(database) as connection:
        if not await schema.is_current(connection):
            raise SchemaOutdated
    return Ready()


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **documented(DatabaseUnavailable),
    },
)
async def metrics(request: Request) -> Response:
    """Return the flow of all streams, read from the database, and this process's requests."""
    async with transaction(request.app.state.database) as connection:
        observation = await observe(connection)
    body = await run_in_threadpool(exposition, observation)
    return Response(body, media_type=CONTENT_TYPE)
