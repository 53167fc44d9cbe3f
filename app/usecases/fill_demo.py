"""Fill a value stream with a made-up year, so that every chart has something to show."""

import asyncio
from collections.abc import Callable
from functools import partial

from app.domain.errors import StreamNotEmpty
from app.store import demo_items, transitions, value_streams
from app.store.database import Connection
from app.store.histories import Merged
from app.usecases.ingest import ingest


async def fill_demo(
    connection: Connection,
    *,
    stream_key: str | None = None,
    days: int = 365,
    items_per_week: float = 12,
    seed: int = 1,
    only_if_empty: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Merged:
    """Merge the demo's histories into the stream; the same seed and day change nothing twice.

    Raises UnknownStream; StreamNotEmpty where that is to be refused; InvalidValue (stream) where
    nothing could flow.
    """
    from app.connectors import demo  # noqa: PLC0415 - a worker rarely needs it

    stream = await value_streams.load_to_write(connection, stream_key)
    if only_if_empty:
        there = await demo_items.count(connection, stream.id)
        if there.made_up or there.others:
            raise StreamNotEmpty(
                f"value stream {stream.key!r} has items; apply a stream of its own for made-up ones"
            )
    now = await transitions.clock(connection)
    histories = partial(
        demo.histories, stream, now=now, days=days, items_per_week=items_per_week, seed=seed
    )
    told = await asyncio.to_thread(lambda: list(histories()))  # others are served meanwhile
    return (await ingest(connection, stream, told, now=now, progress=progress)).merged
