"""Take a stream's made-up items away again."""

from app.domain.news import NewsKind
from app.store import demo_items, news, rollups, value_streams
from app.store.database import Connection


async def remove_demo(connection: Connection, stream_key: str | None = None) -> int:
    """Remove all items with the source `demo`, and every move of them; returns how many.

    What was rolled up is made anew by the job, and counted from the log until then. Raises
    UnknownStream.
    """
    stream = await value_streams.load_to_write(connection, stream_key)
    await rollups.lock(connection, stream.id)
    removed = await demo_items.remove(connection, stream.id)
    if removed:
        await rollups.forget(connection, stream.id)
        await news.note(connection, NewsKind.DEMO_REMOVED, stream.id)
    return removed
