"""Try again what is known to be safe, a few times, and not all at the same moment.

A transaction that failed before its commit was sent has left nothing behind, so it may run again,
whatever it does. One that was lost during its commit may only run again where the second run finds
what the first one left: when it only reads, or under an idempotency key or a source event's id.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from app.domain.errors import DatabaseUnavailable, OutcomeUnknown

log = structlog.get_logger()

ATTEMPTS = 4
PAUSE = 0.1
"""Seconds at most before the second attempt; twice as many before each further one."""

Result = TypeVar("Result")


async def repeated(
    work: Callable[[], Awaitable[Result]], *, finds_itself: Callable[[], bool] = lambda: False
) -> Result:
    """Run a unit of work, again if it failed in a way that passes.

    `finds_itself` tells whether a second run would find what a first one has written.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return await work()
        except DatabaseUnavailable as error:
            twice = isinstance(error, OutcomeUnknown) and not finds_itself()
            if twice or not error.passing:
                raise
            failure = error
        log.debug("trying again", attempt=attempt + 1, cause=repr(failure.__cause__))
        # at random, so that those who failed together do not come back together
        await asyncio.sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311
    return await work()
