"""Fill a value stream with a made-up year, so that every chart has something to show."""

from collections.abc import Callable

from app.connectors import demo
from app.store import transitions, value_streams
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
    progress: Callable[[int], None] = lambda _: None,
) -> Merged:
    """Merge the demo's histories into the stream; the same seed and day change nothing twice.

    Raises UnknownStream.
    """
    stream = await value_streams.load_to_write(connection, stream_key)
    now = await transitions.clock(connection)
    told = list(
        demo.histories(stream, now=now, days=days, items_per_week=items_per_week, seed=seed)
    )
    return (await ingest(connection, stream, told, now=now, progress=progress)).merged
