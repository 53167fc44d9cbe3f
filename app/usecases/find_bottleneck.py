"""Find what holds a value stream up, with the evidence for it."""

import asyncio
from dataclasses import replace

from app.flow.bottleneck import Bottleneck, bottleneck
from app.flow.queues import full_day_bounds, with_data
from app.store import bottleneck as store
from app.store.database import Connection
from app.usecases.scope import Scope

DEFAULT_DAYS = 90


async def find_bottleneck(connection: Connection, scope: Scope) -> Bottleneck:
    """Return the verdict about the scope, whose time before the first item is left out."""
    window = with_data(scope.window, scope.extent.first_created_at)
    selection = replace(scope.selection, window=window)
    bounds = full_day_bounds(window, scope.tz)
    observation = await store.observe(connection, selection, scope.stream, bounds)
    # The resampling takes some hundredths of a second, in which others are to be answered.
    return await asyncio.to_thread(bottleneck, observation, scope.stream)
