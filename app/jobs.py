"""Background work, as one table: what, function, how often. Runs inside the service's process.

Every replica runs every job; each is harmless when another has just done it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from app.domain.errors import VsmError
from app.store import idempotency
from app.store.database import Connection, Database, transaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of background work; `every` is in seconds."""

    what: str
    run: Callable[[Connection], Awaitable[object]]
    every: float


JOBS = (Job("forget old idempotency keys", idempotency.forget_old, every=3600),)


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[None]:
    """Run all jobs until the block ends."""
    tasks = [asyncio.create_task(_repeat(job, database), name=job.what) for job in JOBS]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(job: Job, database: Database) -> None:
    """Run a job again and again; a failure is logged and tried again next time."""
    while True:
        await asyncio.sleep(job.every)
        try:
            async with transaction(database) as connection:
                result = await job.run(connection)
            log.debug("job done", job=job.what, result=result)
        except VsmError as error:
            log.warning("job failed", job=job.what, detail=error.detail)
