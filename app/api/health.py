"""Is the service alive, is it ready, what does it measure about itself."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app import __version__
from app.api.problems import documented
from app.api.session import told
from app.api.types import Answer
from app.domain.errors import DatabaseUnavailable, SchemaOutdated
from app.store import schema
from app.store.database import Connection
from app.store.databases import Databases, Seen
from app.telemetry import Observation
from app.usecases.observe import observe

router = APIRouter(tags=["service"])


class Health(Answer):
    """Alive, and what the databases let it do; the last two only where there is a standby."""

    status: Literal["UP", "DEGRADED"]
    service: str = "vsm-service"
    version: str = __version__
    database_connected: bool = Field(description="the primary answers, so writes are taken")
    standby_connected: bool | None = Field(default=None, description="a standby answers")
    serves: Literal["reads-and-writes", "reads", "nothing"] | None = None


class Ready(Answer):
    """Ready for requests."""

    status: Literal["READY"] = "READY"


@router.get(
    "/api/v1/health",
    summary="Liveness, with the database's state",
    response_model_exclude_none=True,
)
async def health(request: Request) -> Health:
    """Answer 200 as long as the process lives; `DEGRADED` while the primary does not answer."""
    databases: Databases = request.app.state.databases
    primary, standby = await databases.primary_is_up(), await databases.standby_is_up()
    found = Health(status="UP" if primary else "DEGRADED", database_connected=primary)
    if standby is not None:
        found.standby_connected = standby
        found.serves = "reads-and-writes" if primary else "reads" if standby else "nothing"
    return found


@router.get("/ready", summary="Readiness", responses=documented(SchemaOutdated))
async def ready(request: Request) -> Ready:
    """Answer 200 once requests can be served: a database answers and its schema is current."""
    databases: Databases = request.app.state.databases

    async def is_current(connection: Connection, _seen: Seen) -> bool:
        return await schema.is_current(connection)

    if not await databases.primary_is_up() and not await databases.standby_is_up():
        raise DatabaseUnavailable
    if not await databases.read(is_current):
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
    # who is never scraped needs none of it: its library brings a web server along
    from app.telemetry.exposition import CONTENT_TYPE, exposition  # noqa: PLC0415

    databases: Databases = request.app.state.databases

    async def work(connection: Connection, seen: Seen) -> tuple[Observation, Seen]:
        return await observe(connection), seen

    observation, seen = await databases.read(work)
    body = await run_in_threadpool(exposition, observation)
    return Response(body, media_type=CONTENT_TYPE, headers=told(seen))
