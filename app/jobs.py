"""Background work, as one table: what, function, how often. Runs inside the service's process.

Every replica runs every job; each is harmless when another has just done it, or is at it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from app.domain.errors import VsmError
from app.store import (
    bursts,
    clocks,
    idempotency,
    invalidations,
    news,
    recent_measures,
    rollups,
    value_streams,
)
from app.store.database import Database, transaction
from app.telemetry import BUCKET_HOURS, tracing
from app.telemetry.process import JOB_RUNS, JOB_SUCCESS
from app.usecases.measure_recent import measure_recent
from app.usecases.observe import observe
from app.usecases.roll_up import BUSY, roll_up

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of background work; `every` is in seconds."""

    what: str
    run: Callable[[Database], Awaitable[object]]
    every: float


async def forget_old_keys(database: Database) -> int:
    """Delete answers that are kept for repeated requests no longer; returns how many."""
    async with transaction(database) as connection:
        return await idempotency.forget_old(connection)


async def forget_old_news(database: Database) -> int:
    """Delete news that everybody who watches has read; returns how many."""
    async with transaction(database) as connection:
        return await news.forget_old(connection)


async def roll_up_streams(database: Database) -> int:
    """Roll up what has been closed or changed, a transaction per batch; returns how many."""
    async with transaction(database) as connection:
        streams = await rollups.stream_ids(connection)
    return sum([await _roll_up_stream(database, stream_id) for stream_id in streams])


async def roll_up_bursts(database: Database) -> int:
    """Roll up the streams in which much has happened lately; returns how many."""
    async with transaction(database) as connection:
        until = await invalidations.settled(connection)
        streams = await bursts.busy_streams(connection, until, BUSY)
    for stream_id in streams:
        await _roll_up_stream(database, stream_id)
    return len(streams)


async def measure_streams(database: Database) -> int:
    """Keep what Prometheus is told of the last days of streams that are due; returns how many.

    Measured in one transaction and kept in another: the first one only reads, from one snapshot.
    """
    async with transaction(database) as connection:
        keys = await recent_measures.due(connection)
    for key in keys:
        async with transaction(database) as connection:
            stream, measures = await measure_recent(connection, key)
        async with transaction(database) as connection:
            await recent_measures.keep(connection, stream.id, measures)
    return len(keys)


async def tell_flow(database: Database) -> None:
    """Give OpenTelemetry what Prometheus would scrape, where somebody wants it."""
    if tracing.wants_flow():
        async with transaction(database) as connection:
            tracing.tell_flow(await observe(connection))


async def wind_clocks(database: Database) -> int:
    """Fill the working clocks that do not reach far enough ahead; returns how many."""
    async with transaction(database) as connection:
        streams = await clocks.running_out(connection)
    for stream_id in streams:
        async with transaction(database) as connection:
            stream = await value_streams.load_by_id(connection, stream_id)
            await clocks.fill(connection, stream)
    return len(streams)


async def _roll_up_stream(database: Database, stream_id: int) -> int:
    batches = 0
    while True:
        async with transaction(database) as connection:
            done = await roll_up(connection, stream_id, BUCKET_HOURS)
        batches += done is not None
        if done is None or done.everything:
            return batches


JOBS = (
    Job("forget old idempotency keys", forget_old_keys, every=3600),
    Job("forget old news", forget_old_news, every=3600),
    Job("roll up flow metrics", roll_up_streams, every=60),
    Job("roll up bursts of moves", roll_up_bursts, every=5),
    Job("wind working clocks", wind_clocks, every=300),
    Job("measure the last days", measure_streams, every=60),
    Job("tell OpenTelemetry of the flow", tell_flow, every=60),
)


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
            with tracing.span(f"job: {job.what}"):
                result = await job.run(database)
            JOB_RUNS.labels(job.what, "done").inc()
            JOB_SUCCESS.labels(job.what).set_to_current_time()
            log.debug("job done", job=job.what, result=result)
        except VsmError as error:
            JOB_RUNS.labels(job.what, "failed").inc()
            log.warning("job failed", job=job.what, detail=error.detail)
        except Exception:  # a fault must not end the job until the next restart
            JOB_RUNS.labels(job.what, "failed").inc()
            log.exception("job failed", job=job.what)
